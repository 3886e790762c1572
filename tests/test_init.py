"""nn.init: distributions, formulas, layouts, errors."""

import math

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import init


def spread(function, shape, *args, **kwargs):
    w = function(fastnn.zeros(shape), *args, **kwargs).numpy()
    return w.std(), np.abs(w).max()


def test_plain_distributions():
    w = init.uniform_(fastnn.zeros(100_000), -2, 3).numpy()
    assert -2 <= w.min() < -1.99
    assert 2.99 < w.max() <= 3
    assert abs(w.mean() - 0.5) < 0.02
    w = init.normal_(fastnn.zeros(100_000), 1.0, 0.1).numpy()
    assert abs(w.mean() - 1) < 0.002
    assert abs(w.std() - 0.1) < 0.002


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (1, 0.5, 0, 1.2), (0, 1, 3, 6), (0, 1, -9, -4), (5, 2, -90, 90)],
)
def test_trunc_normal(mean, std, a, b):
    stats = pytest.importorskip("scipy.stats")
    w = init.trunc_normal_(fastnn.zeros(20_000, dtype="float64"), mean, std, a, b).numpy()
    assert a <= w.min()
    assert w.max() <= b
    law = stats.truncnorm((a - mean) / std, (b - mean) / std, loc=mean, scale=std)
    assert stats.kstest(w, law.cdf).pvalue > 1e-3


def test_constants():
    assert init.constant_(fastnn.zeros(2), 0.25).tolist() == [0.25, 0.25]
    assert init.ones_(fastnn.zeros(2)).tolist() == [1.0, 1.0]
    assert init.zeros_(fastnn.ones(2)).tolist() == [0.0, 0.0]
    assert (init.eye_(fastnn.zeros(3, 4)).numpy() == np.eye(3, 4)).all()


@pytest.mark.parametrize("shape", [(300, 200), (60, 50, 3, 3)])
def test_fans(shape):
    receptive = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * receptive, shape[0] * receptive
    std, _ = spread(init.xavier_normal_, shape, gain=2.0)
    assert abs(std / (2 * math.sqrt(2 / (fan_in + fan_out))) - 1) < 0.03
    _, top = spread(init.xavier_uniform_, shape)
    assert 0.99 < top / math.sqrt(6 / (fan_in + fan_out)) <= 1.0000001
    std, _ = spread(init.kaiming_normal_, shape, nonlinearity="relu")
    assert abs(std / math.sqrt(2 / fan_in) - 1) < 0.03
    std, _ = spread(init.kaiming_normal_, shape, a=0.5, mode="fan_out")
    assert abs(std / math.sqrt(2 / 1.25 / fan_out) - 1) < 0.03
    _, top = spread(init.kaiming_uniform_, shape, a=math.sqrt(5))
    assert 0.99 < top * math.sqrt(fan_in) <= 1.0000001


def test_gains_are_torchs():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
    with pytest.raises(ValueError, match="expected one of linear"):
        init.calculate_gain("cube")


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (3, 2, 2, 2)])
def test_orthogonal(shape):
    w = (
        init.orthogonal_(fastnn.zeros(shape, dtype="float64"), gain=2.0)
        .numpy()
        .reshape(shape[0], -1)
    )
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_dirac_is_torchs():
    torch = pytest.importorskip("torch")
    for shape, groups in (((4, 2, 3), 1), ((4, 2, 3, 4), 2), ((2, 3, 1, 2, 3), 1)):
        theirs = torch.nn.init.dirac_(torch.zeros(shape), groups)
        assert (init.dirac_(fastnn.zeros(shape), groups).numpy() == theirs.numpy()).all()


def test_sparse():
    w = init.sparse_(fastnn.zeros(100, 7), 0.3, std=0.5).numpy()
    assert ((w == 0).sum(0) == 30).all()
    assert abs(w[w != 0].std() - 0.5) < 0.05
    assert (w[:, 0] != w[:, 1]).any()


def test_values_do_not_depend_on_the_layout():
    draws = []
    for order in ("C", "F"):
        fastnn.manual_seed(1)
        w = nn.Parameter(fastnn.from_numpy(np.zeros((7, 5), np.float32, order)))
        assert init.kaiming_uniform_(w) is w
        assert w.requires_grad
        draws.append(w.detach().numpy())
    assert (draws[0] == draws[1]).all()
    assert len(np.unique(draws[0])) > 30


