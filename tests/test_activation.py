"""Activation layers: names, options, printing and values as torch's; learned parameters; in place."""

import numpy as np
import pytest

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with torch")

LAYERS = [
    *[(name, {}) for name in ("Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink", "SELU")],
    *[(name, {}) for name in ("ReLU", "ReLU6", "SiLU", "Mish", "Hardswish", "Hardsigmoid")],
    ("ReLU", {"inplace": True}),
    ("SiLU", {"inplace": True}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.2, "inplace": True}),
    ("ELU", {"alpha": 0.5}),
    ("CELU", {"alpha": 0.5}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 5.0}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("Threshold", {"threshold": 0.3, "value": -1.0}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 6, "init": 0.1}),
    ("GLU", {}),
    ("GLU", {"dim": 0}),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in LAYERS]


@pytest.mark.parametrize("name, options", LAYERS, ids=IDS)
def test_layer_is_torchs(name, options):
    mine, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    if options.get("inplace") is not True:
        assert repr(mine) == repr(theirs)
    data = np.random.default_rng(3).standard_normal((4, 6)).astype(np.float32) * 3
    x, t = fastnn.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, u = mine(x * 1), theirs(t * 1)
    np.testing.assert_allclose(y.detach().numpy(), u.detach().numpy(), rtol=1e-5, atol=1e-6)
    y.sum().backward()
    u.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-5, atol=1e-6)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_swish_learns_its_beta():
    layer = nn.Swish(3)
    x = fastnn.tensor(np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32))
    layer(x).square().sum().backward()
    assert layer.weight.grad.shape == (3,) and layer.weight.grad.abs().min().item() > 0
    sharp = nn.Swish(init=1e4)
    np.testing.assert_allclose(sharp(x).detach().numpy(), np.maximum(x.numpy(), 0), atol=1e-4)


def test_in_place_writes_its_input_and_keeps_its_gradient():
    data = np.random.default_rng(2).standard_normal((5, 7)).astype(np.float32)
    x = fastnn.tensor(data)
    address = x.data_ptr()
    y = nn.functional.relu(x, inplace=True)
    assert y is x and x.data_ptr() == address
    np.testing.assert_array_equal(x.numpy(), np.maximum(data, 0))
    leaf = fastnn.tensor(data, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        nn.functional.relu(leaf, inplace=True)
    inner = leaf * 2
    nn.functional.elu(inner, inplace=True)
    inner.sum().backward()
    expected = np.where(data > 0, 2.0, 2 * np.exp(2 * data))
    np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=1e-5)
    view = fastnn.tensor(data).T
    view.tanh_()
    np.testing.assert_allclose(view.numpy(), np.tanh(data.T), rtol=1e-6)


def test_a_subclass_may_have_a_forward_of_its_own():
    class Scaled(nn.ELU):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def forward(self, input):
            return self.scale * super().forward(input)

    assert Scaled(3.0)(fastnn.tensor([2.0])).item() == 6.0


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_prelu_wants_a_positive_count(bad):
    with pytest.raises(ValueError, match="num_parameters"):
        nn.PReLU(bad)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (2, 3, 4), (2, 3, 4, 2)])
def test_softmax_without_a_dimension_is_torchs(name, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    with pytest.warns(UserWarning, match="Implicit dimension"):
        theirs = getattr(torch.nn.functional, name)(torch.tensor(x)).numpy()
    with pytest.warns(UserWarning, match=f"{name}: say which dimension"):
        mine = getattr(nn.functional, name)(fastnn.tensor(x))
    np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-12)
    layer = {"softmax": nn.Softmax, "log_softmax": nn.LogSoftmax, "softmin": nn.Softmin}[name]()
    with pytest.warns(UserWarning, match="say which dimension"):
        np.testing.assert_array_equal(layer(fastnn.tensor(x)).numpy(), mine.numpy())
