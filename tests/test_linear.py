"""Linear layers, and products whose sizes reach every path of the matmul kernel."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn import nn

try:
    import torch
except ImportError:
    torch = None

# sizes around tiles (4 to 14 rows, 4 to 32 columns), vectors, blocks of k (256) and of rows (384);
# 1024 float32 are 4096 bytes, where rows collide in the cache and operands are copied
SIZES = [
    (1, 1, 1),
    (1, 1024, 300),
    (1, 66, 1001),
    (1, 1030, 785),
    (5, 3, 257),
    (15, 33, 64),
    (29, 64, 512),
    (33, 1024, 1024),
    (385, 65, 600),
    (500, 40, 1024),
    (1024, 1, 300),
    (129, 1, 785),
]


def operand(rng, rows, cols, transposed, dtype):
    x = rng.standard_normal((cols, rows) if transposed else (rows, cols)).astype(dtype)
    return x.T if transposed else x


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("form", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("m, n, k", SIZES)
def test_every_path_is_as_exact_as_numpy_with_the_same_bits_for_any_threads(m, n, k, form, dtype):
    rng = np.random.default_rng(m + n + k)
    a = operand(rng, m, k, form[0] == "t", dtype)
    b = operand(rng, k, n, form[1] == "t", dtype)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble) if m * n * k < 1e6 else None
    if exact is None:
        exact = a.astype(np.float64) @ b.astype(np.float64)
    results = []
    for threads in (1, 2, 3, 7):
        fastnn.set_num_threads(threads)
        results.append((fastnn.from_numpy(a) @ fastnn.from_numpy(b)).numpy().copy())
    for other in results[1:]:
        assert other.tobytes() == results[0].tobytes()
    scale = np.finfo(dtype).eps * np.sqrt(k) * max(1.0, np.abs(exact).max())
    theirs = np.abs(a @ b - exact).max()
    assert np.abs(results[0] - exact).max() <= max(2 * theirs, scale)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_padding_of_tiles_never_meets_what_is_not_finite(value):
    a = np.ones((17, 19), np.float32)
    a[3, 4] = value
    y = (fastnn.from_numpy(a) @ fastnn.from_numpy(np.ones((19, 21), np.float32))).numpy()
    assert np.isfinite(np.delete(y, 3, axis=0)).all() and not np.isfinite(y[3]).any()


def test_linear_weight_has_shape_out_in_and_lies_as_in_out():
    layer = nn.Linear(6, 4)
    assert layer.weight.shape == (4, 6) and layer.weight.stride() == (1, 4)
    assert copy.deepcopy(layer).weight.stride() == (1, 4)
    x = fastnn.from_numpy(np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32))
    layer(x).sum().backward()
    assert layer.weight.grad.shape == (4, 6) and layer.weight.grad.stride() == (1, 4)


def test_linear_initial_values_have_pytorchs_range():
    layer = nn.Linear(400, 300)
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert 0.97 / 20 < np.abs(values).max() <= 1 / 20
        assert abs(values.std() - 1 / 20 / np.sqrt(3)) < 0.003


def test_gradients_are_added_in_place():
    layer = nn.Linear(6, 4)
    x = fastnn.from_numpy(np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32))
    layer(x).sum().backward()
    once = {name: p.grad.numpy().copy() for name, p in layer.named_parameters()}
    kept = layer.weight.grad
    layer(x).sum().backward()
    assert layer.weight.grad is kept
    for name, p in layer.named_parameters():
        np.testing.assert_allclose(p.grad.numpy(), 2 * once[name], rtol=1e-6)


def test_one_row_times_a_large_matrix_has_bias_activation_and_added_gradients():
    fastnn.manual_seed(0)
    layer, other = nn.Linear(785, 129), fastnn.randn(129, 785)
    x = fastnn.randn(1, 785, requires_grad=True)
    step = fastnn.compile(lambda x: layer(x).relu())
    exact = np.maximum(
        x.detach().numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), 0
    )
    for _ in range(4):
        with fastnn.no_grad():
            np.testing.assert_allclose(step(x.detach()).numpy(), exact, atol=1e-5)
    dy = fastnn.randn(1, 129)
    for times in (1, 2):
        (x @ other.T).backward(dy)
        np.testing.assert_allclose(x.grad.numpy(), times * (dy.numpy() @ other.numpy()), atol=1e-4)


def test_no_gradient_where_none_is_wanted():
    layer = nn.Linear(6, 4).requires_grad_(False)
    x = fastnn.zeros(5, 6, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None and layer.bias.grad is None and x.grad.shape == (5, 6)


def test_errors_name_what_was_expected_and_given():
    with pytest.raises(ValueError, match="linear: x has 784 features, weight expects 768"):
        nn.Linear(768, 10)(fastnn.zeros(2, 784))
    with pytest.raises(ValueError, match="in_features must be a positive int, got 0"):
        nn.Linear(0, 10)
    with pytest.raises(ValueError, match="out_features must be a positive int, got 2.5"):
        nn.Bilinear(1, 2, 2.5)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("bias", [True, False])
def test_layers_agree_with_pytorch(bias):
    rng = np.random.default_rng(0)
    x, z = (rng.standard_normal((2, 7, size)).astype(np.float32) for size in (6, 5))
    for mine, theirs, inputs in (
        (nn.Linear(6, 4, bias=bias), torch.nn.Linear(6, 4, bias=bias), [x]),
        (nn.Bilinear(6, 5, 4, bias=bias), torch.nn.Bilinear(6, 5, 4, bias=bias), [x, z]),
    ):
        state = {
            name: torch.from_numpy(np.array(p.detach().numpy()))
            for name, p in mine.named_parameters()
        }
        theirs.load_state_dict(state)
        y, expected = mine(*map(fastnn.from_numpy, inputs)), theirs(*map(torch.from_numpy, inputs))
        np.testing.assert_allclose(
            y.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-5
        )
        (y * y).sum().backward()
        (expected * expected).sum().backward()
        for name, p in theirs.named_parameters():
            got = dict(mine.named_parameters())[name].grad.numpy()
            np.testing.assert_allclose(got, p.grad.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("terms", [1, 3, 4, 5, 6, 13, 30])
def test_few_terms_leave_the_packed_operands_apart(terms):
    """A block of 256 or 384 rows, packed whole, beside hardly more columns: scratch has no room to spare."""
    rng = np.random.default_rng(terms)
    for rows in (256, 384):
        for cols in (rows + 1, rows + 7, 900):
            a, b = (rng.standard_normal((terms, n)).astype(np.float32) for n in (rows, cols))
            product = (fastnn.from_numpy(a).T @ fastnn.from_numpy(b)).numpy()
            np.testing.assert_allclose(product, a.T.astype(np.float64) @ b, rtol=0, atol=1e-4)