def test_generator():
    a, b = (init.normal_(fastnn.zeros(5), generator=fastnn.Generator(3)) for _ in range(2))
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: init.eye_(fastnn.zeros(2)), ValueError, "2 dimensions"),
        (lambda: init.dirac_(fastnn.zeros(2, 2)), ValueError, "3 to 5"),
        (lambda: init.dirac_(fastnn.zeros(3, 2, 2), 2), ValueError, "2 groups"),
        (lambda: init.xavier_normal_(fastnn.zeros(2)), ValueError, "at least 2 dimensions"),
        (lambda: init.kaiming_normal_(fastnn.zeros(2, 2), mode="in"), ValueError, "fan_in"),
        (lambda: init.orthogonal_(fastnn.zeros(2)), ValueError, "at least 2"),
        (lambda: init.sparse_(fastnn.zeros(2, 2), 1.5), ValueError, "sparsity"),
        (lambda: init.uniform_(fastnn.zeros(2), 1, 0), ValueError, "low must not be above"),
        (lambda: init.normal_(np.zeros(2)), TypeError, "expected a Tensor"),
        (lambda: init.constant_([1.0], 2), TypeError, "expected a Tensor, got list"),
        (lambda: init.normal_(fastnn.arange(3)), TypeError, "float32 or float64"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_empty_tensors_warn():
    with pytest.warns(UserWarning, match="no elements"):
        init.kaiming_normal_(fastnn.zeros(0, 3))


# name, constructor arguments: large, so that a few samples tell the distribution
DEFAULTS = [
    ("Linear", (300, 70), {}),
    ("Linear", (3, 2000), {}),
    ("Bilinear", (20, 15, 25), {}),
    ("Embedding", (400, 20), {}),
    ("Embedding", (400, 20), {"padding_idx": 3}),
    ("EmbeddingBag", (400, 20), {}),
    ("Conv1d", (24, 60, 5), {}),
    ("Conv2d", (16, 40, 3), {}),
    ("Conv2d", (16, 80, (3, 5)), {"groups": 4}),
    ("ConvTranspose1d", (60, 24, 5), {}),
    ("ConvTranspose2d", (40, 16, 3), {"groups": 2}),
    ("RNN", (30, 40), {"num_layers": 2, "bidirectional": True}),
    ("LSTM", (30, 40), {"proj_size": 20}),
    ("GRU", (30, 40), {}),
    ("RNNCell", (30, 60), {}),
    ("LSTMCell", (30, 40), {}),
    ("GRUCell", (30, 40), {}),
    ("MultiheadAttention", (64, 4), {"add_bias_kv": True}),
    ("MultiheadAttention", (64, 4), {"kdim": 30, "vdim": 20}),
    ("TransformerEncoderLayer", (64, 4, 96), {}),
    ("TransformerDecoderLayer", (64, 4, 96), {}),
    ("Transformer", (32, 2, 1, 1, 64), {}),
    ("BatchNorm2d", (40,), {}),
    ("InstanceNorm1d", (40,), {"affine": True, "track_running_stats": True}),
    ("GroupNorm", (4, 40), {}),
    ("LayerNorm", (40,), {}),
    ("RMSNorm", (40,), {}),
    ("PReLU", (40,), {}),
]


@pytest.mark.parametrize(
    ("name", "args", "kwargs"), DEFAULTS, ids=[f"{n}{a}{k or ''}" for n, a, k in DEFAULTS]
)
def test_layers_start_from_torchs_distributions(name, args, kwargs):
    """Each parameter and buffer of a new layer: constants alike, draws of one distribution."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    stats = pytest.importorskip("scipy.stats", reason="Kolmogorov and Smirnov's test")
    fastnn.manual_seed(3)
    torch.manual_seed(3)
    mine = [getattr(nn, name)(*args, **kwargs).state_dict() for _ in range(3)]
    theirs = [getattr(torch.nn, name)(*args, **kwargs).state_dict() for _ in range(3)]
    assert list(mine[0]) == list(theirs[0])
    for key in mine[0]:
        a, b = (np.stack([s[key].numpy() for s in states]) for states in (mine, theirs))
        assert a.shape == b.shape
        if (b == b.flat[0]).all():
            np.testing.assert_array_equal(a, b, err_msg=key)
            continue
        assert ((a == 0) == (b == 0)).all(), f"{key}: zeros elsewhere"
        assert len(np.unique(a)) > 0.9 * len(np.unique(b)), f"{key}: draws come again"
        a, b = a[a != 0], b[b != 0]
        bound = np.abs(b).max()
        assert stats.ks_2samp(a, b).pvalue > 1e-4, f"{key}: another distribution"
        if np.abs(b).max() < 2 * b.std():  # uniform: its end is sharp
            assert np.abs(a).max() == pytest.approx(bound, rel=0.25 if a.size < 300 else 0.02), key
