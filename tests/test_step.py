"""compile_step: the same bits as the loop that a user would write."""

import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim


def bits(t):
    return t.detach().numpy().tobytes()


def state_of(model):
    return [bits(t) for t in (*model.parameters(), *model.buffers())]


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.hidden = nn.Embedding(5, 4), nn.Linear(10, 8)
        self.dropout, self.out = nn.Dropout(0.3), nn.Linear(8, 3)

    def forward(self, word, x):
        h = fastnn.cat([self.words(word), x], 1)
        return self.out(self.dropout(self.hidden(h).tanh()))


def plain_model():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


class Average:
    """An exponential moving average, as `ema` wants it."""

    def __init__(self, model):
        self.values = [p.detach().clone() for p in model.parameters()]
        self.updates = 0

    def update_parameters(self, model):
        self.updates += 1
        for a, p in zip(self.values, model.parameters(), strict=True):
            a += (p.detach() - a) * 0.1


def average(kind, model):
    if kind == "own":
        return Average(model)
    multi = optim.swa_utils.get_ema_multi_avg_fn(0.9)
    if kind == "AveragedModel":
        return optim.swa_utils.AveragedModel(model, multi_avg_fn=multi)
    return optim.swa_utils.AveragedModel(model, avg_fn=lambda y, x, n: y + (x - y) * (1 / (n + 1)))


def batches(count, two=False, size=7):
    rng = np.random.default_rng(1)
    for _ in range(count):
        x = fastnn.tensor(rng.standard_normal((size, 6)).astype(np.float32))
        word = fastnn.tensor(rng.integers(0, 5, size))
        yield (word, x) if two else x, fastnn.tensor(rng.integers(0, 3, size))


OPTIONS = [
    {},
    {"clip_norm": 0.1},
    {"clip_value": 0.01},
    {"clip_norm": 0.5, "clip_value": 0.05},
    {"accumulate": 3},
    {"accumulate": 2, "clip_norm": 0.1, "ema": "own", "schedule": True},
    {"ema": "own"},
    {"ema": "AveragedModel"},
    {"ema": "rule of a user"},
    {"accumulate": 2, "clip_norm": 0.1, "ema": "AveragedModel"},
    {"schedule": True},
    {"with_output": True},
]


def by_hand(model, loss_fn, optimizer, count, two, options, ema, schedule):
    accumulate, losses = options.get("accumulate", 1), []
    for i, (x, y) in enumerate(batches(count, two)):
        if i % accumulate == 0:
            optimizer.zero_grad()
        output = model(*x) if two else model(x)
        loss = loss_fn(output, y)
        (loss if accumulate == 1 else loss / accumulate).backward()
        losses.append(bits(loss))
        if i % accumulate < accumulate - 1:
            continue
        if "clip_norm" in options and "clip_value" in options:
            nn.utils.clip_grad_norm_(model.parameters(), options["clip_norm"])
        elif "clip_norm" in options:
            optimizer.clip_norm(options["clip_norm"])
        if "clip_value" in options:
            nn.utils.clip_grad_value_(model.parameters(), options["clip_value"])
        optimizer.step()
        if ema:
            ema.update_parameters(model)
        if schedule:
            schedule.step()
    return losses


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda o: "+".join(f"{k}={v}" for k, v in o.items()) or "plain"
)
@pytest.mark.parametrize("two", [False, True], ids=["one input", "two inputs"])
def test_the_bits_of_the_loop_by_hand(options, two):
    seen = []
    for recorded in (False, True):
        fastnn.manual_seed(4)
        model = TwoInputs() if two else plain_model()
        optimizer = optim.Adam(model.parameters(), lr=0.02)
        ema = average(options["ema"], model) if "ema" in options else None
        schedule = optim.lr_scheduler.StepLR(optimizer, 4, 0.5) if options.get("schedule") else None
        loss_fn = nn.CrossEntropyLoss()
        if not recorded:
            losses = by_hand(model, loss_fn, optimizer, 18, two, options, ema, schedule)
        else:
            step = fastnn.compile_step(
                model, loss_fn, optimizer, **(options | {"ema": ema, "schedule": schedule})
            )
            losses = []
            for x, y in batches(18, two):
                result = step(x, y)
                if options.get("with_output"):
                    result, output = result
                    assert output.shape == (7, 3)
                losses.append(bits(result))
        mean = [] if ema is None else ema.values if options["ema"] == "own" else state_of(ema)
        mean = [bits(a) if isinstance(a, fastnn.Tensor) else a for a in mean]
        seen.append((losses, state_of(model), mean, getattr(ema, "updates", None)))
    assert seen[0] == seen[1]
    assert step.eager == 0
    assert step.replayed >= 10
    assert step.recorded + step.replayed == 18


