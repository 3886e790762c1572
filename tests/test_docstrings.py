"""Every public name has a docstring: parameters, errors, dtypes, source; and its examples run."""

import ast
import doctest
import importlib
import inspect
import re
import textwrap

import numpy as np
import pytest
from layer_table import LAYERS
from op_calls import OPS
from op_table import ROWS

import fastnn

ROOMS = (
    "fastnn",
    "fastnn.autograd",
    "fastnn.nn",
    "fastnn.nn.functional",
    "fastnn.nn.init",
    "fastnn.nn.utils",
    "fastnn.nn.utils.parametrizations",
    "fastnn.nn.utils.parametrize",
    "fastnn.nn.utils.rnn",
    "fastnn.optim",
    "fastnn.optim.lr_scheduler",
    "fastnn.optim.swa_utils",
    "fastnn.data",
    "fastnn.training",
    "fastnn.metrics",
    "fastnn.diagnostics",
    "fastnn.tabular",
)
INHERITED = {"forward", "extra_repr", "step", "get_lr"}  # told once, in the base class
INHERITED |= {
    f"on_{when}"
    for when in ("fit_start", "epoch_start", "batch_end", "epoch_end", "interrupt", "fit_end")
}


def public_names(room):
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    for name in names:
        value = getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if (callable(value) or inspect.isclass(value)) and home.startswith("fastnn"):
            yield f"{room}.{name}", value


def documented():
    """Each public object once, and the public methods that its class defines."""
    seen = {}
    for room in ROOMS:
        for path, value in public_names(room):
            if id(value) in seen:
                continue
            seen[id(value)] = value
            yield path, value
            if not inspect.isclass(value):
                continue
            for name, member in vars(value).items():
                member = getattr(member, "__func__", member)
                if name.startswith("_") or name in INHERITED or id(member) in seen:
                    continue
                if callable(member) or isinstance(member, property):
                    seen[id(member)] = member
                    yield f"{path}.{name}", member


OBJECTS = dict(documented())


def test_exceptions_from_the_rules_exist():
    assert not (NO_ERRORS | HOUSE | NO_TENSORS) - OBJECTS.keys()


def test_all_public_names_have_docstrings():
    missing = [path for path, value in OBJECTS.items() if not (value.__doc__ or "").strip()]
    assert not missing, f"without a docstring: {missing}"


# a docstring may hand over to another one: of what it does in place, of its base class
REFERS = re.compile(
    r"`[\w.]+`[^.]* in place|in place: |\b[Ss]ee (`|there)|\b[Aa]s\s+(in )?`|under its other name"
)


def told_in_a_base(path):
    owner, _, name = path.rpartition(".")
    bases = OBJECTS[owner].__mro__[1:] if inspect.isclass(OBJECTS.get(owner)) else ()
    return any(hasattr(base, name) for base in bases)


def parameters_of(value):
    try:
        found = inspect.signature(value).parameters.values()
    except (ValueError, TypeError):  # written in C without a signature, or a property
        return []
    return [p for p in found if p.name not in ("self", "cls")]


def named_nowhere(path, value):
    """Parameters that the docstring of a callable, or the one it refers to, does not mention."""
    text = value.__doc__ or ""
    if REFERS.search(text) or told_in_a_base(path):
        return []
    names = [p.name for p in parameters_of(value) if p.kind in (0, 1, 3)]
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_every_parameter_is_told():
    found = {p: missing for p, v in OBJECTS.items() if (missing := named_nowhere(p, v))}
    assert not found


