"""Lazy layers: what they become, and what they say before."""

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

CASES = [
    ("Linear", (3,), {}, (5, 4)),
    ("Linear", (3, False), {}, (4,)),
    ("Conv1d", (6, 3), {"padding": 1, "groups": 2}, (2, 4, 7)),
    ("Conv2d", (6, (3, 2)), {"bias": False}, (4, 6, 5)),
    ("ConvTranspose1d", (6, 3), {"stride": 2}, (2, 4, 7)),
    ("ConvTranspose2d", (6, 3), {"output_padding": 1, "stride": 2}, (2, 4, 6, 5)),
    ("BatchNorm1d", (), {"momentum": None}, (5, 4)),
    ("BatchNorm2d", (1e-3,), {}, (2, 4, 3, 3)),
    ("BatchNorm3d", (), {"bias": False}, (2, 4, 3, 3, 2)),
    ("InstanceNorm1d", (), {}, (2, 4, 7)),
    ("InstanceNorm2d", (), {}, (2, 4, 6, 5)),
    ("InstanceNorm3d", (), {}, (2, 4, 3, 3, 2)),
]
EACH = pytest.mark.parametrize(("name", "args", "kwargs", "shape"), CASES)


@EACH
def test_becomes_the_layer(name, args, kwargs, shape):
    x = fastnn.randn(*shape, dtype="float64")
    fastnn.manual_seed(3)
    layer = getattr(nn, f"Lazy{name}")(*args, **kwargs).double().eval()
    assert f"Lazy{name}(" in repr(layer)
    y = layer(x)
    fastnn.manual_seed(3)
    if "Instance" in name:  # the lazy ones have other defaults, as PyTorch's
        kwargs = {"affine": True, "track_running_stats": True, **kwargs}
    same = getattr(nn, name)(4, *args, **kwargs)
    assert type(layer) is type(same)
    assert repr(layer) == repr(same)
    assert not layer.training
    assert list(layer.state_dict()) == list(same.state_dict())
    same.double().eval().load_state_dict(layer.state_dict())
    assert fastnn.equal(y, same(x))
    assert fastnn.equal(y, layer(x))


@EACH
def test_as_torchs(name, args, kwargs, shape):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    theirs = getattr(torch.nn, f"Lazy{name}")(*args, **kwargs)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y = theirs(torch.from_numpy(x)).detach().numpy()
    mine = getattr(nn, f"Lazy{name}")(*args, **kwargs)
    with fastnn.no_grad():
        mine(fastnn.from_numpy(x))
    assert list(mine.state_dict()) == list(theirs.state_dict())
    fresh = getattr(nn, f"Lazy{name}")(*args, **kwargs)
    fresh.eval()(fastnn.from_numpy(x))
    state = {k: v.detach().numpy().copy() for k, v in theirs.state_dict().items()}
    for key in [k for k in state if "running" in k or "tracked" in k]:
        state[key] = fresh.state_dict()[key].numpy()  # as before the first batch
    fresh.load_state_dict(state)
    np.testing.assert_allclose(
        fresh.train()(fastnn.from_numpy(x)).detach().numpy(), y, rtol=1e-4, atol=1e-5
    )


def test_parameters_before_the_first_call_are_an_error():
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2))
    with pytest.raises(RuntimeError, match="call the model once"):
        optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match="LazyLinear has no parameters"):
        model.state_dict()
    seen = []
    model[0].register_forward_hook(lambda layer, x, y: seen.append(type(layer)))
    model(fastnn.zeros(2, 5))
    assert seen == [nn.Linear]
    model(fastnn.zeros(2, 5))
    assert len(seen) == 2
    optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="features"):
        model(fastnn.zeros(2, 6))


def test_bad_arguments_are_named_at_once():
    with pytest.raises(ValueError, match="out_features"):
        nn.LazyLinear(0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        nn.LazyConv2d(3, 3, strides=2)
    with pytest.raises(ValueError, match="device must be 'cpu'"):
        nn.LazyLinear(3, device="cuda")
