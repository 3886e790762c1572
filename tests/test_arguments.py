"""No argument is accepted and ignored: each parameter of a public constructor or function is read.

Read from the sources, as signatures do not tell. A parameter that may change nothing stands in
WITHOUT_EFFECT, with the reason.
"""

import ast
import re
from pathlib import Path

import pytest

import fastnn
from fastnn import nn, optim

SOURCES = Path(fastnn.__file__).parent
FOLDERS = "nn", "optim", "ops"
WITHOUT_EFFECT = {
    "Identity.__init__(args)": "takes anything, as PyTorch's",
    "Identity.__init__(kwargs)": "takes anything, as PyTorch's",
    "unique(sorted)": "the result is always sorted, which False permits",
    "topk(sorted)": "the result is always sorted, which False permits",
    "sort(stable)": "always stable, which False permits",
    "argsort(stable)": "always stable, which False permits",
}


def unread_in_python(path):
    for owner in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(owner, (ast.Module, ast.ClassDef)):
            continue
        for f in owner.body:
            public = isinstance(f, ast.FunctionDef) and (f.name[0] != "_" or f.name == "__init__")
            if not public or (isinstance(owner, ast.ClassDef) and f.name != "__init__"):
                continue
            read = {n.id for line in f.body for n in ast.walk(line) if isinstance(n, ast.Name)}
            given = [*f.args.args, *f.args.kwonlyargs, f.args.vararg, f.args.kwarg]
            prefix = f"{owner.name}." if isinstance(owner, ast.ClassDef) else ""
            for name in {a.arg for a in given if a} - read - {"self"}:
                yield f"{prefix}{f.name}({name})"


def unread_in_cython(path):
    text = path.read_text("utf-8")
    for match in re.finditer(
        r"^(?:def|cpdef \w+) ([a-z]\w*)\(([^)]*(?:\([^)]*\)[^)]*)*)\):", text, re.M
    ):
        body = re.split(r"^(?:def|cpdef|cdef|class) ", text[match.end() :], maxsplit=1, flags=re.M)[
            0
        ]
        body = re.sub(r'"""[\s\S]*?"""', "", body, count=1)
        for given in re.split(r",\s*(?![^(]*\))", match[2]):
            name = given.split("=")[0].split()[-1:]
            if name and name[0].strip("*/") and not re.search(rf"\b{name[0].strip('*')}\b", body):
                yield f"{match[1]}({name[0].strip('*')})"


def test_every_argument_is_read():
    found = set()
    for folder in FOLDERS:
        for path in (SOURCES / folder).rglob("*.py"):
            found |= set(unread_in_python(path))
        for path in (SOURCES / folder).rglob("*.pyx"):
            found |= set(unread_in_cython(path))
    assert found == set(WITHOUT_EFFECT)


def everything():
    rooms = [nn, nn.functional, nn.init, nn.utils, optim, optim.lr_scheduler]
    for room in rooms:
        for name, value in vars(room).items():
            if name[0] != "_" and callable(value):
                yield pytest.param(value, id=f"{room.__name__}.{name}")


@pytest.mark.parametrize("made", list(everything()))
def test_unknown_arguments_are_named(made):
    if made in (nn.Identity, nn.ModuleDict, nn.ParameterDict, nn.Parameter):
        pytest.skip("takes anything, or no arguments by name")
    with pytest.raises((TypeError, ValueError)) as caught:
        made(no_such_argument=1)
    assert re.search(r"no_such_argument|missing|required|at least|exactly|takes", str(caught.value))
