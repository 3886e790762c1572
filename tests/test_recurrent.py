"""RNN, LSTM, GRU, their cells and packed sequences, against PyTorch."""

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn.utils import rnn as utils

torch = pytest.importorskip("torch", reason="compares with torch")

RTOL = {np.float32: 1e-4, np.float64: 1e-9}
EACH_DTYPE = pytest.mark.parametrize("dtype", RTOL, ids=["f32", "f64"])


def pair(name, *args, dtype, **kwargs):
    """The same layer in both libraries, with torch's values by way of a state_dict."""
    theirs = getattr(torch.nn, name)(*args, **kwargs).to(getattr(torch, np.dtype(dtype).name))
    mine = getattr(nn, name)(*args, **kwargs, dtype=dtype)
    state = {k: v.detach().numpy() for k, v in theirs.state_dict().items()}
    assert [(k, tuple(v.shape)) for k, v in mine.state_dict().items()] == [
        (k, v.shape) for k, v in state.items()
    ]
    mine.load_state_dict(state)
    return mine, theirs


def flat(result):
    if hasattr(result, "data") and hasattr(result, "batch_sizes"):
        return [result.data]
    if isinstance(result, (tuple, list)):
        return [x for r in result for x in flat(r)]
    return [result]


def close(a, b, dtype, what):
    a, b = np.array(a.detach().numpy()), b.detach().numpy()
    assert a.shape == b.shape, what
    scale = max(1.0, np.abs(b).max()) if b.size else 1.0
    np.testing.assert_allclose(a, b, RTOL[dtype], RTOL[dtype] / 10 * scale, err_msg=what)


def compare(mine, theirs, arrays, dtype, call=lambda layer, lib, *inputs: layer(*inputs)):
    """Outputs, and gradients at inputs and parameters, of seeded random gradients at the outputs."""
    rng = np.random.default_rng(5)
    arrays = [a.astype(dtype) for a in arrays]
    inputs = [fastnn.from_numpy(a.copy()).requires_grad_() for a in arrays]
    others = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]
    got, expected = flat(call(mine, fastnn, *inputs)), flat(call(theirs, torch, *others))
    assert len(got) == len(expected)
    total, wanted = 0, 0
    for i, (a, b) in enumerate(zip(got, expected)):
        close(a, b, dtype, f"output {i}")
        if a.requires_grad:
            w = rng.standard_normal(b.shape).astype(dtype)
            total = total + (a * fastnn.from_numpy(w)).sum()
            wanted = wanted + (b * torch.from_numpy(w)).sum()
    total.backward()
    wanted.backward()
    for i, (a, b) in enumerate(zip(inputs, others)):
        close(a.grad, b.grad, dtype, f"gradient of input {i}")
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters()):
        if q.grad is not None:
            close(p.grad, q.grad, dtype, f"gradient of {name}")


SETTINGS = {
    "plain": {},
    "two layers": {"num_layers": 2, "bias": False},
    "bidirectional": {"bidirectional": True, "batch_first": True},
    "deep": {"num_layers": 3, "bidirectional": True},
}
KINDS = ["RNN", "LSTM", "GRU"]


def states(kind, rng, depth, size, *batch, proj=0):
    h = rng.standard_normal((depth, *batch, proj or size))
    return [h, rng.standard_normal((depth, *batch, size))] if kind == "LSTM" else [h]


def with_state(layer, lib, x, *state):
    return layer(x, state[0] if len(state) == 1 else tuple(state))


@EACH_DTYPE
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind, setting, dtype):
    options = SETTINGS[setting]
    rng = np.random.default_rng(0)
    mine, theirs = pair(kind, 5, 7, **options, dtype=dtype)
    depth = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    shape = (3, 4, 5) if options.get("batch_first") else (4, 3, 5)
    for x in (rng.standard_normal(shape), rng.standard_normal((4, 5))):
        compare(mine, theirs, [x], dtype)
        mine.zero_grad()
        theirs.zero_grad()
        batch = [3] if x.ndim == 3 else []
        compare(mine, theirs, [x, *states(kind, rng, depth, 7, *batch)], dtype, with_state)
        mine.zero_grad()
        theirs.zero_grad()
    mine.eval(), theirs.eval()
    with fastnn.no_grad(), torch.no_grad():
        x = rng.standard_normal(shape).astype(dtype)
        for a, b in zip(flat(mine(fastnn.from_numpy(x))), flat(theirs(torch.from_numpy(x)))):
            close(a, b, dtype, "evaluation")


