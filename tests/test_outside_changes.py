"""What a compiled function reads from outside: globals, closures, attributes, items. Changes are found
at the next call, not when a plan is compared again."""

import functools
import types
import warnings

import pytest
from recording import bits

import fastnn
from fastnn import nn, optim

FACTOR = 2.0
SETTINGS = {"factor": 2.0}
OFFSET = fastnn.ones(2)


def helper(x):
    return x * FACTOR


def set_global(value):
    global FACTOR
    FACTOR = value


class Holder:
    scale = 1.0

    def __init__(self):
        self.factor, self.table = 2.0, [2.0, 3.0]

    def __call__(self, x):
        return self.inner(x)

    def inner(self, x):
        return x * self.factor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.settings = {"factor": 2.0}

    def forward(self, x):
        return self.scaled(x) + FACTOR

    def scaled(self, x):
        return x * self.settings["factor"]


def cases():
    """(name, function, change(value)) where the function multiplies by what is changed."""
    factor = 2.0
    holder, net, space = Holder(), Net(), types.SimpleNamespace(factor=2.0)
    values = [2.0]

    def closure(x):
        return x * factor

    def change_closure(value):
        nonlocal factor
        factor = value

    def inside(x):
        return (lambda y: y * FACTOR)(x)

    def method(value):
        Holder.inner = lambda self, x: x * self.factor * value

    scaled = functools.partial(lambda values, x: x * values[0], values)
    yield "closure", closure, change_closure
    yield "global", lambda x: x * FACTOR, set_global
    yield "global of a lambda inside", inside, set_global
    yield "global of a helper", lambda x: helper(x) + 1, set_global
    yield (
        "function replaced",
        lambda x: helper(x),
        lambda v: globals().update(helper=lambda x: x * v),
    )
    yield "item of a dict", lambda x: x * SETTINGS["factor"], lambda v: SETTINGS.update(factor=v)
    yield "item of a list", lambda x: x * values[0], lambda v: values.__setitem__(0, v)
    yield "item in a partial", scaled, lambda v: values.__setitem__(0, v)
    yield "attribute", lambda x: x * space.factor, lambda v: setattr(space, "factor", v)
    yield "attribute of a callable", lambda x: holder(x), lambda v: setattr(holder, "factor", v)
    yield "attribute of self", holder.inner, lambda v: setattr(holder, "factor", v)
    yield "attribute of a class", lambda x: x * holder.scale, lambda v: setattr(Holder, "scale", v)
    yield "method replaced", lambda x: holder.inner(x), method
    yield (
        "tensor replaced",
        lambda x: x * OFFSET,
        lambda v: globals().update(OFFSET=fastnn.ones(2) * v),
    )
    yield "global of a module's forward", lambda x: net(x), set_global
    yield "a module itself", net, set_global
    yield "dict of a module", net, lambda v: net.settings.update(factor=v)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case[0])
def test_found_at_once(case, monkeypatch):
    _, function, change = case
    for name, value in list(globals().items()):
        if name in ("FACTOR", "OFFSET", "helper"):
            monkeypatch.setitem(globals(), name, value)
    monkeypatch.setattr(Holder, "inner", Holder.inner)
    monkeypatch.setattr(Holder, "scale", 1.0)
    compiled = fastnn.compile(function)
    with fastnn.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(30):
            if i in (7, 8, 20):
                change(float(i))
            x = fastnn.tensor([float(i), 1.0])
            assert bits(compiled(x)) == bits(function(x)), f"call {i}"
    assert compiled.replayed >= 18


def test_arguments_that_are_objects():
    compiled, holder = fastnn.compile(lambda holder, x: x * holder.factor), Holder()
    for i in range(10):
        holder.factor = 2.0 if i < 5 else 3.0
        assert compiled(holder, fastnn.tensor([1.0])).item() == holder.factor
    assert compiled.replayed >= 5


def test_losses_and_models_of_a_step():
    weight = 1.0
    model = nn.Linear(2, 1)

    def loss_fn(output, y):
        return ((output - y) ** 2).mean() * weight

    step = fastnn.compile_step(model, loss_fn, optim.SGD(model.parameters(), lr=0.0))
    x, y = fastnn.ones(3, 2), fastnn.zeros(3, 1)
    one = step(x, y).item()
    for i in range(20):
        weight = 1.0 + i // 10
        assert step(x, y).item() == pytest.approx(weight * one)
    assert step.replayed >= 15


def test_equal_numbers_are_no_change():
    factor = 2.0

    def function(x):
        return x * factor

    compiled = fastnn.compile(function)
    for i in range(10):
        factor = float(f"{2 + i * 0}.0")  # another object each time
        assert compiled(fastnn.tensor([1.0])).item() == 2
    assert compiled.replayed == 8


def test_what_changes_at_each_call_is_named():
    count = 0

    def function(x):
        return x * 2 if count < 1000 else x * 3

    compiled = fastnn.compile(function)
    with pytest.warns(UserWarning, match="it reads count, which is another at each call") as seen:  # noqa: PT031
        for count in range(990, 1010):
            expected = 2.0 if count < 1000 else 3.0
            assert compiled(fastnn.tensor([1.0])).item() == expected
    assert len(seen) == 1


def test_what_the_function_changes_itself_is_its_own():
    seen = []
    count = 0

    def function(x):
        nonlocal count
        count += 1
        seen.append(count)
        return x * 2

    compiled = fastnn.compile(function)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            assert compiled(fastnn.tensor([1.0])).item() == 2
    assert (compiled.replayed, count) == (8, 2)
