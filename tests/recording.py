"""What the tests of recorded steps share: a step, a model, batches, and both ways of training."""

import warnings

import numpy as np

import fastnn
from fastnn import nn, optim


def bits(t):
    return t.detach().numpy().tobytes()


def quietly(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args)


def make_step(model, loss_fn, optimizer, clip=None):
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss

    return step


def state_of(model):
    return [bits(t) for t in (*model.parameters(), *model.buffers())]


def run_both(make, batches, each=None):
    """Train two equal models, eager and recorded; the same bits in losses, parameters, buffers."""
    seen = []
    for compiled in (False, True):
        fastnn.manual_seed(11)
        model, loss_fn, optimizer, clip = make()
        step = make_step(model, loss_fn, optimizer, clip)
        step = fastnn.compile(step) if compiled else step
        trace = []
        for i, (x, y) in enumerate(batches):
            if each is not None:
                each(i, model, optimizer)
            loss = step(x, y)
            trace.append((bits(loss), state_of(model)))
        seen.append(trace)
    for i, (eager, recorded) in enumerate(zip(*seen, strict=True)):
        assert eager[0] == recorded[0], f"loss of step {i}"
        assert eager[1] == recorded[1], f"parameters or buffers after step {i}"
    return step


def classifier(dropout=0.0, norm=False):
    layers = [nn.Linear(6, 8)]
    if norm:
        layers.append(nn.BatchNorm1d(8))
    layers += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(*layers)


def batches(count, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (
            fastnn.tensor(rng.standard_normal((size, 6)).astype(np.float32)),
            fastnn.tensor(rng.integers(0, 3, size)),
        )
        for _ in range(count)
    ]


def adam_on(make_model, clip=None):
    def make():
        model = make_model()
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), clip

    return make