def test_the_rest_of_an_accumulation():
    def run(accumulate, sizes):
        fastnn.manual_seed(0)
        model = nn.Linear(6, 3).double()
        sgd = optim.SGD(model.parameters(), lr=0.1)
        step = fastnn.compile_step(model, nn.CrossEntropyLoss(), sgd, accumulate=accumulate)
        rng = np.random.default_rng(3)
        x, y = rng.standard_normal((12, 6)), rng.integers(0, 3, 12)
        begin = 0
        for size in sizes:
            step(x[begin : begin + size], y[begin : begin + size])
            begin += size
        return model, step

    whole, _ = run(1, [12])
    parts, step = run(4, [4, 4, 4])
    assert step.pending == 3
    step.flush()
    assert step.pending == 0
    np.testing.assert_allclose(parts.weight.detach().numpy(), whole.weight.detach().numpy())
    before = state_of(parts)
    step.flush()  # nothing left
    assert state_of(parts) == before


def test_numpy_batches_and_partial_ones():
    model = plain_model()
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    rng = np.random.default_rng(0)
    for _ in range(4):
        for size in (8, 8, 8, 5):
            x = rng.standard_normal((size, 6)).astype(np.float32)
            loss = step(x, rng.integers(0, 3, size))
            assert not loss.requires_grad
    assert len(step.plans()) == 2
    assert step.replayed == 12


def test_an_error_in_an_accumulation_does_not_count():
    model = nn.Linear(2, 2)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), sgd, accumulate=2)
    x, y = fastnn.ones(3, 2), fastnn.tensor([0, 1, 0])
    step(x, y)
    with pytest.raises(IndexError, match="position 1 is 5"):
        step(x, fastnn.tensor([0, 5, 0]))
    assert step.pending == 1
    step(x, y)
    assert step.pending == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": nn.Linear}, TypeError, "model is the class Linear; pass an object"),
        ({"model": 3}, TypeError, "model must be callable, got int"),
        ({"loss_fn": nn.MSELoss}, TypeError, "loss_fn is the class MSELoss"),
        ({"loss_fn": "mse"}, TypeError, "loss_fn must be callable, got str"),
        ({"optimizer": optim.SGD}, TypeError, "optimizer must be an Optimizer"),
        ({"clip_norm": 0}, ValueError, "clip_norm must be positive, got 0"),
        ({"clip_value": "1"}, TypeError, "clip_value must be a number, got '1'"),
        ({"accumulate": 0}, ValueError, "accumulate must be at least 1, got 0"),
        ({"accumulate": 2.0}, TypeError, "accumulate must be an int, got 2.0"),
        ({"ema": 0.99}, TypeError, "ema must have update_parameters"),
        ({"schedule": 0.1}, TypeError, "schedule must have step"),
        ({"schedule": "plateau"}, TypeError, "ReduceLROnPlateau looks at the validation loss"),
    ],
)
def test_what_cannot_work_is_refused(change, error, message):
    model = nn.Linear(2, 1)
    arguments = {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
    } | change
    if arguments.get("schedule") == "plateau":
        arguments["schedule"] = optim.lr_scheduler.ReduceLROnPlateau(arguments["optimizer"])
    with pytest.raises(error, match=message):
        fastnn.compile_step(**arguments)


def test_an_output_of_many_elements_is_an_error():
    model = nn.Linear(2, 2)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    step = fastnn.compile_step(model, nn.MSELoss(reduction="none"), sgd)
    with pytest.raises(RuntimeError, match="one element"):
        step(fastnn.ones(3, 2), fastnn.ones(3, 2))


def test_importing_fastnn_does_not_import_it():
    code = "import sys, fastnn; assert 'fastnn.training' not in sys.modules; fastnn.compile_step"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_warnings_in_a_usual_run():
    model = plain_model()
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x, y in batches(6):
            step(x, y)
            model.eval()
            model.train()


def test_a_replay_releases_the_interpreter():
    """While one thread replays, another runs Python: it cannot get there in any other way."""
    model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    step = fastnn.compile_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    x, y = fastnn.randn(512, 256), fastnn.zeros(512, dtype=fastnn.int64)
    for _ in range(3):
        step(x, y)
    before = sys.getswitchinterval()
    sys.setswitchinterval(100.0)  # nobody is asked to give the interpreter up
    try:
        for _ in range(50):  # on a busy machine we may come too late to see it
            done = []
            thread = threading.Thread(target=lambda done=done: done.append(step(x, y)))
            thread.start()
            early = not done
            thread.join()
            if early:
                break
    finally:
        sys.setswitchinterval(before)
    assert early
    assert step.replayed > 1