@EACH_DTYPE
@pytest.mark.parametrize(
    "kind, options",
    [
        ("RNN", {"nonlinearity": "relu"}),
        ("LSTM", {"proj_size": 3}),
        ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True}),
        ("GRU", {"hidden_size": 1, "input_size": 1}),
        ("LSTM", {"hidden_size": 1, "input_size": 1}),
    ],
    ids=str,
)
def test_options(kind, options, dtype):
    sizes = {"input_size": 5, "hidden_size": 7, **options}
    rng = np.random.default_rng(1)
    mine, theirs = pair(kind, **sizes, dtype=dtype)
    for steps, batch in ((3, 4), (1, 1), (2, 0)):
        x = rng.standard_normal((steps, batch, sizes["input_size"]))
        if batch == 0:
            assert mine(fastnn.from_numpy(x.astype(dtype)))[0].shape[1] == 0
            continue
        compare(mine, theirs, [x], dtype)
        mine.zero_grad()
        theirs.zero_grad()


def test_non_contiguous_input():
    rng = np.random.default_rng(2)
    mine, theirs = pair("LSTM", 4, 6, dtype=np.float64)
    x = rng.standard_normal((3, 5, 8))

    def call(layer, lib, x):
        return layer(x.transpose(0, 1)[:, :, ::2])

    compare(mine, theirs, [x], np.float64, call)


@EACH_DTYPE
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [[4, 2, 1], [2, 4, 4], [1, 3, 2]], ids=str)
def test_packed_sequences(kind, lengths, dtype):
    rng = np.random.default_rng(3)
    mine, theirs = pair(kind, 3, 5, num_layers=2, bidirectional=True, dtype=dtype)

    def call(layer, lib, x, *state):
        tools = utils if lib is fastnn else torch.nn.utils.rnn
        packed = tools.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, after = layer(packed, state[0] if len(state) == 1 else tuple(state))
        padded, found = tools.pad_packed_sequence(y, batch_first=True, padding_value=2.0)
        return padded, found, after

    x = rng.standard_normal((3, 4, 3))
    compare(mine, theirs, [x, *states(kind, rng, 4, 5, 3)], dtype, call)


def test_padding_and_packing():
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal((n, 2)) for n in (2, 5, 1, 5)]
    mine = [fastnn.from_numpy(a) for a in arrays]
    theirs = [torch.from_numpy(a) for a in arrays]
    reference = torch.nn.utils.rnn
    for options in ({}, {"batch_first": True, "padding_value": -1.0}, {"padding_side": "left"}):
        close(
            utils.pad_sequence(mine, **options),
            reference.pad_sequence(theirs, **options),
            np.float64,
            str(options),
        )
    packed = utils.pack_sequence(mine, enforce_sorted=False)
    expected = reference.pack_sequence(theirs, enforce_sorted=False)
    for a, b in zip(packed, expected):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    for a, b in zip(utils.unpack_sequence(packed), arrays):
        np.testing.assert_array_equal(a.numpy(), b)
    y, lengths = utils.pad_packed_sequence(packed, total_length=7)
    z, others = reference.pad_packed_sequence(expected, total_length=7)
    close(y, z, np.float64, "total_length")
    np.testing.assert_array_equal(lengths.numpy(), others.numpy())
    x = fastnn.zeros(3, 2, 1)
    for bad, match in (
        ([1, 2], "enforce_sorted=False"),
        ([4, 1], "input has 3 steps"),
        ([2, 0], "must be positive"),
        ([2, 1, 1], "3 lengths"),
        ([1.5, 1.0], "whole numbers"),
    ):
        with pytest.raises(ValueError, match=match):
            utils.pack_padded_sequence(x, bad)
    with pytest.raises(ValueError, match="total_length"):
        utils.pad_packed_sequence(packed, total_length=3)
    with pytest.raises(ValueError, match="at least one"):
        utils.pad_sequence([])


@EACH_DTYPE
@pytest.mark.parametrize(
    "kind, options",
    [
        ("RNNCell", {}),
        ("RNNCell", {"nonlinearity": "relu", "bias": False}),
        ("LSTMCell", {}),
        ("LSTMCell", {"bias": False}),
        ("GRUCell", {}),
        ("GRUCell", {"bias": False}),
    ],
    ids=str,
)
def test_cells(kind, options, dtype):
    rng = np.random.default_rng(6)
    mine, theirs = pair(kind, 3, 5, **options, dtype=dtype)
    for batch in ((4,), ()):
        x, h, c = (rng.standard_normal((*batch, n)) for n in (3, 5, 5))
        given = [x, h, c] if kind == "LSTMCell" else [x, h]

        def twice(cell, lib, x, *state):
            state = tuple(state) if len(state) == 2 else state[0]
            return cell(x, cell(x, state))

        compare(mine, theirs, given, dtype, twice)
        mine.zero_grad()
        theirs.zero_grad()
        compare(mine, theirs, [x], dtype)
        mine.zero_grad()
        theirs.zero_grad()


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_penalty(kind):
    """Gradients of the squared norm of a gradient, through both directions of two layers."""
    mine, theirs = pair(kind, 3, 4, num_layers=2, bidirectional=True, dtype=np.float64)
    x = np.random.default_rng(8).standard_normal((4, 2, 3))
    for layer, lib in ((mine, fastnn), (theirs, torch)):
        inputs = lib.from_numpy(x.copy()).requires_grad_()
        value = (layer(inputs)[0] ** 2).sum()
        (dx,) = lib.autograd.grad(value, inputs, create_graph=True)
        (dx**2).sum().backward()
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters()):
        close(p.grad, q.grad, np.float64, name)


