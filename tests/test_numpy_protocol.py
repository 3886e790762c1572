"""NumPy's functions given Tensors: arrays come out, but for operators, which are the Tensor's own."""

import operator

import numpy as np
import pytest

import fastnn

A = np.linspace(0.25, 3, 12, dtype=np.float32).reshape(3, 4)
T = fastnn.tensor(A)

FUNCTIONS = {
    "exp": np.exp,
    "sum": np.sum,
    "mean over rows": lambda x: np.mean(x, axis=0, keepdims=True),
    "std": np.std,
    "max": np.max,
    "argmax": lambda x: np.argmax(x, axis=1),
    "any": np.any,
    "isfinite": np.isfinite,
    "maximum": lambda x: np.maximum(x, 1),
    "clip": lambda x: np.clip(x, 0.5, 1),
    "round": np.round,
    "sort": np.sort,
    "quantile": lambda x: np.quantile(x, 0.3),
    "where": lambda x: np.where(x > 1, x, 0),
    "stack": lambda x: np.stack([x, x]),
    "concatenate": lambda x: np.concatenate((x, A), axis=1),
    "transpose": np.transpose,
    "squeeze": np.squeeze,
    "dot": lambda x: np.dot(x, A.T),
    "einsum": lambda x: np.einsum("ij,ij->i", x, x),
    "norm": np.linalg.norm,
    "unique": np.unique,
    "zeros_like": np.zeros_like,
    "add.reduce": np.add.reduce,
    "multiply.outer": lambda x: np.multiply.outer(x, x),
    "out": lambda x: np.exp(x, out=np.empty((3, 4), np.float32)),
    "operator with options": lambda x: np.add(x, 1, dtype=np.float64),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_what_they_give_for_arrays(name):
    expect, got = FUNCTIONS[name](A), FUNCTIONS[name](T)
    assert type(got) is type(expect)
    np.testing.assert_array_equal(got, expect, strict=True)


OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "lt",
    "le",
    "eq",
    "ne",
    "gt",
    "ge",
]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("left", [A[:1], np.float32(2), np.float64(2), np.int64(2)], ids=repr)
def test_an_operator_with_an_array_on_its_left_is_the_tensors(name, left):
    f = getattr(operator, name)
    got = f(left, T)
    assert isinstance(got, fastnn.Tensor)
    expect = f(fastnn.tensor(left) if isinstance(left, np.ndarray) else left.item(), T)
    assert got.dtype == expect.dtype
    np.testing.assert_array_equal(got.numpy(), expect.numpy())
    np.testing.assert_allclose(got.numpy(), f(left, A), rtol=1e-6)


def test_products_and_bits():
    assert isinstance(A @ T.t(), fastnn.Tensor)
    np.testing.assert_allclose((A @ T.t()).numpy(), A @ A.T, rtol=1e-6)
    mask = A > 1
    for f in (operator.and_, operator.or_, operator.xor):
        got = f(mask, T > 2)
        assert isinstance(got, fastnn.Tensor)
        np.testing.assert_array_equal(got.numpy(), f(mask, A > 2))


def test_gradients_pass_operators_and_no_function():
    x = fastnn.ones(3, requires_grad=True)
    (np.arange(3, dtype=np.float32) * x).sum().backward()
    assert x.grad.tolist() == [0, 1, 2]
    for f in (np.exp, np.sum, lambda t: np.stack([t, t])):
        with pytest.raises(RuntimeError, match=r"requires grad; use detach\(\)"):
            f(x)


def test_an_array_that_a_tensor_is_added_to_stays_that_array():
    a = view = np.ones(3, np.float32)
    a += fastnn.ones(3)
    assert a is view
    assert view.tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="requires grad"):
        a += fastnn.ones(3, requires_grad=True)


def test_a_recorded_step_notices_that_values_leave():
    @fastnn.compile
    def f(x):
        return x * float(np.sum(x))

    with pytest.warns(UserWarning, match="numpy"):
        assert f(fastnn.ones(2)).tolist() == [2, 2]
    assert f(fastnn.full((2,), 2.0)).tolist() == [8, 8]
