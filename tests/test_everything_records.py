"""Every layer, loss and optimizer of the library records: replays give the bits of eager steps.

Layers come from layer_table.py; a class that stands in no table fails.
"""

import inspect
import warnings

import numpy as np
import pytest
from layer_table import LAYERS, row

import fastnn
from fastnn import nn, optim

WORDS_IN_BAGS = ("int", (9,), 7), ("offsets", (4,), 9)
MORE_LAYERS = [
    row("Swish", on=[(3, 4)]),
    row("LearnedPositionalEncoding", 4, 6, on=[(2, 5, 4)]),
    row("SinusoidalPositionalEncoding", 4, on=[(2, 5, 4)]),
    row("TemperatureScaling", on=[(3, 4)]),
    row("Transformer", 4, 2, 1, 1, 8, on=[((3, 2, 4), (5, 2, 4))]),
    *(
        row("EmbeddingBag", 7, 3, mode=mode, padding_idx=padding, on=[WORDS_IN_BAGS])
        for mode in ("mean", "sum", "max")
        for padding in (None, 2)
    ),
]
# of other layers: test_a_container_records below, and these are tried with a Sequential of two
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}
STACKS = {"TransformerEncoder", "TransformerDecoder"}

LABELS, BITS, SIGNS = ("int", (5,), 4), ("bits", (5, 4)), ("signs", (5, 4))
LOSSES = [
    row(name, on=[((5, 4), (5, 4))])
    for name in (
        "MSELoss",
        "L1Loss",
        "SmoothL1Loss",
        "HuberLoss",
        "AsymmetricHuberLoss",
        "WingLoss",
    )
]
LOSSES += [
    row("CrossEntropyLoss", on=[((5, 4), LABELS), ((5, 4), ("odds", (5, 4)))]),
    row("CrossEntropyLoss", label_smoothing=0.1, ignore_index=2, on=[((5, 4), LABELS)]),
    row("NLLLoss", on=[((5, 4), LABELS)]),
    row("BCELoss", on=[(("odds", (5, 4)), BITS)]),
    row("BCEWithLogitsLoss", on=[((5, 4), BITS)]),
    row("QuantileLoss", 0.3, on=[((5, 4), (5, 4))]),
    row("KLDivLoss", on=[((5, 4), ("odds", (5, 4)))]),
    row("PoissonNLLLoss", on=[((5, 4), BITS)]),
    row("GaussianNLLLoss", on=[((5, 4), (5, 4), ("odds", (5, 4)))]),
    row("FocalLoss", on=[((5, 4), LABELS)]),
    row("SquaredEMDLoss", on=[((5, 4), LABELS)]),
    row("DistillationLoss", 2.0, 0.5, on=[((5, 4), (5, 4), LABELS)]),
    row("MultiMarginLoss", on=[((5, 4), LABELS)]),
    row("WestonWatkinsLoss", on=[((5, 4), LABELS)]),
    row("MultiLabelMarginLoss", on=[((5, 4), ("int", (5, 4), 4))]),
    row("MultiLabelSoftMarginLoss", on=[((5, 4), BITS)]),
    row("SoftMarginLoss", on=[((5, 4), SIGNS)]),
    row("HingeEmbeddingLoss", on=[((5, 4), SIGNS)]),
    row("MarginRankingLoss", on=[((5, 4), (5, 4), SIGNS)]),
    row("CosineEmbeddingLoss", on=[((5, 4), (5, 4), ("signs", (5,)))]),
    row("TripletMarginLoss", on=[((5, 4),) * 3]),
    row("TripletMarginWithDistanceLoss", on=[((5, 4),) * 3]),
    row("CTCLoss", on=[((6, 2, 4), ("labels", (2, 3)), ("full", (2,), 6), ("full", (2,), 3))]),
]
OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "l1_decay": 0.01}),
    *[
        (name, {"weight_decay": 0.01})
        for name in ("Adagrad", "Adam", "AdamW", "Adadelta", "Adamax", "ASGD")
    ],
    ("Adam", {"amsgrad": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    *[(name, {}) for name in ("NAdam", "RAdam", "Rprop", "Lion")],
]
NOT_RECORDED = {"Optimizer", "LBFGS"}  # LBFGS looks at the loss to choose its next step


def draw(rng, spec):
    kind, shape = (spec[0], spec[1]) if isinstance(spec[0], str) else ("normal", spec)
    if kind == "int":
        return rng.integers(0, spec[2], shape)
    if kind == "labels":
        return rng.integers(1, 4, shape)
    if kind == "offsets":
        return np.sort(rng.integers(0, spec[2], shape)) * (np.arange(*shape) > 0)
    if kind == "full":
        return np.full(shape, spec[2])
    made = {
        "normal": lambda: rng.standard_normal(shape),
        "odds": lambda: rng.uniform(0.05, 0.95, shape),
        "bits": lambda: 1.0 * (rng.random(shape) < 0.5),
        "signs": lambda: rng.choice([-1.0, 1.0], shape),
    }
    return made[kind]().astype(np.float32)


def tensors(value):
    if isinstance(value, fastnn.Tensor):
        return [value]
    return [t for v in value for t in tensors(v)] if isinstance(value, (tuple, list)) else []


def assert_records(make, specs, seed=0):
    """make(): (module, optimizer or None). Five steps, eager and compiled: equal bits, replayed."""
    traces = []
    for compiled in (False, True):
        fastnn.manual_seed(3)
        module, optimizer = make()

        def step(*args, module=module, optimizer=optimizer):
            if optimizer is not None:
                optimizer.zero_grad()
            xs = [x.detach() for x in args]
            for x in xs:
                x.requires_grad = x.is_floating_point()
            outputs = [y for y in tensors(module(*xs)) if y.requires_grad]
            sum(((y * y).sum() for y in outputs[1:]), (outputs[0] * outputs[0]).sum()).backward()
            if optimizer is not None:
                optimizer.step()
            return [y.detach() for y in outputs] + [x.grad for x in xs if x.grad is not None]

        step = fastnn.compile(step) if compiled else step
        rng, trace = np.random.default_rng(seed), []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(6):
                found = step(*[fastnn.tensor(draw(rng, spec)) for spec in specs])
                state = [*module.parameters(), *module.buffers()]
                trace.append([t.detach().numpy().tobytes() for t in (*found, *state)])
        traces.append(trace)
    assert traces[0] == traces[1]
    assert step.eager == 0
    assert step.replayed >= 3


def usable(rows):
    """(row, call) pairs whose call has elements."""
    for layer in rows:
        for i, call in enumerate(layer.inputs):
            if all(0 not in (spec[1] if isinstance(spec[0], str) else spec) for spec in call):
                yield pytest.param(layer, call, id=f"{layer.id}-{i}")


@pytest.mark.parametrize(("layer", "call"), list(usable([*LAYERS, *MORE_LAYERS])))
def test_layers(layer, call):
    def make():
        module = getattr(nn, layer.name)(*layer.args, **layer.kwargs)
        parameters = list(module.parameters())
        return module, optim.SGD(parameters, lr=0.01, momentum=0.9) if parameters else None

    assert_records(make, call)


@pytest.mark.parametrize(("loss", "call"), list(usable(r for r in LOSSES if hasattr(nn, r.name))))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses(loss, call, reduction):
    kind = getattr(nn, loss.name)
    assert_records(lambda: (kind(*loss.args, **loss.kwargs, reduction=reduction), None), call)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_optimizers(name, options):
    def make():
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
        return model, getattr(optim, name)(model.parameters(), **options)

    assert_records(make, [(6, 4)])


def test_containers():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            encoder = nn.TransformerEncoderLayer(4, 2, 8, 0.1, batch_first=True)
            decoder = nn.TransformerDecoderLayer(4, 2, 8, 0.1, batch_first=True)
            self.stacks = nn.ModuleDict(
                {"in": nn.TransformerEncoder(encoder, 2), "out": nn.TransformerDecoder(decoder, 2)}
            )
            self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in "ab"])
            self.scales = nn.ParameterDict({"a": fastnn.ones(4)})
            self.shifts = nn.ParameterList([fastnn.ones(4)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x) * self.scales["a"] + self.shifts[0]
            return self.stacks["out"](x, self.stacks["in"](x))

    def make():
        model = Model()
        return model, optim.Adam(model.parameters())

    assert_records(make, [(2, 3, 4)])


def test_nothing_is_left_out():
    classes = {n for n, c in vars(nn).items() if inspect.isclass(c) and issubclass(c, nn.Module)}
    classes = {n for n in classes if not n.startswith("Lazy")}  # their first call makes them others
    tried = {r.name for r in [*LAYERS, *MORE_LAYERS, *LOSSES]} | CONTAINERS | STACKS
    assert classes - tried == set()
    kinds = {n for n, c in vars(optim).items() if inspect.isclass(c)}
    assert kinds - {name for name, _ in OPTIMIZERS} == NOT_RECORDED


INTEGERS = {
    "labels compared": lambda a, b, m: (a == b, a != 2, a < b, 3 >= b, a > b, a <= b),
    "masks": lambda a, b, m: (m & (a > 1), m | (b > 1), m ^ (a == b), ~m, m & True),
    "logic": lambda a, b, m: (
        a.logical_and(b),
        fastnn.logical_or(m, b),
        fastnn.logical_xor(a, m),
        fastnn.logical_not(a),
    ),
    "arithmetic": lambda a, b, m: (a + b, a - 2, 3 * b, 2 - a, m + a, m * m, m + m, a.int() * 2),
    "larger": lambda a, b, m: (fastnn.maximum(a, b), fastnn.minimum(a, b)),
    "chosen": lambda a, b, m: (
        fastnn.where(m, a, b),
        fastnn.where(m, a, -1),
        fastnn.where(a > b, m, ~m),
    ),
    "sums": lambda a, b, m: (a.sum(), m.sum(0), (a == b).sum(1, keepdim=True), a.int().sum()),
    "accuracy": lambda a, b, m: ((a == b).float().mean(), fastnn.where(a == b, 1.0, 2.0)),
}


@pytest.mark.parametrize("function", INTEGERS.values(), ids=list(INTEGERS))
def test_integers_and_masks(function):
    """While a step is recorded they are computed by Calls: NumPy would not be replayed."""
    compiled = fastnn.compile(function)
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            a, b = (fastnn.tensor(rng.integers(-4, 5, (3, 4))) for _ in "ab")
            mask = fastnn.tensor(rng.random((3, 4)) < 0.5)
            for mine, eager in zip(compiled(a, b, mask), function(a, b, mask), strict=True):
                assert mine.dtype == eager.dtype
                assert mine.tolist() == eager.tolist()
    assert compiled.replayed == 3


def test_integers_that_float64_does_not_hold():
    """Compared and added exactly, in replays too."""
    compiled = fastnn.compile(lambda a, b: a == b)
    small = fastnn.tensor([1, 2])
    for _ in range(3):
        assert compiled(small, small).tolist() == [True, True]
    large = fastnn.tensor([2**53, 2])
    assert compiled(large, fastnn.tensor([2**53 + 1, 2])).tolist() == [False, True]
    assert compiled.replayed == 2
    total = fastnn.compile(lambda a: (a + 1).sum())
    for k in range(4):
        assert total(fastnn.tensor([2**60 + k, 2])).item() == 2**60 + k + 4