def test_initial_values():
    for layer in (nn.LSTM(4, 400), nn.GRU(4, 400, num_layers=2), nn.RNNCell(4, 400)):
        for p in layer.parameters():
            a = p.detach().numpy()
            assert np.abs(a).max() <= 0.05 and abs(a.std() - 0.1 / np.sqrt(12)) < 3e-3


def test_dropout_between_layers():
    layer = nn.GRU(4, 30, num_layers=2, dropout=0.5)
    x = fastnn.randn(5, 2, 4)
    a, b = layer(x)[0], layer(x)[0]
    assert not np.array_equal(a.detach().numpy(), b.detach().numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    with pytest.warns(UserWarning, match="num_layers is 1"):
        nn.GRU(4, 3, dropout=0.5)
    layer = nn.LSTM(4, 3, num_layers=2, dropout=1.0)  # the second layer sees zeros
    assert layer(x)[0].detach().numpy().std(axis=1).max() < 1e-7


def test_recorded_training_step_gives_the_eager_bits():
    def trained(wrap):
        fastnn.manual_seed(0)
        model = nn.LSTM(3, 8, num_layers=2, dropout=0.3, batch_first=True)
        head = nn.Linear(8, 2)
        adam = fastnn.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-2)

        def step(x, y):
            adam.zero_grad()
            loss = nn.functional.cross_entropy(head(model(x)[0][:, -1]), y)
            loss.backward()
            adam.step()
            return loss

        run = wrap(step)
        rng = np.random.default_rng(1)
        for _ in range(5):
            x = fastnn.from_numpy(rng.standard_normal((6, 5, 3)).astype(np.float32))
            run(x, fastnn.from_numpy(rng.integers(0, 2, 6)))
        if wrap is fastnn.compile:
            assert run.replayed >= 2, "the step was not replayed"
        return [p.detach().numpy().tobytes() for p in model.parameters()]

    assert trained(fastnn.compile) == trained(lambda f: f)


def test_errors():
    layer = nn.LSTM(3, 4)
    x = fastnn.zeros(5, 2, 3)
    with pytest.raises(ValueError, match="expected 3 features"):
        layer(fastnn.zeros(5, 2, 4))
    with pytest.raises(ValueError, match="2 or 3 dimensions"):
        layer(fastnn.zeros(3))
    with pytest.raises(ValueError, match=r"tuple \(h_0, c_0\)"):
        layer(x, fastnn.zeros(1, 2, 4))
    with pytest.raises(ValueError, match=r"h_0 must have shape \(1, 2, 4\)"):
        layer(x, (fastnn.zeros(1, 3, 4), fastnn.zeros(1, 2, 4)))
    with pytest.raises(ValueError, match=r"c_0 must have shape \(1, 2, 4\)"):
        layer(x, (fastnn.zeros(1, 2, 4), fastnn.zeros(2, 4)))
    with pytest.raises(ValueError, match="at least one step"):
        layer(fastnn.zeros(0, 2, 3))
    with pytest.raises(ValueError, match="hidden_size must be a positive int"):
        nn.GRU(3, 0)
    with pytest.raises(ValueError, match="dropout must be a number from 0 to 1"):
        nn.GRU(3, 4, dropout="0.5")
    with pytest.raises(ValueError, match="proj_size must be from 0"):
        nn.LSTM(3, 4, proj_size=4)
    with pytest.raises(TypeError):
        nn.GRU(3, 4, proj_size=2)
    with pytest.raises(ValueError, match="nonlinearity"):
        nn.RNN(3, 4, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="state must have shape"):
        nn.GRUCell(3, 4)(fastnn.zeros(2, 3), fastnn.zeros(2, 3))
    with pytest.raises(ValueError, match="input must have shape"):
        nn.GRUCell(3, 4)(fastnn.zeros(2, 5))
    y, _ = layer(x)
    with fastnn.no_grad():
        layer.weight_hh_l0.add_(1.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
