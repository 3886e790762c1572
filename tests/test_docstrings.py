"""Every public name has a docstring, and its examples run."""

import doctest
import importlib
import inspect
import re

import pytest

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


def test_all_public_names_have_docstrings():
    missing = [path for path, value in OBJECTS.items() if not (value.__doc__ or "").strip()]
    assert not missing, f"without a docstring: {missing}"


# a docstring may hand over to another one: of what it does in place, of its base class
REFERS = re.compile(
    r"`[\w.]+`[^.]* in place|in place: |\b[Ss]ee `|\b[Aa]s (in )?`|under its other name"
)


def named_nowhere(path, value):
    """Parameters that the docstring of a callable, or the one it refers to, does not mention."""
    text = value.__doc__ or ""
    owner, _, name = path.rpartition(".")
    bases = OBJECTS[owner].__mro__[1:] if inspect.isclass(OBJECTS.get(owner)) else ()
    if isinstance(value, property) or REFERS.search(text) or any(hasattr(b, name) for b in bases):
        return []
    try:
        parameters = inspect.signature(value).parameters.values()
    except (ValueError, TypeError):  # written in C, without a signature
        return []
    names = [p.name for p in parameters if p.kind in (0, 1, 3) and p.name not in ("self", "cls")]
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_every_parameter_is_told():
    found = {p: missing for p, v in OBJECTS.items() if (missing := named_nowhere(p, v))}
    assert not found


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
