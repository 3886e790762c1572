"""Views share memory and gradients; random chains of shape operations against NumPy and PyTorch."""

import numpy as np
import pytest

import fastnn

try:
    import torch
except ImportError:
    torch = None


def array(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


VIEWS = {
    "reshape": lambda x: x.reshape(4, 6),
    "view": lambda x: x.view(-1, 2),
    "flatten": lambda x: x.flatten(1),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, -1),
    "mT": lambda x: x.mT,
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "movedim": lambda x: x.movedim(0, 2),
    "select": lambda x: x.select(1, -1),
    "narrow": lambda x: x.narrow(2, 1, 2),
    "split": lambda x: x.split(2, dim=1)[0],
    "chunk": lambda x: x.chunk(2, dim=2)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "diagonal": lambda x: x.diagonal(0, 1, 2),
    "index": lambda x: x[:, 1:, ::2],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory(name):
    x = fastnn.tensor(array(2, 3, 4))
    VIEWS[name](x)[...] = 7.0
    assert (x.numpy() == 7).sum() == VIEWS[name](x).numel()


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_views_and_of_torch(name):
    if torch is None:
        pytest.skip("torch is not installed")
    a = array(2, 3, 4)
    x = fastnn.tensor(a, requires_grad=True)
    y = torch.tensor(a, requires_grad=True)
    for turn in (lambda t: t, lambda t: t.permute(1, 0, 2).permute(1, 0, 2), lambda t: t * 1):
        ours, theirs = VIEWS[name](turn(x)), VIEWS[name](turn(y))
        assert ours.shape == tuple(theirs.shape)
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
        w = array(*ours.shape, seed=1)
        (dx,) = fastnn.autograd.grad(ours, x, fastnn.tensor(w))
        (dy,) = torch.autograd.grad(theirs, y, torch.tensor(w))
        np.testing.assert_array_equal(dx.numpy(), dy.numpy())


def random_step(rng, shape):
    """A function of arrays and tensors alike that changes the shape."""
    ndim = len(shape)
    kind = rng.integers(6)
    if kind == 0:
        order = tuple(int(i) for i in rng.permutation(ndim))
        return lambda x: x.transpose(order) if isinstance(x, np.ndarray) else x.permute(order)
    if kind == 1:
        size = int(np.prod(shape))
        parts = [d for d in range(1, size + 1) if size % d == 0] or [0]
        first = int(rng.choice(parts))
        return lambda x: x.reshape(first, size // max(first, 1))
    if kind == 2:
        dim = int(rng.integers(ndim))
        start = int(rng.integers(shape[dim]))
        key = (slice(None),) * dim + (slice(start, None, int(rng.integers(1, 3))),)
        return lambda x: x[key]
    if kind == 3:
        dim = int(rng.integers(ndim + 1)) if ndim < 5 else 0
        if ndim >= 5:
            return lambda x: x[0] if len(x.shape) > 1 else x
        return lambda x: np.expand_dims(x, dim) if isinstance(x, np.ndarray) else x.unsqueeze(dim)
    if kind == 4:
        dim = int(rng.integers(ndim))
        return lambda x: np.flip(x, dim) if isinstance(x, np.ndarray) else x.flip(dim)
    wide = tuple(int(rng.integers(1, 3)) if n == 1 else n for n in shape)
    return lambda x: np.broadcast_to(x, wide) if isinstance(x, np.ndarray) else x.expand(wide)


@pytest.mark.parametrize("seed", range(60))
def test_random_chains(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((3, 4, 2))
    x = fastnn.tensor(a, requires_grad=True)
    # an array of places goes along: what each element of the result was in the input
    y, places = x, np.arange(a.size).reshape(a.shape)
    for _ in range(6):
        step = random_step(rng, places.shape)
        y, places = step(y), step(places)
        assert y.shape == places.shape
        np.testing.assert_array_equal(y.detach().numpy(), a.ravel()[places])
        np.testing.assert_array_equal(y.contiguous().detach().numpy(), a.ravel()[places])
    w = rng.standard_normal(places.shape)
    (dx,) = fastnn.autograd.grad(y, x, fastnn.tensor(w))
    expected = np.bincount(places.ravel(), w.ravel(), a.size).reshape(a.shape)
    np.testing.assert_allclose(dx.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_view_refuses_a_copy():
    with pytest.raises(ValueError, match="use reshape"):
        fastnn.tensor(array(2, 3)).T.view(6)


def test_gradients_of_many_cuts_add_up():
    x = fastnn.tensor(array(6, 4), requires_grad=True)
    h = x * 2
    y = fastnn.cat([piece * (i + 1) for i, piece in enumerate(h.split(2))], 1)
    (y.sum() + h[1:5].sum() + h.T[0].sum()).backward()
    expected = np.repeat([[2.0], [4.0], [6.0]], 2, 0) * np.ones((6, 4))
    expected[1:5] += 2
    expected[:, 0] += 2
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_cat_of_mixed_dtypes():
    x = fastnn.tensor(array(2, dtype=np.float32), requires_grad=True)
    y = fastnn.cat([x, fastnn.tensor(array(3)), fastnn.tensor([1, 2])])
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_expanded_tensors_refuse_writes():
    x = fastnn.zeros(3, 1).expand(3, 4)
    with pytest.raises(RuntimeError, match="clone"):
        x[0] = 1.0
    y = x.clone()
    y[0] = 1.0
    assert y.sum().item() == 4


def test_clone_keeps_the_order_of_dimensions():
    x = fastnn.tensor(array(3, 4)).T
    assert x.clone().stride() == x.stride()
    assert x.contiguous().is_contiguous()


def test_eight_dimensions_are_the_most():
    x = fastnn.zeros(*[1] * 8)
    for grow in (
        lambda: x.unsqueeze(0),
        lambda: x[None],
        lambda: fastnn.stack([x]),
        lambda: x.expand(1, *x.shape),
    ):
        with pytest.raises((ValueError, IndexError), match="8 dimensions"):
            grow()


@pytest.mark.parametrize("size", [2**40, 2**62, 2**63 - 1, -1, -(2**63)])
def test_extreme_sizes(size):
    for make in (
        lambda: fastnn.zeros(size, size),
        lambda: fastnn.zeros(1).expand(size, size),
        lambda: fastnn.zeros(4).reshape(size, 4),
        lambda: fastnn.pad(fastnn.zeros(2), (size, size)),
        lambda: fastnn.tile(fastnn.zeros(2, 2), (size, size)),
        lambda: fastnn.narrow(fastnn.zeros(3), 0, size, size),
        lambda: fastnn.zeros(3)[size:size],
    ):
        try:
            make()
        except (ValueError, MemoryError, IndexError, OverflowError):
            pass


def test_to_converts_values_and_gradients():
    x = fastnn.tensor([1.5, -2.5], requires_grad=True)
    x.double().sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.detach().to(np.int64).numpy(), [1, -2])
    assert x.to(np.float32) is x and x.to("cpu") is x
    assert x.detach().bool().dtype == bool
    with pytest.raises(TypeError, match="expected float32"):
        x.to("float16")
