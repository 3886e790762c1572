"""The Module system: registration, walking, state, modes, hooks, containers, repr."""

import copy
import gc
import pickle

import numpy as np
import pytest
from networks import Net, Scale

import fastnn
from fastnn import nn


def test_walking():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "rest.1.weight"]
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)] == [
        "first.weight",
        "rest.1.weight",
        "tied.weight",
    ]
    assert [n for n, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [n for n, _ in net.named_children()] == ["first", "rest"]
    assert [n for n, _ in net.first.named_buffers()] == ["seen", "scratch"]
    assert len(list(net.buffers())) == 4
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_parameter("rest.1.weight") is net.rest[1].weight
    assert net.get_buffer("first.seen") is net.first.seen
    with pytest.raises(AttributeError, match="nothing is registered at 'rest.7.weight'"):
        net.get_parameter("rest.7.weight")


def test_nothing_leaves_reference_cycles():
    """Memory of a model, and of every look at its parameters, is free without the collector."""
    net = Net()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            list(net.parameters())
            list(net.named_parameters())
            net.train().eval()
            Net()(fastnn.ones(2)).sum().backward()
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


def test_state_dict_has_torchs_names():
    state = Net().state_dict()
    assert set(state) == {
        f"{m}.{n}" for m in ("first", "rest.1", "tied") for n in ("weight", "seen")
    }
    assert not any(t.requires_grad for t in state.values())
    assert set(Scale().state_dict(prefix="x.")) == {"x.weight", "x.seen"}


def test_load_state_dict():
    net, other = Net(), Net()
    with fastnn.no_grad():
        other.first.weight.data = fastnn.tensor([3.0, 4.0])
    assert str(net.load_state_dict(other.state_dict())) == "<All keys matched successfully>"
    assert net.first.weight.tolist() == [3.0, 4.0]
    kept = net.first.weight
    arrays = {k: np.full(v.shape, 7.0) for k, v in net.state_dict().items()}
    net.load_state_dict(arrays)
    assert kept is net.first.weight
    assert kept.tolist() == [7.0, 7.0]
    assert kept.dtype == fastnn.float32


def test_load_state_dict_lists_every_mismatch_and_changes_nothing():
    net = Net()
    state = net.state_dict()
    state["first.weight"] = fastnn.zeros(3)
    state["rest.1.weight"] = fastnn.zeros(2)
    state["extra"] = fastnn.zeros(4)
    del state["rest.1.seen"]
    with pytest.raises(RuntimeError) as info:
        net.load_state_dict(state)
    for line in (
        "wrong shape: first.weight is (2,), the state has (3,)",
        "missing: rest.1.seen (1,)",
        "unexpected: extra (4,)",
    ):
        assert line in str(info.value)
    assert net.rest[1].weight.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="wrong shape"):
        net.load_state_dict(state, strict=False)
    del state["first.weight"]
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert missing == ["first.weight", "rest.1.seen"]
    assert unexpected == ["extra"]
    assert net.rest[1].weight.tolist() == [0.0, 0.0]


def test_state_goes_to_torch_and_back():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Identity())
    mine = nn.Sequential(nn.Embedding(5, 3), nn.Identity())
    mine.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(mine[0].weight.detach(), theirs[0].weight.detach())
    state = {k: torch.from_numpy(v.numpy() + 1) for k, v in mine.state_dict().items()}
    theirs.load_state_dict(state)
    np.testing.assert_array_equal(mine[0].weight.detach() + 1, theirs[0].weight.detach())


def test_modes_and_conversion():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(TypeError, match="mode must be a bool"):
        net.train("yes")
    weight = net.first.weight
    assert net.double().first.weight is weight
    assert {p.dtype for p in net.parameters()} == {np.dtype("float64")}
    assert net(fastnn.ones(2, dtype="float64")).dtype == np.float64
    assert net.to("cpu").float().first.seen.dtype == np.float32
    with pytest.raises(TypeError, match="float32 or float64"):
        net.to("int64")
    assert not net.requires_grad_(False).first.weight.requires_grad
    assert net.requires_grad_().first.weight.requires_grad


