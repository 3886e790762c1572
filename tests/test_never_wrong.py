"""A recorded step is never silently wrong: whatever changes between calls, it gives eager's bits."""

import warnings

import numpy as np
import pytest
from recording import adam_on, batches, bits, classifier, make_step, run_both, state_of

import fastnn
from fastnn import nn, optim


class Scaled(nn.Module):
    """Has a number, a buffer and a table that forward uses."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5)
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.last = nn.Linear(8, 3)
        self.scale, self.active = 2.0, True
        self.register_buffer("offset", fastnn.ones(8))
        self.table = fastnn.ones(8)

    def forward(self, x):
        h = self.norm(self.first(x)).tanh() * self.scale + self.offset * self.table
        for layer in self.layers:
            h = layer(h).relu() if self.active else layer(h)
        return self.last(self.drop(h))


def freeze(model, optimizer):
    model.first.weight.requires_grad_(not model.first.weight.requires_grad)


def add_layer(model, optimizer):
    layer = nn.Linear(8, 8)
    model.layers.append(layer)
    optimizer.add_param_group({"params": layer.parameters(), "lr": 0.02})


def no_grad(change):
    def changed(model, optimizer):
        with fastnn.no_grad():
            change(model)

    return changed


# what a program may do between two calls
CHANGES = {
    "parameter written in place": no_grad(lambda m: m.first.weight.mul_(0.5)),
    "parameter's data assigned": no_grad(lambda m: setattr(m.last.bias, "data", fastnn.ones(3))),
    "parameter written through NumPy": lambda m, o: np.add(
        m.last.bias.detach().numpy(), 1, out=m.last.bias.detach().numpy()
    ),
    "parameter replaced": lambda m, o: setattr(m.first, "bias", nn.Parameter(fastnn.ones(8))),
    "parameter frozen or freed": freeze,
    "buffer written in place": no_grad(lambda m: m.offset.add_(1)),
    "buffer replaced": lambda m, o: setattr(m, "offset", fastnn.ones(8) * 3),
    "running statistics reset": lambda m, o: m.norm.reset_running_stats(),
    "tensor attribute replaced": lambda m, o: setattr(m, "table", m.table * 2),
    "number changed": lambda m, o: setattr(m, "scale", m.scale + 1),
    "flag changed": lambda m, o: setattr(m, "active", not m.active),
    "dropout's probability": lambda m, o: setattr(m.drop, "p", 0.1),
    "dropout switched off": lambda m, o: setattr(m.drop, "p", 0.0),
    "norm's momentum": lambda m, o: setattr(m.norm, "momentum", 0.3),
    "norm's eps": lambda m, o: setattr(m.norm, "eps", 0.1),
    "module replaced": lambda m, o: setattr(m, "drop", nn.Identity()),
    "layer added, and to the optimizer": add_layer,
    "layer taken away": lambda m, o: m.layers.pop() if len(m.layers) else None,
    "forward replaced": lambda m, o: setattr(m, "forward", lambda x: m.last(m.first(x))),
    "train and eval": lambda m, o: m.train(not m.training),
    "one layer in eval": lambda m, o: m.norm.train(not m.norm.training),
    "weights loaded": lambda m, o: m.load_state_dict(
        {k: v * 0.5 if v.dtype == fastnn.float32 else v for k, v in m.state_dict().items()},
        strict=False,
    ),
    "rate": lambda m, o: o.param_groups[0].__setitem__("lr", 0.001),
    "weight decay": lambda m, o: o.param_groups[0].__setitem__("weight_decay", 0.1),
    "betas": lambda m, o: o.param_groups[0].__setitem__("betas", (0.5, 0.9)),
    "amsgrad": lambda m, o: o.param_groups[0].__setitem__("amsgrad", True),
    "optimizer loaded": lambda m, o: o.load_state_dict(o.state_dict()),
    "gradient set by hand": lambda m, o: setattr(m.last.bias, "grad", fastnn.ones(3)),
    "gradients zeroed in place": lambda m, o: o.zero_grad(set_to_none=False),
    "threads": lambda m, o: fastnn.set_num_threads(3 - fastnn.get_num_threads() % 3),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_changes_between_calls(change):
    def each(i, model, optimizer):
        if i in (5, 6, 11):
            change(model, optimizer)

    threads = fastnn.get_num_threads()
    try:
        step = run_both(adam_on(Scaled), batches(20), each)
    finally:
        fastnn.set_num_threads(threads)
    assert step.replayed >= 6
    assert step.eager == 0


SEEN = []
HOOKS = {
    "parameter": lambda m: m.first.weight.register_hook(lambda g: SEEN.append(g)),
    "forward": lambda m: m.first.register_forward_hook(lambda m, x, y: SEEN.append(y) or y * 2),
    "forward, before": lambda m: m.first.register_forward_pre_hook(lambda m, x: SEEN.append(x)),
    "backward": lambda m: m.first.register_full_backward_hook(lambda m, i, o: SEEN.append(o)),
}


@pytest.mark.parametrize("add", HOOKS.values(), ids=list(HOOKS))
def test_hooks_run_at_each_call(add):
    """They may do anything in Python, which a replay would leave out."""
    model = Scaled()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), sgd)
    data = batches(12)
    for x, y in data[:5]:
        step(x, y)
    assert step.replayed
    SEEN.clear()
    add(model)
    with pytest.warns(UserWarning, match="hook.*Python at each call"):
        step(*data[5])
    for x, y in data[6:]:
        step(x, y)
    assert len(SEEN) == len(data) - 5


def sgd_with(**options):
    def make():
        model = classifier()
        return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), **options), None

    return make


@pytest.mark.parametrize(
    ("before", "after"),
    [({"momentum": 0.0}, {"momentum": 0.9}), ({"momentum": 0.9}, {"nesterov": True})],
)
def test_hyperparameters_that_alter_the_calls(before, after):
    def each(i, model, optimizer):
        if i == 6:
            optimizer.param_groups[0].update(after)

    assert run_both(sgd_with(lr=0.1, **before), batches(14), each).replayed >= 8


def test_a_loss_changed_between_calls():
    loss = nn.CrossEntropyLoss()

    def make():
        loss.label_smoothing, loss.weight = 0.0, None
        model = classifier()
        return model, loss, optim.SGD(model.parameters(), lr=0.1), None

    def each(i, model, optimizer):
        if i == 5:
            loss.label_smoothing = 0.2
        if i == 10:
            loss.weight = fastnn.tensor([1.0, 2.0, 3.0])

    assert run_both(make, batches(15), each).replayed >= 8


def test_a_second_optimizer_takes_the_parameters():
    seen = []
    for compiled in (False, True):
        fastnn.manual_seed(0)
        model = classifier()
        trace = []
        for rate in (0.1, 0.2):
            step = make_step(
                model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=rate, momentum=0.9)
            )
            step = fastnn.compile(step) if compiled else step
            for x, y in batches(6):
                step(x, y)
                trace.append(state_of(model))
        seen.append(trace)
    assert seen[0] == seen[1]


LEAVING = {
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: x.nonzero(),
    "print": lambda x: print(x.sum()),
    "format": lambda x: f"{x.sum():.2f}",
    "int": lambda x: int(x.sum()),
    "array": lambda x: np.asarray(x) * 2,
    "numpy function": lambda x: np.exp(x),
    "iteration": lambda x: [v.item() for v in x],
    "contains": lambda x: 1.0 in x,
    "comparison": lambda x: x.sum() > 0 and 1,
    "tolist": lambda x: x.tolist(),
    "dlpack": lambda x: np.from_dlpack(x),
    "allclose": lambda x: fastnn.allclose(x, x) if hasattr(fastnn, "allclose") else x.item,
}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=list(LEAVING))
def test_values_that_leave(leave, capsys):
    """Either it runs eagerly, with one warning, or the values do not matter to what is replayed."""
    results = []

    def f(x):
        y = x * 2
        results.append(leave(y))
        return y + 1

    compiled = fastnn.compile(f)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for i in range(6):
            x = fastnn.tensor([float(i), -1.0, 3.0])
            try:
                expected = f(x)
            except (AttributeError, TypeError, RuntimeError):
                pytest.skip("eager refuses it too")
            assert bits(compiled(x)) == bits(expected)
    told = [w for w in seen if "runs eagerly" in str(w.message)]
    assert len(told) == 1
    assert "test_never_wrong.py" in str(told[0].message)
    assert compiled.replayed == 0
    assert len(results) == 12


def test_memory_made_by_python_and_changed_by_calls():
    """Zeros that NumPy made are not zeros any more at the second replay."""

    @fastnn.compile
    def f(x):
        total = fastnn.from_numpy(np.zeros(3, np.float32))
        total += x
        total += x
        return total * 1

    with pytest.warns(UserWarning, match="a constant made inside the step"):  # noqa: PT031
        for i in range(9):
            assert f(fastnn.tensor([float(i), 1.0, 2.0])).tolist() == [2.0 * i, 2.0, 4.0]
    assert f.replayed == 0


def test_the_range_of_binary_cross_entropy():
    model = nn.Linear(2, 1)

    def step(x, p):
        return nn.functional.binary_cross_entropy(x, p)

    f = fastnn.compile(step)
    target = fastnn.tensor([1.0, 0.0])
    with fastnn.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for v in (0.2, 0.3, 0.4, 0.5):
            x = fastnn.tensor([v, 0.5])
            assert bits(f(x, target)) == bits(step(x, target))
        for bad in (1.5, -0.1, float("nan")):
            x = fastnn.tensor([bad, 0.5])
            for function in (step, f):
                if np.isnan(bad):
                    continue
                with pytest.raises((ValueError, RuntimeError), match="1.5|-0.1|0 and 1|0 to 1"):
                    function(x, target)
    assert model is not None


def test_checks_come_before_any_change():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    for x, y in batches(5):
        step(x, y)
    assert step.replayed
    before = state_of(model)
    x, y = batches(1)[0]
    y = y.clone()
    y[3] = -1
    with pytest.raises(IndexError, match="position 3 is -1"):
        step(x, y)
    assert state_of(model) == before


def test_arguments_that_the_step_changes_by_another_name():
    """x and y may be the same array, and even a tensor that the step changes in place."""
    w = fastnn.ones(4)

    def f(x, y):
        w.mul_(2)
        z = x * 3 + y
        x.add_(1)
        return z + x

    g = fastnn.compile(f)
    for function in (f, g):
        w.fill_(1)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            x = fastnn.ones(4)
            pairs = [(fastnn.ones(4), fastnn.ones(4)) for _ in range(4)]
            pairs += [(x, x), (w, fastnn.ones(4)), (fastnn.ones(4), w), (w, w)]
            found = [bits(function(*pair)) for pair in pairs] + [bits(w), bits(x)]
        if function is f:
            expected = found
    assert found == expected
    assert g.replayed == 2
    assert len(seen) == 1
    assert "share memory" in str(seen[0].message)


def test_gradients_that_come_and_go_have_a_plan_each():
    """Steps that accumulate in every second call replay both ways, without a warning."""
    seen = []
    for compiled in (False, True):
        fastnn.manual_seed(5)
        model = classifier(0.5)
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def add(x, y, model=model):
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            return loss

        add = fastnn.compile(add) if compiled else add
        trace = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for i, (x, y) in enumerate(batches(200)):
                add(x, y)
                if i % 3 == 2:
                    optimizer.step()
                    optimizer.zero_grad()
                    trace.append(state_of(model))
        seen.append(trace)
    assert seen[0] == seen[1]
    assert add.replayed > 180
