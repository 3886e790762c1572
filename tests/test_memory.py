"""Memory in whole training steps: none left behind by steps, errors or failed allocations."""

import gc
import itertools

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn._engine import engine
from fastnn.data import DataLoader, TensorDataset


def network():
    layers = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.LayerNorm(16)
    model = nn.Sequential(*layers, nn.Linear(16, 3))
    return model, optim.Adam(model.parameters(), lr=1e-3)


def rows(n=32):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 6)).astype(np.float32), rng.integers(0, 3, n)


def eager(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def recorded(model, optimizer):
    return fastnn.compile(eager(model, optimizer))


def live_bytes():
    return fastnn.memory_stats()["allocated"]


def resident_bytes():
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096
    except OSError:
        pytest.skip("this system does not tell how much memory is resident")


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", [eager, recorded])
def test_every_failed_allocation_of_a_training_step(kind, no_collector):
    """MemoryError from every place, nothing left behind, and the next step works."""
    model, optimizer = network()
    x, y = (fastnn.tensor(a) for a in rows())
    step = kind(model, optimizer)
    for _ in range(3):
        step(x, y)
    before = live_bytes()
    failures = 0
    for n in itertools.count():
        fresh = kind(model, optimizer)  # a recorded step allocates while it is recorded
        engine._fail_allocation(n)
        try:
            fresh(x, y)
            failed = False
        except MemoryError:
            failed = True
        finally:
            engine._fail_allocation(-1)
        del fresh
        assert live_bytes() == before, f"allocation {n}"
        if not failed:
            break
        failures += 1
        assert np.isfinite(step(x, y).item()), f"the step after allocation {n} failed"
    assert failures > 20
    assert np.isfinite(step(x, y).item())


@pytest.mark.parametrize("kind", [eager, recorded])
def test_ten_thousand_steps_leave_nothing(kind, no_collector):
    model, optimizer = network()
    loader = DataLoader(TensorDataset(*rows(500)), batch_size=10, shuffle=True, seed=0)
    step = kind(model, optimizer)

    def train(epochs):
        for _ in range(epochs):
            for x, y in loader:
                step(x, y)

    train(20)
    before, resident = live_bytes(), resident_bytes()
    train(200)
    assert live_bytes() == before
    assert resident_bytes() - resident <= 1 << 20


def test_errors_in_mid_step_leave_nothing(no_collector):
    model, optimizer = network()
    x, y = (fastnn.tensor(a) for a in rows())
    step = eager(model, optimizer)
    step(x, y)
    before = live_bytes()
    for _ in range(300):
        with pytest.raises(ValueError, match="features"):
            step(fastnn.ones(3, 7), y)
        with pytest.raises(IndexError, match="label"):
            step(x, y + 3)
    assert live_bytes() == before
