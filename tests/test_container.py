"""Containers of modules, and layers without a family of their own."""

import pytest
from networks import Scale

import fastnn
from fastnn import nn


def test_sequential():
    net = nn.Sequential(Scale(), nn.Identity())
    assert len(net) == 2
    assert net[-1] is net[1]
    assert len(net[:1]) == 1
    net.append(nn.Flatten()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in net] == ["Identity", "Scale", "Identity", "Flatten"]
    assert list(net.state_dict()) == ["1.weight", "1.seen"]
    del net[0]
    assert net.pop() is not None
    net[1] = Scale()
    assert net(fastnn.full((2,), 3.0)).tolist() == [3.0, 3.0]
    with pytest.raises(IndexError, match="index 5 is out of range for 2"):
        net[5]
    named = nn.Sequential({"a": Scale(), "b": Scale()})
    assert [n for n, _ in named.named_parameters()] == ["a.weight", "b.weight"]
    assert list(named[1:].state_dict()) == ["b.weight", "b.seen"]
    with pytest.raises(TypeError, match="expected Modules, got function"):
        nn.Sequential(lambda x: x)


def test_lists_and_dicts():
    layers = nn.ModuleList([Scale()])
    layers += [Scale(), Scale()]
    assert len(layers) == 3
    assert len(layers[1:]) == 2
    assert isinstance(layers[1:], nn.ModuleList)
    assert [n for n, _ in layers.named_parameters()] == ["0.weight", "1.weight", "2.weight"]
    named = nn.ModuleDict({"a": Scale()})
    named.update({"b": nn.Identity()})
    assert list(named.keys()) == ["a", "b"]
    assert "a" in named
    assert isinstance(named.pop("a"), Scale)
    assert len(named) == 1
    with pytest.raises(KeyError):
        named["a"]
    values = nn.ParameterList([fastnn.zeros(2), nn.Parameter(fastnn.zeros(3))])
    assert [p.shape for p in values.parameters()] == [(2,), (3,)]
    assert [n for n, _ in nn.ParameterDict({"x": fastnn.zeros(1)}).named_parameters()] == ["x"]


def test_flatten_and_unflatten():
    x = fastnn.zeros(2, 3, 4, 5)
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Unflatten(-1, (5, -1))(x).shape == (2, 3, 4, 5, 1)
    with pytest.raises(ValueError, match=r"5 elements of dim 3 do not make \(2, 2\)"):
        nn.Unflatten(3, (2, 2))(x)


def test_embedding():
    layer = nn.Embedding(5, 3, padding_idx=-1)
    assert layer.weight[4].tolist() == [0.0] * 3
    layer(fastnn.tensor([[0, 4], [4, 2]])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0] * 3, [0.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3]
    frozen = nn.Embedding.from_pretrained(fastnn.ones(2, 2))
    assert not frozen.weight.requires_grad
    with pytest.raises(IndexError, match="position 1 is 5, expected 0 to 4"):
        layer(fastnn.tensor([0, 5]))


def test_dropout_layers():
    x = fastnn.ones(4, 6, 5, 5)
    for layer in (nn.Dropout(0.5), nn.Dropout2d(0.5), nn.AlphaDropout(0.5)):
        assert (layer(x).numpy() != 1).any()
        assert layer.eval()(x) is x
    assert (nn.Dropout1d(0.5)(fastnn.ones(30, 4, 3)).numpy() == 0).any()
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    y = fastnn.ones(100, requires_grad=True) * 1
    assert nn.Dropout(0.5, inplace=True)(y) is y
    assert set(y.tolist()) == {0.0, 2.0}
    assert y.grad_fn.name() == "dropout"
    with pytest.raises(ValueError, match="p must be from 0 to 1, got 2"):
        nn.Dropout(2)
