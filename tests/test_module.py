"""The Module system: registration, walking, state, modes, hooks, containers, repr."""

import copy
import gc
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import nn


class Scale(nn.Module):
    def __init__(self, n=2):
        super().__init__()
        self.weight = nn.Parameter(fastnn.ones(n))
        self.register_buffer("seen", fastnn.zeros(1))
        self.register_buffer("scratch", fastnn.zeros(1), persistent=False)
        self.register_parameter("bias", None)

    def forward(self, x, factor=1.0):
        return x * self.weight * factor

    def extra_repr(self):
        return f"n={self.weight.shape[0]}"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.rest = nn.Sequential(nn.Identity(), Scale())
        self.tied = self.first

    def forward(self, x):
        return self.rest(self.first(x))


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


def test_hooks():
    layer, x = Scale(), fastnn.ones(2)
    double = layer.register_forward_pre_hook(lambda m, args: args[0] * 2)
    add = layer.register_forward_hook(lambda m, args, y: y + args[0])
    assert layer(x).tolist() == [4.0, 4.0]
    double.remove()
    assert layer(x).tolist() == [2.0, 2.0]
    add.remove()
    add.remove()
    calls = []
    with layer.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 5.0}), with_kwargs=True
    ):
        layer.register_forward_hook(
            lambda m, args, kwargs, y: calls.append(kwargs), with_kwargs=True
        )
        layer.register_forward_hook(lambda m, a, y: calls.append("first"), prepend=True)
        assert layer(x, factor=1.0).tolist() == [5.0, 5.0]
    assert calls == ["first", {"factor": 5.0}]
    assert layer(x).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="callable"):
        layer.register_forward_hook(3)


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


@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_backward_hooks():
    """What torch's full backward hooks see and change: gradients of inputs and outputs."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    found = []
    for library in (fastnn, torch):
        layer = library.nn.Linear(3, 2)
        layer.load_state_dict(
            {
                "weight": library.as_tensor(np.arange(6, dtype=np.float32).reshape(2, 3)),
                "bias": library.zeros(2),
            }
        )
        seen = []

        def before(module, dy, seen=seen):
            seen.append([g.detach().numpy().copy() for g in dy])
            return (dy[0] * 2,)

        def after(module, dx, dy, seen=seen):
            seen.append([None if g is None else g.detach().numpy().copy() for g in (*dx, *dy)])
            return (dx[0] + 1,) if dx[0] is not None else None

        handles = [
            layer.register_full_backward_pre_hook(before),
            layer.register_full_backward_hook(after),
        ]
        x = library.ones(4, 3)
        x.requires_grad_()
        layer(x).sum().backward()
        layer(
            x.detach()
        ).sum().backward()  # no gradient wanted by the input: hooks run all the same
        for handle in handles:
            handle.remove()
        layer(x).sum().backward()
        found.append((seen, x.grad.numpy().copy(), layer.weight.grad.numpy().copy()))
    (mine, *mine_grads), (theirs, *their_grads) = found
    assert len(mine) == len(theirs) == 4
    for a, b in zip(mine, theirs, strict=True):
        for u, v in zip(a, b, strict=True):
            assert (u is None) == (v is None)
            np.testing.assert_array_equal(u, v)
    for u, v in zip(mine_grads, their_grads, strict=True):
        np.testing.assert_array_equal(u, v)
    layer = nn.Linear(1, 1)
    layer.register_full_backward_hook(lambda m, dx, dy: (dx[0], dx[0]))
    total = layer(fastnn.ones(1, 1, requires_grad=True)).sum()
    with pytest.raises(RuntimeError, match="returned 2 gradients, expected 1"):
        total.backward()


def test_fusing_batch_norm_and_parameters_as_a_vector():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(2)
    for first, second, shape, transposed in (
        (("Conv2d", 3, 4, 3), "BatchNorm2d", (2, 3, 6, 6), False),
        (("ConvTranspose2d", 3, 4, 3), "BatchNorm2d", (2, 3, 6, 6), True),
        (("Conv1d", 3, 4, 3), "BatchNorm1d", (2, 3, 6), False),
        (("Linear", 3, 4), "BatchNorm1d", (5, 3), False),
    ):
        pair = nn.Sequential(getattr(nn, first[0])(*first[1:]), getattr(nn, second)(4))
        for _ in range(3):
            pair(fastnn.tensor(rng.standard_normal(shape).astype(np.float32)))
        pair.eval()
        other = torch.nn.Sequential(
            getattr(torch.nn, first[0])(*first[1:]), getattr(torch.nn, second)(4)
        ).eval()
        other.load_state_dict(
            {k: torch.tensor(np.array(v.detach().numpy())) for k, v in pair.state_dict().items()}
        )
        linear = first[0] == "Linear"
        extra = () if linear else (transposed,)
        name = "fuse_linear_bn_eval" if linear else "fuse_conv_bn_eval"
        fused = getattr(nn.utils, name)(*pair, *extra)
        theirs = getattr(torch.nn.utils, name)(*other, *extra)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(
                fused.state_dict()[key].numpy(), value.numpy(), rtol=1e-5, atol=1e-6
            )
        x = fastnn.tensor(rng.standard_normal(shape).astype(np.float32))
        np.testing.assert_allclose(
            fused(x).detach().numpy(), pair(x).detach().numpy(), rtol=1e-4, atol=1e-5
        )
        with pytest.raises(ValueError, match="eval"):
            getattr(nn.utils, name)(*pair.train(), *extra)

    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (11,) and vector.requires_grad
    nn.utils.vector_to_parameters(fastnn.arange(11.0), model.parameters())
    np.testing.assert_array_equal(model[0].bias.detach().numpy(), [6, 7])
    with pytest.raises(ValueError, match="11 elements"):
        nn.utils.vector_to_parameters(fastnn.arange(12.0), model.parameters())


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize(
    ("layer", "args", "shape"),
    [("Linear", (4, 3), (5, 4)), ("Conv2d", (2, 3, 2), (1, 2, 4, 4)), ("ConvTranspose1d", (2, 3, 2), (1, 2, 4))],
)  # fmt: skip
def test_parametrizations_as_torch(name, layer, args, shape):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(8)
    mine = getattr(nn.utils.parametrizations, name)(getattr(nn, layer)(*args)).double()
    theirs = getattr(torch.nn.utils.parametrizations, name)(
        getattr(torch.nn, layer)(*args)
    ).double()
    assert sorted(mine.state_dict()) == sorted(theirs.state_dict())
    mine.load_state_dict({k: np.array(v.numpy()) for k, v in theirs.state_dict().items()})
    for training in (True, True, False):
        mine.train(training)
        theirs.train(training)
        x = rng.standard_normal(shape)
        y, z = mine(fastnn.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        mine.zero_grad()
        theirs.zero_grad()
        (y**2).sum().backward()
        (z**2).sum().backward()
        wanted = dict(theirs.named_parameters())
        for key, p in mine.named_parameters():
            np.testing.assert_allclose(
                p.grad.numpy(), wanted[key].grad.numpy(), rtol=1e-8, atol=1e-11
            )
    before = mine.weight.detach().numpy().copy()
    nn.utils.parametrize.remove_parametrizations(mine, "weight")
    assert type(mine) is getattr(nn, layer) and isinstance(mine.weight, nn.Parameter)
    np.testing.assert_array_equal(mine.weight.detach().numpy(), before)
    with pytest.raises(ValueError, match="not parametrized"):
        nn.utils.parametrize.remove_parametrizations(mine, "weight")
