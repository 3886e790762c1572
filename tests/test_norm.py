"""Normalization layers: statistics, state, modes and refusals."""

import numpy as np
import pytest
from fastnn._engine.engine import compile

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch")

LAYERS = [
    ("BatchNorm1d", (6,), {}, (8, 6)),
    ("BatchNorm1d", (6,), {"momentum": None}, (8, 6, 5)),
    ("BatchNorm1d", (6,), {"track_running_stats": False}, (8, 6)),
    ("BatchNorm1d", (6,), {"affine": False, "momentum": 0.3}, (8, 6)),
    ("BatchNorm2d", (6,), {}, (4, 6, 3, 2)),
    ("InstanceNorm1d", (6,), {}, (8, 6, 5)),
    ("InstanceNorm1d", (6,), {"affine": True, "track_running_stats": True}, (8, 6, 5)),
    ("GroupNorm", (3, 6), {}, (8, 6, 5)),
    ("LayerNorm", (5,), {}, (8, 6, 5)),
    ("LayerNorm", ((6, 5),), {"bias": False}, (8, 6, 5)),
    ("LayerNorm", (5,), {"elementwise_affine": False, "eps": 1e-2}, (8, 5)),
    ("RMSNorm", (5,), {}, (8, 5)),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS)
def test_as_torch(name, args, kwargs, shape):
    """Outputs, gradients and state over training and evaluation steps."""
    rng = np.random.default_rng(3)
    mine, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for training in (True, True, False, True):
        mine.train(training)
        theirs.train(training)
        x = rng.standard_normal(shape).astype(np.float32)
        a, b = fastnn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = mine(a), theirs(b)
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=2e-5)
        dy = rng.standard_normal(shape).astype(np.float32)
        y.backward(fastnn.tensor(dy))
        z.backward(torch.tensor(dy))
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=5e-5)
        for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-4)
        for key, value in theirs.state_dict().items():
            got = np.asarray(mine.state_dict()[key])
            np.testing.assert_allclose(got, value.numpy(), atol=1e-5, err_msg=key)


@pytest.mark.parametrize(("layer", "axis"), [(nn.BatchNorm1d(64), 0), (nn.LayerNorm(64), 1)])
def test_a_mean_far_from_zero(layer, axis):
    x = (np.random.default_rng(0).standard_normal((1000, 64)) + 1e4).astype(np.float32)
    y = layer(fastnn.tensor(x)).detach().numpy()
    exact = x.astype(float)
    exact = (exact - exact.mean(axis, keepdims=True)) / np.sqrt(
        exact.var(axis, keepdims=True) + 1e-5
    )
    assert np.abs(y - exact).max() < 2e-3


def test_batch_of_one_in_training():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(
        ValueError, match=r"more than one value per channel .*\(1, 3\).*drop_last.*eval"
    ):
        layer(fastnn.ones(1, 3))
    assert layer.num_batches_tracked.item() == 0
    assert layer.eval()(fastnn.ones(1, 3)).shape == (1, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm1d(3), (4, 5), "BatchNorm1d: x has 5 features, BatchNorm1d expects 3"),
        (nn.BatchNorm1d(3), (4, 3, 2, 2), r"BatchNorm1d: expected 2-d or 3-d input, got shape"),
        (nn.BatchNorm2d(3), (4, 3), "BatchNorm2d: expected 4-d input"),
        (
            nn.LayerNorm(3),
            (4, 5),
            r"layer_norm: input has shape \(4, 5\), expected it to end with \(3,\)",
        ),
        (nn.GroupNorm(2, 4), (4, 5), "expected 4 channels in dimension 1"),
    ],
)
def test_wrong_shapes(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(fastnn.ones(*shape))


def test_float64():
    layer = nn.BatchNorm1d(3).double()
    y = layer(fastnn.randn(4, 3, dtype=fastnn.float64))
    assert y.dtype == fastnn.float64
    assert layer.running_mean.dtype == fastnn.float64


def test_running_statistics_in_a_recorded_step():
    data = [fastnn.randn(8, 3) for _ in range(5)]
    layers = [nn.BatchNorm1d(3, momentum=m) for m in (0.1, None) for _ in range(2)]
    with fastnn.no_grad():
        for eager, recorded in (layers[:2], layers[2:]):
            step = compile(lambda x, layer=recorded: layer(x))
            for x in data:
                np.testing.assert_array_equal(eager(x).numpy(), step(x).numpy())
            for key, value in eager.state_dict().items():
                got = np.asarray(recorded.state_dict()[key])
                np.testing.assert_array_equal(got, np.asarray(value))
