"""Square brackets: random expressions, read and written, against NumPy and PyTorch."""

import numpy as np
import pytest

import fastnn

try:
    import torch
except ImportError:
    torch = None


def random_key(rng, shape, arrays=True):
    """A random index expression: a tuple, and whether NumPy and PyTorch agree on its meaning."""
    items, dim, length, advanced, ints = [], 0, int(rng.integers(1, 5)), [], False
    while dim < len(shape):
        kind = rng.integers(8 if arrays else 4)
        n = shape[dim]
        if kind == 0 and n:
            items.append(int(rng.integers(-n, n)))
            ints = True
        elif kind == 1:
            items.append(None)
            continue
        elif kind in (2, 3):
            a, b = (int(v) for v in rng.integers(-n - 1, n + 2, 2))
            items.append(slice(a, b, int(rng.integers(1, 4))) if kind == 2 else slice(None))
        elif kind in (4, 5) and n:
            items.append(rng.integers(-n, n, (length,) if kind == 4 else (2, length)))
            advanced.append(len(items) - 1)
        elif kind == 6:
            items.append(rng.random(n) < 0.5)
            advanced.append(len(items) - 1)
            length = int(items[-1].sum())
        elif kind == 7 and dim + 1 < len(shape):
            items.append(rng.random(shape[dim : dim + 2]) < 0.5)
            advanced.append(len(items) - 1)
            dim += 1
        else:
            items.append(slice(None))
        dim += 1
        if rng.random() < 0.2:
            break
    if rng.random() < 0.2 and dim == len(shape):
        items.insert(int(rng.integers(len(items) + 1)), Ellipsis)
    # beside arrays, NumPy counts ints as arrays too, and an empty ellipsis sets arrays apart;
    # PyTorch, and we, take ints first and see nothing in an empty ellipsis
    return tuple(items), not ((ints or any(k is ... for k in items)) and advanced)


def converted(key, make):
    return tuple(make(k) if isinstance(k, np.ndarray) else k for k in key)


def cases():
    rng = np.random.default_rng(5)
    while True:
        shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 5)))
        a = rng.standard_normal(shape)
        key, same = random_key(rng, shape)
        if sum(k is None for k in key) + a.ndim > 7:
            continue
        try:
            expected = a[key]
        except IndexError:  # arrays that cannot be broadcast together
            with pytest.raises(IndexError):
                fastnn.tensor(a)[converted(key, fastnn.tensor)]
            continue
        yield rng, a, key, same, np.asarray(expected)


def test_random_reads_and_gradients():
    found = cases()
    for _ in range(500):
        rng, a, key, same, expected = next(found)
        if not same:
            continue
        x = fastnn.tensor(a, requires_grad=True)
        y = x[converted(key, fastnn.tensor)]
        assert y.shape == expected.shape, key
        np.testing.assert_array_equal(y.detach().numpy(), expected, err_msg=str(key))
        np.testing.assert_array_equal(x[key].detach().numpy(), expected, err_msg=str(key))
        w = rng.standard_normal(expected.shape)
        (dx,) = fastnn.autograd.grad(y, x, fastnn.tensor(w))
        total = np.zeros_like(a)
        np.add.at(total, key, w)
        np.testing.assert_allclose(dx.numpy(), total, rtol=1e-12, atol=1e-12, err_msg=str(key))


def test_random_writes():
    found = cases()
    for _ in range(500):
        rng, a, key, same, expected = next(found)
        if not same:
            continue
        value = rng.standard_normal(expected.shape)
        if rng.random() < 0.3:
            value = rng.standard_normal(expected.shape[-1:])
            if expected.ndim == 0:
                value = np.float64(1.5)
        x, b = fastnn.tensor(a), a.copy()
        x[converted(key, fastnn.tensor)] = fastnn.tensor(value)
        b[key] = value
        np.testing.assert_array_equal(x.numpy(), b, err_msg=str(key))
        x[key] = 3.0
        b[key] = 3.0
        np.testing.assert_array_equal(x.numpy(), b, err_msg=str(key))