# errors may be told by the docstring that it hands over to, or by that of an operation in place
HANDS_OVER = re.compile(
    r"([Rr]aises|[Ee]rrors:?)( are)? as\b|[Ee]rror\n +As in `|\b[Ss]ee (`|there)|`[^`.]* in place"
)
ERRORS = re.compile(rf"[A-Z]\w*Error\b|{HANDS_OVER.pattern}")
# they take whatever they get
NO_ERRORS = {
    "fastnn.is_tensor",  # a question
    "fastnn.set_grad_enabled",  # any value counts as true or false
    "fastnn.nn.Identity",  # arguments are ignored
    "fastnn.nn.ParameterDict.get",  # has a default
    "fastnn.nn.utils.parametrize.is_parametrized",  # a question
    "fastnn.nn.utils.rnn.unpack_sequence",  # a PackedSequence fits by its making
    "fastnn.optim.Optimizer.option",  # the optimizer calls it with its groups
    "fastnn.optim.Optimizer.used",
    "fastnn.optim.lr_scheduler.LRScheduler.load_state_dict",  # any names
    "fastnn.optim.lr_scheduler.LinearMomentum.load_state_dict",
    "fastnn.optim.lr_scheduler.ReduceLROnPlateau.is_better",  # `step` checks the number
    "fastnn.data.Transform.feature_names",  # names become names
    "fastnn.training.BatchSize",  # results, made by the Trainer
    "fastnn.training.Checkpoint",
    "fastnn.training.History",
    "fastnn.training.LRFind",
    "fastnn.training.Callback.load_state_dict",  # empty, for subclasses
    "fastnn.training.History.append",  # any columns
    "fastnn.training.Progress",  # one switch
    "fastnn.training.Trainer.stop",  # any reason becomes text
    "fastnn.diagnostics.Graph.add",  # any labels
}


def test_errors_are_told():
    """By every class, function and operation with parameters, every method that must be given one."""
    silent = []
    for path, value in OBJECTS.items():
        given = parameters_of(value)
        if path.rpartition(".")[0] not in (*ROOMS, "fastnn.Tensor"):
            given = [p for p in given if p.default is p.empty]
        told = ERRORS.search(value.__doc__ or "") or told_in_a_base(path)
        if given and not told and path not in NO_ERRORS:
            silent.append(path)
    assert not silent


def raised_by(value):
    """Names of the errors in the raise statements of a function, or of what a class runs first."""
    value = value.fget if isinstance(value, property) else value
    runs = ("__init__", "__call__", "forward", "step")
    parts = (
        [vars(value)[n] for n in runs if n in vars(value)] if inspect.isclass(value) else [value]
    )
    for part in parts:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(part))))
        except (OSError, TypeError):  # compiled
            continue
        found = (
            getattr(node.exc, "func", node.exc)
            for node in ast.walk(tree)
            if isinstance(node, ast.Raise)
        )
        yield from (e.id for e in found if isinstance(e, ast.Name) and e.id.endswith("Error"))


def test_errors_raised_in_its_own_lines_are_named():
    found = {
        path: missing
        for path, value in OBJECTS.items()
        if (missing := set(raised_by(value)) - set(re.findall(r"\w+", value.__doc__ or "")))
        and not (HANDS_OVER.search(value.__doc__ or "") or told_in_a_base(path))
    }
    assert not found


def untold(error, text):
    """Whether a docstring neither names an error nor hands over to another docstring's."""
    return not (re.search(rf"\b{error.__name__}\b", text) or HANDS_OVER.search(text))


def test_errors_of_the_op_table_are_named():
    """What the table's bad arguments provoke, the docstring promises."""
    found = {
        (row.name, bad.error.__name__)
        for row in ROWS
        for bad in row.errors
        if untold(bad.error, OPS[row.name].__doc__ or "")
    }
    assert not found


@pytest.mark.filterwarnings("ignore")
def test_errors_of_layers_for_odd_inputs_are_named():
    rng, found = np.random.default_rng(0), set()
    for row in LAYERS:
        layer = getattr(fastnn.nn, row.name)
        made = layer(*row.args, **row.kwargs)
        first, *others = (
            rng.integers(0, s[2], s[1]) if s[0] == "int" else rng.normal(size=s)
            for s in row.inputs[0]
        )
        others = [
            fastnn.tensor(x, dtype="float32" if x.dtype.kind == "f" else None) for x in others
        ]
        other_kind = first.astype(np.float32 if first.dtype.kind == "i" else np.int64)
        for x in (other_kind, *(np.ones((2, 3, 7, 5, 4, 1)[:n], np.float32) for n in range(7))):
            try:
                made(fastnn.tensor(x), *others)
            except Exception as error:
                if untold(type(error), layer.__doc__ or ""):
                    found.add((row.name, type(error).__name__))
    assert not found


