"""Graphs of any depth run backward and die, leave no cycles, and belong to their thread."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_deep_graphs_run_backward_and_die(depth):
    x = tensor([1.0, 2.0])
    y = x
    for _ in range(depth):
        y = y + x
    y.sum().backward()
    close(x.grad, [depth + 1, depth + 1])
    for _ in range(depth):
        y = y * 1.0
    del y  # never walked: dies without recursion too


def test_deep_graphs_with_create_graph():
    x = tensor([1.0])
    y = x
    for _ in range(5_000):
        y = y * 1.0
    (dx,) = autograd.grad(y * y, x, create_graph=True)
    (d2,) = autograd.grad(dx, x)
    close(d2, [2])


def live_bytes():
    return fastnn.memory_stats()["allocated"]


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = tensor(np.ones((8, 8)))
        before = live_bytes()
        y = ((x @ x).tanh() + x).relu().sum()
        alive = weakref.ref(y)
        del y
        assert alive() is None
        assert live_bytes() == before
        y = ((x @ x).tanh() + x).relu().sum()
        y.backward()
        x.grad = None
        del y
        assert live_bytes() == before
        (dx,) = autograd.grad(((x @ x).tanh() ** 2).sum(), x, create_graph=True)
        (dx * dx).sum().backward()
        x.grad = None
        del dx
        assert live_bytes() == before
        y = x * 2
        y.retain_grad()
        y.sum().backward()
        x.grad = None
        del y
        assert live_bytes() == before
    finally:
        gc.enable()


def test_exceptions_in_mid_graph_leave_nothing():
    x = tensor(np.ones((8, 8)))
    gc.collect()
    gc.disable()
    try:
        before = live_bytes()
        for i in range(1_000):
            y = (x * 2).tanh()
            with pytest.raises(Exception, match="matmul" if i % 2 else "freed"):  # noqa: PT012
                if i % 2:
                    y @ fastnn.ones(3, 3)
                else:
                    s = y.sum()
                    s.backward()
                    s.backward()
        x.grad = None
        del y, s
        assert live_bytes() == before
    finally:
        gc.enable()


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


def test_training_steps_leave_nothing():
    rng = np.random.default_rng(0)
    x = fastnn.tensor(rng.standard_normal((16, 8)))
    params = [tensor(rng.standard_normal(s)) for s in ((8, 8), (8,), (8, 4))]

    def step():
        w, b, v = params
        loss = (((x @ w + b).tanh() @ v) ** 2).mean()
        loss.backward()
        with fastnn.no_grad():
            for p in params:
                p -= 0.01 * p.grad
                p.grad = None

    gc.disable()
    try:
        for _ in range(100):
            step()
        before = live_bytes()
        try:
            resident = resident_bytes()
        except OSError:
            resident = None
        for _ in range(1_000):
            step()
        assert live_bytes() == before
        if resident is not None:
            assert resident_bytes() - resident <= 1 << 20
    finally:
        gc.enable()


def train(seed):
    rng = np.random.default_rng(seed)
    x = fastnn.tensor(rng.standard_normal((64, 32)).astype(np.float32))
    w = tensor(rng.standard_normal((32, 32)).astype(np.float32))
    for _ in range(1_000):
        loss = ((x @ w).tanh() ** 2).mean()
        loss.backward()
        with fastnn.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    return w.detach().numpy().tobytes()


def test_eight_python_threads_train_their_own_models():
    serial = [train(i) for i in range(8)]
    parallel = [None] * 8

    def work(i):
        parallel[i] = train(i)

    team = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in team:
        t.start()
    for t in team:
        t.join()
    assert parallel == serial


def test_deepcopy_of_leaves_only():
    x = tensor([1.0, 2.0])
    (x * x).sum().backward()
    c = copy.deepcopy(x)
    assert c.requires_grad
    assert c.data_ptr() != x.data_ptr()
    close(c.grad, [2, 4])
    with pytest.raises(RuntimeError, match="leaf"):
        copy.deepcopy(x * 2)