def test_random_expressions_as_in_torch():
    if torch is None:
        pytest.skip("torch is not installed")
    found = cases()
    for _ in range(300):
        rng, a, key, _, _ = next(found)
        x, y = fastnn.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        ours, theirs = x[converted(key, fastnn.tensor)], y[converted(key, torch.tensor)]
        assert ours.shape == tuple(theirs.shape), key
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("order", ["C", "F", "negative"])
def test_reads_of_other_layouts(order):
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 5, 6))
    a = {"C": a, "F": np.asfortranarray(a), "negative": a[::-1, :, ::-1]}[order]
    x = fastnn.from_numpy(a)
    for key in (2, (slice(1, 3), -1), ([0, 2, 2],), (slice(None), [1, 1], slice(2, 5)), a > 0):
        np.testing.assert_array_equal(x[key].numpy(), a[key])
        b = a.copy()
        b[key] = 1.0
        y = fastnn.from_numpy(a.copy(order="K"))
        y[key] = 1.0
        np.testing.assert_array_equal(y.numpy(), b)


def test_writes_are_part_of_the_graph():
    """Gradients of overwritten places are zero; values get theirs, undone broadcasting included."""
    rng = np.random.default_rng(3)
    for key in (
        1,
        (slice(None), 2),
        ([0, 2],),
        (Ellipsis, slice(0, 2)),
        np.array([True, False, True]),
    ):
        a, w = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
        shape = a[key].shape[-1:]
        x = fastnn.tensor(a, requires_grad=True)
        v = fastnn.tensor(rng.standard_normal(shape), requires_grad=True)
        h = x * 1.0
        h[key] = v * 2.0
        (h * fastnn.tensor(w)).sum().backward()
        expected = w.copy()
        expected[key] = 0
        np.testing.assert_allclose(x.grad.numpy(), expected)
        inner = w[key] * 2
        np.testing.assert_allclose(v.grad.numpy(), inner.reshape(-1, *shape).sum(0), rtol=1e-12)


def test_second_order_through_a_write():
    x = fastnn.tensor([1.0, 2.0, 3.0], dtype=np.float64, requires_grad=True)
    h = x**3
    h[1] = x[0] ** 2 * x[2]
    (g,) = fastnn.autograd.grad((h * h).sum(), x, create_graph=True)
    (gg,) = fastnn.autograd.grad(g.sum(), x)
    a, c = 1.0, 3.0  # sum: a^6 + (a^2 c)^2 + c^6
    np.testing.assert_allclose(
        gg.numpy(),
        [30 * a**4 + 12 * a**2 * c**2 + 8 * a**3 * c, 0, 30 * c**4 + 2 * a**4 + 8 * a**3 * c],
    )


def test_a_buffer_filled_by_differentiable_values():
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    buffer = fastnn.zeros(2, 2)
    for i in range(2):
        buffer[i] = x * (i + 1)
    buffer.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3, 3])


def test_writes_that_the_graph_forbids():
    leaf = fastnn.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        leaf[0] = 1.0
    with fastnn.no_grad():
        leaf[0] = 1.0
    assert leaf[0].item() == 1
    h = leaf * 2
    y = h * h
    h[0] = 5.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    frozen = np.zeros(3, np.float32)
    frozen.flags.writeable = False
    with pytest.raises((ValueError, RuntimeError), match="read-only"):
        fastnn.from_numpy(frozen)[0] = 1.0


def test_a_tensor_written_from_itself():
    x = fastnn.arange(6)
    x[1:] = x[:-1].clone()
    y = fastnn.arange(6)
    y[1:] = y[:5]
    assert x.tolist() == y.tolist() == [0, 0, 1, 2, 3, 4]


BAD_KEYS = [
    (5, IndexError, "index 5 is out of range for dimension 0 of size 3"),
    (-4, IndexError, "index -4 is out of range"),
    ((0, 0, 0), IndexError, "too many indices: the tensor has 2 dimensions, got 3"),
    ((Ellipsis, Ellipsis), IndexError, "one ellipsis"),
    (slice(None, None, -1), ValueError, "step must be positive, got -1"),
    (slice(None, None, 0), ValueError, "zero"),
    (1.0, IndexError, "got float"),
    ("a", IndexError, "got str"),
    (True, IndexError, "single bool"),
    ([0.5], IndexError, "float64|float32"),
    ([0, 3], IndexError, "position 1 is 3, expected -3 to 2"),
    (np.array([-4]), IndexError, "position 0 is -4"),
    ((slice(None), [0, 9]), IndexError, "index for dimension 1 at position 1 is 9"),
    (np.ones(4, bool), IndexError, r"mask of shape \(4,\) does not fit"),
    (([0, 1], [0, 1, 2]), IndexError, "cannot be broadcast together"),
]