SOURCE = re.compile(
    r"torch\.|sklearn\.|[Kk]eras|numpy\.|PyTorch|\b(19|20)\d\d\b|\b[Ss]ee (`|there)|in place"
)
# of this house: nobody else has them, or not so
HOUSE = {
    "fastnn.compile",
    "fastnn.config_info",
    "fastnn.memory_stats",
    "fastnn.reset_peak_memory",
    "fastnn.metrics.Stream",
    "fastnn.optim.lr_scheduler.LRScheduler",
}
SOURCED = [
    room for room in ROOMS if not re.match(r"fastnn\.(data|training|diagnostics|tabular)", room)
]


def test_sources_are_named():
    """The paper, or the name elsewhere, of every operation, layer, loss, optimizer and metric."""
    unsourced = [
        path
        for path, value in OBJECTS.items()
        if path.rpartition(".")[0] in SOURCED
        and path not in HOUSE
        and not SOURCE.search(value.__doc__ or "")
    ]
    assert not unsourced


TYPE_OF_AN_OPTION = re.compile(r"^[\w, *]+ : (?!.*Tensor).*$", re.MULTILINE)  # bias : bool
DTYPES = re.compile(
    r"float|dtype|\breal\b|integer|bool|int64|\b[Ss]ee (`|there)|\b[Aa]s\s+(in )?`|in place"
)
SHAPES = re.compile(
    r"shape|dimension|\d-d\b|\([A-Z\d]\w*,|\(\.\.\.|[Aa]ny\b|scalar|vector|matri|element"
    r"|\b[Ss]ee (`|there)|\b[Aa]s\s+(in )?`|in place",
    re.IGNORECASE,
)
NO_TENSORS = {  # they compute with none
    "fastnn.broadcast_shapes",
    "fastnn.manual_seed",
    "fastnn.set_rng_state",
    "fastnn.nn.Identity",
    "fastnn.nn.Module",
    "fastnn.nn.ModuleDict",
    "fastnn.nn.ModuleList",
    "fastnn.nn.ParameterDict",
    "fastnn.nn.ParameterList",
    "fastnn.nn.Sequential",
}


def test_shapes_and_dtypes_are_told():
    """By every operation, layer and loss."""
    silent = {}
    for path, value in OBJECTS.items():
        is_layer = inspect.isclass(value) and issubclass(value, fastnn.nn.Module)
        is_op = (getattr(value, "__module__", None) or "").startswith("fastnn.ops.")
        if path in NO_TENSORS or not (is_layer or (is_op and parameters_of(value))):
            continue
        text = TYPE_OF_AN_OPTION.sub("", inspect.cleandoc(value.__doc__ or ""))
        rules = {"dtypes": DTYPES, "shapes": SHAPES}
        if missing := [name for name, rule in rules.items() if not rule.search(text)]:
            silent[path] = missing
    assert not silent


@pytest.mark.parametrize("path", [p for p, v in OBJECTS.items() if ">>>" in (v.__doc__ or "")])
def test_examples_run(path):
    value = OBJECTS[path]
    before = fastnn.get_default_generator().get_state()
    fastnn.manual_seed(0)
    parser, runner = (
        doctest.DocTestParser(),
        doctest.DocTestRunner(
            optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
        ),
    )
    test = parser.get_doctest(value.__doc__, {"fastnn": fastnn}, path, None, 0)
    failures = []
    runner.run(test, out=failures.append)
    fastnn.get_default_generator().set_state(before)
    assert runner.failures == 0, "".join(failures)
