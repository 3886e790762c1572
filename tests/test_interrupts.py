"""Ctrl-C in the middle of long work: answered there, with the state of the last step boundary.

FASTNN_INTERRUPTS changes the number of interrupts; ``python -m benchmarks.interrupts`` measures how
soon they are answered.
"""

import os
import random
import signal
import textwrap
import threading
import time

import numpy as np
import pytest
from interpreter import child
from trainers import assert_same, assert_same_weights, blobs, classifier, outcome, weights_of

import fastnn
from fastnn import data, nn, optim
from fastnn.training import ModelCheckpoint, Trainer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
COUNT = int(os.environ.get("FASTNN_INTERRUPTS", 10))  # 100 is the full test


@pytest.fixture(autouse=True)
def _as_in_a_terminal():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    yield
    signal.signal(signal.SIGINT, before)


def pressed(work, after):
    """What `work()` gives, or the KeyboardInterrupt, with SIGINT so many seconds after its start."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        result = work()
        timer.join()  # where the work has ended before: raises here
        time.sleep(0.01)
        return result
    except KeyboardInterrupt as error:
        return error
    finally:
        timer.join()


class Rows(data.Dataset):
    """Rows that draw random numbers of their own, and may take their time."""

    def __init__(self, n, seconds=0.0):
        rng = np.random.default_rng(0)
        self.x, self.seconds = rng.random((n, 64), dtype=np.float32), seconds

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        time.sleep(self.seconds)
        return self.x[i] + np.float32(np.random.normal()), np.int64(i % 10)


def wide(rows=4096, batch_size=2048, **options):
    """A trainer whose steps take a tenth of a second, with everything that a step may leave behind."""
    fastnn.manual_seed(3)
    layers = [nn.Linear(64, 768), nn.BatchNorm1d(768), nn.ReLU(), nn.Dropout(0.2)]
    model = nn.Sequential(*layers, nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, 10))
    options = {"optimizer": optim.Adam(model.parameters()), **options}
    t = Trainer(
        model, nn.CrossEntropyLoss(), progress=False, seed=1, metrics=["accuracy"], **options
    )
    rng = np.random.default_rng(0)
    train = rng.random((rows, 64), dtype=np.float32), rng.integers(0, 10, rows)
    return t, data.DataLoader(data.TensorDataset(*train), batch_size, shuffle=True, seed=1)


def accumulating(**options):
    return wide(batch_size=1024, accumulate_grad_batches=3, clip_grad_norm=1.0, **options)


def random_rows(**options):
    t, _ = wide(**options)
    return t, data.DataLoader(Rows(24, 0.01), 8, shuffle=True, seed=1)


@pytest.mark.parametrize("maker", [wide, accumulating, random_rows])
def test_a_fit_interrupted_within_a_step_goes_on_with_the_same_bits(maker, tmp_path):
    np.random.seed(0)
    t, loader = maker()
    start = time.perf_counter()
    t.fit(loader, val=Rows(8), epochs=2)
    seconds, expected = time.perf_counter() - start, outcome(t)
    moments = random.Random(0)
    for i in range(-(-COUNT // 5)):
        np.random.seed(0)
        folder = tmp_path / str(i)
        t, loader = maker(callbacks=[ModelCheckpoint(folder)])
        after = moments.uniform(0.1, 0.8) * seconds
        history = pressed(lambda t=t, loader=loader: t.fit(loader, val=Rows(8), epochs=2), after)
        if isinstance(history, KeyboardInterrupt) or "Ctrl-C" not in history.stopped:
            continue  # it was faster than the first one
        assert history.num_epochs in (t.epoch - 1, t.epoch)  # within an epoch, or between two
        assert "last.safetensors" in os.listdir(folder)
        np.random.seed(9)
        t, loader = maker()
        t.fit(loader, val=Rows(8), epochs=2, resume=folder / "last.safetensors")
        assert_same(outcome(t), expected)


def test_an_optimizer_that_asks_for_the_loss_again_goes_back_to_the_step_before():
    t, loader = wide(optimizer=None)
    t.optimizer = optim.LBFGS(t.model.parameters(), max_iter=200, lr=0.1)
    before = {name: np.array(p.numpy()) for name, p in t.model.state_dict().items()}
    history = pressed(lambda: t.fit(loader, epochs=1), 0.4)
    assert history.stopped == "interrupted by Ctrl-C in epoch 1"
    assert (t.batch, t.global_step, history.num_epochs) == (0, 0, 0)
    for name, p in t.model.state_dict().items():
        np.testing.assert_array_equal(p.numpy(), before[name])


# work of 10 seconds and more, were it not interrupted
def product():
    a = fastnn.rand(12_000, 12_000)
    return lambda: a @ a


def sequence():
    layer, x = nn.LSTM(512, 512), fastnn.rand(4000, 64, 512)
    return lambda: layer(x)


def convolution():
    layer, x = nn.Conv2d(256, 512, 3, padding=1), fastnn.rand(64, 256, 64, 64)
    return lambda: layer(x)


def attention():
    q = fastnn.rand(1, 16, 40_000, 64)
    return lambda: nn.functional.scaled_dot_product_attention(q, q, q)


def loading():
    t, _ = wide()
    return lambda: t.fit(data.DataLoader(Rows(4000, 0.01), 2000, prefetch=2), epochs=1)


def validating():
    t, loader = wide()
    return lambda: t.fit(loader, val=data.DataLoader(Rows(2000, 0.01), 1000), epochs=1)


def finding_a_rate():
    t, loader = wide()
    find = t.lr_find
    return lambda: find(loader, num_training=10_000, early_stop_threshold=None)


@pytest.mark.parametrize(
    "make",
    [product, sequence, convolution, attention, loading, validating, finding_a_rate],
)
def test_long_work_is_not_waited_for(make):
    work, start = make(), time.perf_counter()
    result = pressed(work, 0.2)
    assert time.perf_counter() - start < 8  # far below what the work takes; no measurement
    if make in (loading, validating):
        assert result.stopped == "interrupted by Ctrl-C in epoch 1"
    elif make is finding_a_rate:
        assert len(result.lr) < 10_000
    else:
        assert isinstance(result, KeyboardInterrupt)
    assert threading.current_thread() is threading.main_thread()
    a = fastnn.ones(64, 64)
    assert (a @ a).numpy()[0, 0] == 64  # and what comes next is as ever


def test_a_recorded_step_is_interrupted_before_its_update_or_not_at_all():
    t, loader = wide(rows=8192, batch_size=8192)
    step = fastnn.compile_step(t.model, t.loss, t.optimizer)
    (x, y) = next(iter(loader))
    for _ in range(3):
        step(x, y)
    moments = random.Random(1)
    for _ in range(-(-COUNT // 3)):
        t.optimizer.param_groups[0]["lr"] = 1.0
        before = [np.array(p.detach().numpy()) for p in t.model.parameters()]
        error = pressed(lambda: step(x, y), moments.uniform(0, 0.3))
        after = [np.array(p.detach().numpy()) for p in t.model.parameters()]
        changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        if isinstance(error, KeyboardInterrupt):
            assert all(changed) or not any(changed)
        for p, b in zip(t.model.parameters(), before, strict=True):
            p.detach().copy_(fastnn.tensor(b))


def test_a_handler_of_the_programs_own_is_called_within_long_work():
    seen = []
    signal.signal(signal.SIGINT, lambda *_: seen.append(len(seen)))
    a = fastnn.rand(3000, 3000)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    expected = a @ a  # goes on: the handler has raised nothing
    timer.join()
    time.sleep(0.01)
    assert seen == [0]
    np.testing.assert_array_equal(expected.numpy(), (a @ a).numpy())


INTERRUPTED = textwrap.dedent(
    """
    import os, signal, sys, threading, time
    import numpy as np
    import fastnn
    from fastnn import nn, optim
    from fastnn.training import Callback, EarlyStopping, Trainer

    class Ready(Callback):
        def on_batch_end(self, trainer, batch, loss):
            if trainer.epoch == 2 and batch == 3:
                print("ready", flush=True)

    x = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01),
                      callbacks=[Ready(), EarlyStopping("loss", patience=10**6)], progress=False)
    history = trainer.fit((x, x[:, :1]), epochs=10**6)
    print(history.num_epochs, history.stopped)
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """
)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_returns_the_history_within_a_second():
    with child("-c", INTERRUPTED) as process:
        assert process.stdout.readline() == "ready\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        seconds = time.monotonic() - start
    assert process.returncode == 0, err
    epochs, rest = out.splitlines()[0].split(maxsplit=1)
    assert int(epochs) >= 1
    assert rest.startswith("interrupted by Ctrl-C in epoch")
    assert out.splitlines()[1] == "True"  # Ctrl-C is again what it was
    assert seconds < 5  # a second on a quiet machine; the end of the interpreter is included


def test_fit_in_another_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(classifier().fit(blobs(), epochs=1)))
    thread.start()
    thread.join()
    assert results[0].num_epochs == 1


def test_ctrl_c_while_the_data_is_looked_at(monkeypatch):
    trainer = classifier(0)
    before, drawn = weights_of(trainer.model), fastnn.get_default_generator().get_state()

    def takes_long(*args):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    with monkeypatch.context() as patch:
        patch.setattr("fastnn.training.trainer.check_data", takes_long)
        start = time.monotonic()
        history = trainer.fit(blobs(), epochs=2)
    assert time.monotonic() - start < 5
    assert history is trainer.history
    assert dict(history) == {}
    assert history.stopped == "interrupted by Ctrl-C before the first step"
    assert fastnn.get_default_generator().get_state() == drawn
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same_weights(weights_of(trainer.model), before)
    assert trainer.fit(blobs(), epochs=2).num_epochs == 2