@pytest.mark.parametrize("key, error, match", BAD_KEYS, ids=[str(k) for k, _, _ in BAD_KEYS])
def test_bad_keys(key, error, match):
    x = fastnn.zeros(3, 4)
    with pytest.raises(error, match=match):
        x[key]
    before = x.numpy().copy()
    with pytest.raises(error, match=match):
        x[key] = 1.0
    np.testing.assert_array_equal(x.numpy(), before)


BELOW = [
    -1,
    -2,
    -5,
    -6,
    -128,
    -(2**15),
    -(2**31),
    -(2**32),
    -(2**53),
    -(2**62),
    1 - 2**63,
    -(2**63),
]
ABOVE = [5, 6, 7, 8, 16, 64, 127, 128, 255, 256, 2**15, 2**16, 2**24, 2**53, 2**61, 2**62]
ABOVE += [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**33, 2**40]
ABOVE += [2**63 - i for i in (1, 2, 5, 64, 4096)]


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_indices_out_of_range_are_never_used(place, dtype):
    """Refused before anything is read or written, forward and in place: 40 values, each use."""
    x, v, w = fastnn.zeros(5), fastnn.ones(3), fastnn.zeros(5, 2)
    for bad in BELOW + ABOVE:
        if not np.iinfo(dtype).min <= bad <= np.iinfo(dtype).max:
            continue
        at = np.array([0, 4, 1], dtype)
        at[place] = bad
        at = fastnn.tensor(at)
        for use in (
            lambda: fastnn.index_select(x, 0, at),
            lambda: fastnn.index_add(x, 0, at, v),
            lambda: x.index_add_(0, at, v),
            lambda: fastnn.gather(x, 0, at),
            lambda: fastnn.scatter(x, 0, at, v),
            lambda: x.scatter_(0, at, v),
            lambda: fastnn.scatter_add(x, 0, at, v),
            lambda: x.scatter_add_(0, at, v),
            lambda: fastnn.scatter_reduce(x, 0, at, v, "amax"),
            lambda: fastnn.index_fill(x, 0, at, 1.0),
            lambda: fastnn.index_copy(x, 0, at, v),
            lambda: fastnn.nn.functional.embedding_bag(at, w, fastnn.tensor([0, 2])),
            lambda: fastnn.one_hot(at, 5),
            lambda: fastnn.embedding(at, w),
            lambda: fastnn.cross_entropy(fastnn.zeros(3, 5), at),
            lambda: fastnn.nll_loss(fastnn.zeros(3, 5), at),
        ):
            with pytest.raises(IndexError, match=f"position {place} is {bad}, expected 0 to 4"):
                use()
        if bad not in range(-5, 5):
            with pytest.raises(IndexError, match=f"is {bad}"):
                x[at] = v
            with pytest.raises(IndexError, match=f"is {bad}"):
                x[at]
            with pytest.raises(IndexError, match=f"take: .*is {bad}"):
                fastnn.take(x, at)
            with pytest.raises(IndexError, match=f"position {place} is {bad}"):
                fastnn.take_along_dim(x, at, 0)
            with pytest.raises(IndexError, match=f"index_put: .*is {bad}"):
                fastnn.index_put(x, (at,), v)
    assert x.tolist() == [0.0] * 5


def test_scatter_add_sums_in_order():
    """Many additions to few places: the same bits for every number of threads."""
    rng = np.random.default_rng(0)
    src = rng.standard_normal((200_000, 3)).astype(np.float32)
    at = rng.integers(0, 7, 200_000)
    results = []
    for threads in (1, 2, 3):
        fastnn.set_num_threads(threads)
        y = fastnn.index_add(fastnn.zeros(7, 3), 0, fastnn.tensor(at), fastnn.tensor(src))
        results.append(y.numpy().tobytes())
    assert len(set(results)) == 1
    exact = np.zeros((7, 3))
    np.add.at(exact, at, src)
    np.testing.assert_allclose(y.numpy(), exact, rtol=1e-3, atol=1e-2)


def test_sorting_ties_and_nan():
    x = fastnn.tensor([2.0, float("nan"), 1.0, 2.0, -float("inf")])
    assert fastnn.argsort(x).tolist() == [4, 2, 0, 3, 1]
    assert fastnn.argsort(x, descending=True).tolist() == [1, 0, 3, 2, 4]
    values, places = fastnn.topk(x, 2, largest=False)
    assert values.tolist() == [-float("inf"), 1.0] and places.tolist() == [4, 2]