def test_conversion_keeps_the_order_in_memory():
    layer = nn.Module()
    layer.weight = nn.Parameter(fastnn.from_numpy(np.asfortranarray(np.ones((3, 5), np.float32))))
    assert layer.double().weight.stride() == (1, 3)


def test_zero_grad_and_apply():
    net = Net()
    net(fastnn.ones(2)).sum().backward()
    assert net.first.weight.grad is not None
    net.zero_grad(set_to_none=False)
    assert net.first.weight.grad.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert net.first.weight.grad is None
    order = []
    net.apply(lambda m: order.append(type(m).__name__))
    assert order == ["Scale", "Identity", "Scale", "Sequential", "Net"]


def test_assignment_rules():
    layer = Scale()
    with pytest.raises(TypeError, match="weight is a parameter: expected Parameter or None"):
        layer.weight = fastnn.zeros(2)
    with pytest.raises(TypeError, match="seen is a buffer"):
        layer.seen = 3
    layer.seen = fastnn.ones(1)
    assert layer.state_dict()["seen"].item() == 1.0
    layer.weight = None
    assert list(layer.parameters()) == []
    layer.weight = nn.Parameter(fastnn.zeros(3))
    assert [n for n, _ in layer.named_parameters()] == ["weight"]
    del layer.weight
    assert not hasattr(layer, "weight")
    layer.bias = nn.Parameter(fastnn.zeros(1))
    assert [n for n, _ in layer.named_parameters()] == ["bias"]
    for name, error in (("a.b", KeyError), ("", KeyError), ("forward", KeyError), (3, TypeError)):
        with pytest.raises(error):
            layer.register_buffer(name, fastnn.zeros(1))
    with pytest.raises(TypeError, match="expected Parameter or None"):
        layer.register_parameter("w", fastnn.zeros(1))
    with pytest.raises(TypeError, match="expected Module or None"):
        layer.add_module("m", 3)


def test_common_mistakes_are_named():
    class Forgetful(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(fastnn.zeros(1))

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\) before"):
        Forgetful()
    with pytest.raises(TypeError, match="Module has no forward"):
        nn.Module()(1)
    module = nn.Module()
    with pytest.warns(UserWarning, match=r"plain list with a Scale.*nn.ModuleList"):
        module.layers = [Scale()]
    with pytest.warns(UserWarning, match=r"plain dict with a Parameter.*nn.ParameterDict"):
        module.params = {"a": nn.Parameter(fastnn.zeros(1))}
    with pytest.raises(TypeError, match=r"write Sequential\(\*modules\)"):
        nn.Sequential([Scale()])


def test_copies_and_pickles():
    net = Net()
    twin = copy.deepcopy(net)
    twin.first.weight.data = fastnn.zeros(2)
    assert net.first.weight.tolist() == [1.0, 1.0]
    assert twin.tied is twin.first
    loaded = pickle.loads(pickle.dumps(net))
    assert loaded.tied is loaded.first
    assert [n for n, _ in loaded.named_parameters()] == [n for n, _ in net.named_parameters()]


def test_repr():
    assert repr(Net()) == (
        "Net(\n  (first): Scale(n=2)\n  (rest): Sequential(\n    (0): Identity()\n"
        "    (1): Scale(n=2)\n  )\n  (tied): Scale(n=2)\n)"
    )
    assert repr(nn.Module()) == "Module()"


def test_summary():
    net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Dropout())
    net[0].weight.requires_grad_(False)
    table = nn.summary(net, (2, 3), dtype="int64")
    assert [(r["name"], r["shape"], r["units"], r["params"]) for r in table.rows] == [
        ("0", (2, 3, 4), 12, 40),
        ("1", (2, 12), 12, 0),
        ("2", (2, 12), 12, 0),
    ]
    assert (table.total_params, table.trainable_params) == (40, 0)
    assert "of which frozen: 40" in str(table)
    assert net[2].training
    assert not net[0].__dict__["_post_hooks"]
