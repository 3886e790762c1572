"""Operators, promotion and in-place forms: what the op table does not look at."""

import numpy as np
import pytest

import fastnn

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]], np.float32)


def test_reflected_operators_take_numbers_and_arrays():
    x = fastnn.tensor(X)
    for mine, theirs in [
        (2 + x, 2 + X),
        (2 - x, 2 - X),
        (2 * x, 2 * X),
        (2 / x, 2 / X),
        (2**x, 2**X),
        (7 // x, 7 // X),
        (7 % x, 7 % X),
        (X - x, X - X),
        (X / x, X / X),
        (-x, -X),
        (abs(x), abs(X)),
        (x**2, X**2),
        (np.float64(2.0) * x, 2 * X),
    ]:
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-6)
    assert ((1 < x).tolist(), (x != 1).tolist()) == ((X > 1).tolist(), (X != 1).tolist())
    for strange in ("2", None, {}, [1]):
        with pytest.raises(TypeError):
            x + strange
        with pytest.raises(TypeError):
            strange * x
    assert (x == "text") is False and (x != None) is True  # noqa: E711


DTYPES = ["float32", "float64", "int64", "int32", "bool"]


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize(
    "right", [*DTYPES, "0-d float64", "0-d int64", "int", "float", "bool number"]
)
def test_promotion_is_torchs(left, right):
    torch = pytest.importorskip("torch", reason="compares with torch")
    numbers = {"int": 2, "float": 2.5, "bool number": True}

    def operand(library, name):
        if name in numbers:
            return numbers[name]
        array = np.ones(() if name.startswith("0-d") else 3, name.split()[-1])
        return library.from_numpy(array) if array.ndim else library.tensor(array)

    for op in ("__add__", "__mul__", "__truediv__", "__lt__"):
        mine = getattr(operand(fastnn, left), op)(operand(fastnn, right))
        theirs = getattr(operand(torch, left), op)(operand(torch, right))
        assert mine.dtype == theirs.numpy().dtype, op
        np.testing.assert_allclose(mine.numpy(), theirs.numpy())


def test_in_place_forms_write_their_memory():
    x = fastnn.tensor(X)
    address, expected = x.data_ptr(), X.copy()
    x += 1
    expected += 1
    x *= fastnn.tensor([2.0, 3.0, 4.0])
    expected *= [2, 3, 4]
    x -= x
    expected -= expected
    x.add_(fastnn.tensor(X), alpha=-2).div_(4).clamp_(min=-1).exp_()
    expected = np.exp(np.maximum(-2 * X / 4, -1))
    assert x.data_ptr() == address
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-6)
    x.T.mul_(2)
    np.testing.assert_allclose(x.numpy(), 2 * expected, rtol=1e-6)
    square = fastnn.tensor(X[:, :2])
    square += square.T
    np.testing.assert_allclose(square.numpy(), X[:, :2] + X[:, :2].T)
    assert x.fill_(3).zero_().tolist() == np.zeros_like(X).tolist()
    whole = fastnn.tensor([1, 2])
    whole += 3
    assert whole.tolist() == [4, 5]
    with pytest.raises(TypeError, match="int64"):
        whole += 0.5
    with pytest.raises(ValueError, match="shape"):
        whole += fastnn.tensor([[1, 2], [3, 4]])


def test_in_place_in_the_graph():
    leaf = fastnn.tensor(X, requires_grad=True)
    for change in (lambda t: t.add_(1), lambda t: t.zero_(), lambda t: t.exp_()):
        with pytest.raises(RuntimeError, match="leaf"):
            change(leaf)
    with fastnn.no_grad():
        leaf.mul_(1)
    y = leaf * 3
    y.mul_(2)
    y += 1
    y.sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), 6, rtol=1e-6)
    z = leaf.exp()
    w = z * 2
    z.add_(1)  # exp saved its output
    with pytest.raises(RuntimeError, match="exp.*in place"):
        w.sum().backward()
    filled = leaf * 1
    filled.fill_(2)
    (filled * leaf).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), 8, rtol=1e-6)


def test_broadcast_gradients_are_summed():
    a = fastnn.tensor(np.ones((3, 1, 2), np.float32), requires_grad=True)
    b = fastnn.tensor(np.full((4, 1), 2.0, np.float32), requires_grad=True)
    (a / b).sum().backward()
    assert a.grad.shape == (3, 1, 2) and b.grad.shape == (4, 1)
    np.testing.assert_allclose(a.grad.numpy(), 2.0)
    np.testing.assert_allclose(b.grad.numpy(), -6 / 4)


def test_one_tensor_on_both_sides():
    x = fastnn.tensor([3.0], requires_grad=True)
    (x * x + x / x - x**x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [6 - 27 * (np.log(3) + 1)], rtol=1e-5)


def test_where_with_one_argument_gives_indices():
    (rows, columns) = fastnn.where(fastnn.tensor(X) > 2)
    assert rows.tolist() == [0, 1] and columns.tolist() == [2, 1]


def cut_at_random(rng, shape):
    """An array that broadcasts to shape, with gaps, negative strides or fewer dimensions."""
    full = rng.standard_normal([2 * n for n in shape]).astype(np.float32)
    cuts = [(slice(None, 1), slice(0, 2 * n, 2), slice(n - 1, None, -1)) for n in shape]
    part = full[tuple(cut[rng.integers(0, 3)] for cut in cuts)]
    return part[(0,) * int(rng.integers(0, len(shape) + 1))] if rng.random() < 0.3 else part


def test_many_strided_operands_agree_with_numpy():
    rng = np.random.default_rng(0)
    for _ in range(300):
        shape = [int(n) for n in rng.integers(1, 4, rng.integers(0, 7))]
        a, b, c = (np.asarray(cut_at_random(rng, shape)) for _ in range(3))
        x, y, z = (fastnn.from_numpy(t) for t in (a, b, c))
        np.testing.assert_array_equal((x - y).numpy(), a - b)
        np.testing.assert_array_equal((x < y).numpy(), a < b)
        np.testing.assert_array_equal(fastnn.where(x < y, y, z).numpy(), np.where(a < b, b, c))


def test_integers_and_bools_where_pytorch_takes_them():
    five, bits = fastnn.tensor(np.array(5, np.int64)), fastnn.tensor(np.array([4, 1], np.int32))
    for got in (five & bits, bits | five, five ^ bits):
        assert got.dtype == np.int32  # a 0-d tensor is of no higher kind
    assert (five & bits).tolist() == [4, 1]
    mask = fastnn.tensor([True, False])
    assert mask.masked_fill(~mask, -0.5).tolist() == [True, True]
    assert mask.masked_fill(mask, 0.0).tolist() == [False, False]
    whole = fastnn.where(five > 0, fastnn.tensor(np.array(3, np.int32)), 2)
    assert (whole.dtype, whole.item()) == (np.int32, 3)
    y = fastnn.logsumexp(fastnn.tensor([0, 0]), 0)
    assert y.dtype == np.float32
    assert y.item() == pytest.approx(np.log(2))
