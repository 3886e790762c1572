"""Threads: how many, that they never hang or change anyone's settings, that bits do not depend on
them."""

import importlib.util
import os
import sys
import threading

import numpy as np
import pytest
from interpreter import run

import fastnn
from fastnn import nn, optim
from fastnn._engine import engine

INFO = fastnn.config_info()
needs_openmp = pytest.mark.skipif(not INFO["openmp"], reason="built without OpenMP")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

V1 = "sys/fs/cgroup/cpu,cpuacct"
QUOTAS = {  # files below a folder that plays the root folder -> CPUs granted
    "no files": ({}, 0),
    "v2 no limit": ({"cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "max 100000"}, 0),
    "v2 two CPUs": ({"cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "200000 100000"}, 2),
    "v2 one and a half": ({"cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "75000 50000"}, 1.5),
    "v2 container root": ({"cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"}, 0.5),
    "v2 parent is stricter": (
        {
            "cgroup": "0::/a/b",
            "sys/fs/cgroup/a/b/cpu.max": "400000 100000",
            "sys/fs/cgroup/a/cpu.max": "100000 100000",
        },
        1,
    ),
    "v2 path of the host": ({"cgroup": "0::/host/x", "sys/fs/cgroup/cpu.max": "300000 100000"}, 3),
    "v1 no limit": (
        {
            "cgroup": "4:cpu,cpuacct:/a",
            f"{V1}/a/cpu.cfs_quota_us": "-1",
            f"{V1}/a/cpu.cfs_period_us": "100000",
        },
        0,
    ),
    "v1 two CPUs": (
        {
            "cgroup": "9:memory:/m\n4:cpu,cpuacct:/a\n1:name=systemd:/s",
            f"{V1}/a/cpu.cfs_quota_us": "200000",
            f"{V1}/a/cpu.cfs_period_us": "100000",
        },
        2,
    ),
    "v1 under its short name": (
        {
            "cgroup": "3:cpu:/docker/1",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        2.5,
    ),
    "v1 beside an empty v2": (
        {
            "cgroup": "4:cpu:/a\n0::/u",
            "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "50000",
            "sys/fs/cgroup/unified/u/cgroup.procs": "1",
        },
        2,
    ),
    "rotten numbers": ({"cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "lots"}, 0),
    "period of zero": ({"cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "1000 0"}, 0),
    "path that climbs": ({"cgroup": "0::/../x", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
    "memory only": ({"cgroup": "5:memory:/a\n6:cpuset:/a", "sys/fs/cgroup/cpu/a/x": "1"}, 0),
}


@pytest.mark.parametrize("case", QUOTAS)
def test_quota(case, tmp_path):
    files, cpus = QUOTAS[case]
    for name, text in files.items():
        path = tmp_path / ("proc/self/cgroup" if name == "cgroup" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert engine._quota(str(tmp_path)) == cpus


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_affinity():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import fastnn\n"
    run(code + "assert fastnn.get_num_threads() == 1")


WORK = """
import os, sys, threading
import numpy as np
import fastnn

def work(seed=0, size=256, times=1):
    "Work that is worth a team of threads: the bits of a product and of a sum of exponentials."
    rng = np.random.default_rng(seed)
    x = fastnn.tensor(rng.standard_normal((size, size)).astype(np.float32))
    w = fastnn.tensor(rng.standard_normal((size, size)).astype(np.float32), requires_grad=True)
    for _ in range(times):
        w.grad = None
        y = (x @ w).exp().sum()
        y.backward()
    return w.grad.numpy().tobytes() + y.detach().numpy().tobytes()
"""
TRAIN = """
from fastnn import nn, optim

KINDS = {
    "dense": lambda: (nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 8)),
    "normalized": lambda: (nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 8)),
    "dropped": lambda: (nn.Linear(64, 256), nn.Dropout(), nn.LayerNorm(256), nn.Linear(256, 8)),
    "convolved": lambda: (nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.GELU(),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 8)),
    "embedded": lambda: (nn.Embedding(50, 4), nn.Flatten(), nn.Linear(256, 8)),
}

def train(kind="dense", steps=3):
    "The bits of trained weights."
    fastnn.manual_seed(1)
    rng = np.random.default_rng(0)
    model = nn.Sequential(*KINDS[kind]())
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    x, y = rng.standard_normal((256, 64)).astype(np.float32), rng.integers(0, 8, 256)
    if kind == "embedded":
        x = rng.integers(0, 50, (256, 64))
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(fastnn.tensor(x)), fastnn.tensor(y)).backward()
        optimizer.step()
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())
"""
namespace = {}
exec(WORK + TRAIN, namespace)
train = namespace["train"]
work = namespace["work"]


@needs_openmp
def test_environment():
    code = "import fastnn; print(fastnn.get_num_threads())"
    assert run(code, FASTNN_NUM_THREADS="3") == "3\n"
    assert run(code, OMP_NUM_THREADS="1", FASTNN_NUM_THREADS="") == "1\n"
    assert run(code, OMP_NUM_THREADS="1", FASTNN_NUM_THREADS="2") == "2\n"


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_environment_refused(value):
    code = "try:\n    import fastnn\nexcept ImportError as e:\n    print(e)"
    assert "FASTNN_NUM_THREADS" in run(code, FASTNN_NUM_THREADS=value)


@pytest.mark.parametrize("n", [0, -1, 5000])
def test_set_num_threads_refuses(n):
    with pytest.raises(ValueError, match="set_num_threads"):
        fastnn.set_num_threads(n)


@needs_openmp
def test_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    fastnn.set_num_threads(2)
    apis = {info["internal_api"] for info in threadpoolctl.threadpool_info()}
    assert "openmp" in apis
    with threadpoolctl.threadpool_limits(1):
        assert fastnn.get_num_threads() == 1
        expected = work()
    assert fastnn.get_num_threads() == 2
    assert work() == expected


@pytest.mark.parametrize("n", [2, 3, 16])
def test_bits_and_oversubscription(n):
    fastnn.set_num_threads(1)
    expected = work()
    fastnn.set_num_threads(n)
    for _ in range(20):
        assert work() == expected


@pytest.mark.parametrize("kind", namespace["KINDS"])
def test_trainings_have_the_same_bits_for_any_number_of_threads(kind):
    fastnn.set_num_threads(1)
    expected = train(kind)
    for n in (2, 3, 4, 8, 16):
        fastnn.set_num_threads(n)
        assert train(kind) == expected, f"{n} threads"


def test_many_python_threads():
    expected = [work(seed, 160) for seed in range(8)]
    results = [None] * 8

    def body(seed):
        for _ in range(10):
            results[seed] = work(seed, 160)

    threads = [threading.Thread(target=body, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert results == expected


def test_a_model_for_each_python_thread():
    """1,000 recorded steps each, all at once: the bits of one after the other."""

    def made(seed):
        fastnn.manual_seed(seed)
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
        optimizer = optim.Adam(model.parameters(), lr=1e-2)
        x, y = fastnn.randn(32, 8), fastnn.randint(0, 3, (32,))

        @fastnn.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        def train():
            for _ in range(1000):
                loss = step(x, y)
            results[seed] = [
                loss.item(),
                *(p.detach().numpy().tobytes() for p in model.parameters()),
            ]

        return train

    results = {}
    for seed in range(8):
        made(seed)()
    expected, results = results, {}
    threads = [threading.Thread(target=made(seed)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert results == expected


def test_the_thread_count_may_rise_between_scratch_and_run():
    """Scratch is made for so many parts; a Call then never has more, whatever others set."""
    x = fastnn.tensor(np.random.default_rng(0).standard_normal((128, 96)).astype(np.float32))
    fastnn.set_num_threads(1)
    expected = (x @ x.T).numpy().tobytes()
    done = threading.Event()

    def change():
        while not done.is_set():
            for n in (1, 16):
                fastnn.set_num_threads(n)

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(200):
            assert (x @ x.T).numpy().tobytes() == expected
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)


FORK = """
import time
fastnn.set_num_threads(1)
expected, trained = work(times=3), train()  # the bits of any number of threads
fastnn.set_num_threads(2)
busy = True

def keep_busy():
    while busy:
        work(1)

beside = threading.Thread(target=keep_busy)
children = 0

def fork(count):
    global children
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if work() == expected and train() == trained else 7)
        deadline = time.monotonic() + 60
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                assert status == 0, status
                break
            assert time.monotonic() < deadline, "a child hangs"
            time.sleep(0.001)
        children += 1

fork(40)  # before there is a team,
assert work(times=3) == expected and train() == trained
fork(80)  # after it has worked,
beside.start()  # and while another thread is inside a parallel region
fork(80)
busy = False
beside.join()
assert work() == expected
print(children)
"""


@needs_fork
def test_fork():
    assert run(WORK + TRAIN + FORK, PYTHONWARNINGS="ignore") == "200\n"


BUSY = """
import subprocess
spin = "import time; end = time.time() + 60\\nwhile time.time() < end: pass"  # outlives no test for long
hogs = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(2)]
try:
    expected = work()
    for _ in range(50):
        assert work() == expected
finally:
    for hog in hogs:
        hog.kill()
"""


def test_busy_machine():
    run(WORK + BUSY, timeout=120)


FLOATS = """
tiny = np.float32(1e-38)
def mode():
    "denormals are kept, and 1/3 is rounded as IEEE says"
    return float(tiny * np.float32(.01)), (np.float32(1) / np.float32(3)).tobytes()
assert mode()[0] != 0
before = mode()
for threads in (1, 2):
    fastnn.set_num_threads(threads)
    work(times=5)
    assert mode() == before
x = fastnn.tensor(np.full(100000, 1e-38, np.float32))
assert (x * 0.01).numpy().min() > 0
"""


def test_floating_point_mode_is_left_alone():
    run(WORK + FLOATS)


FLUSHED = """
import torch
x = fastnn.tensor(np.full(1 << 20, 1e-38, np.float32))
work()
torch.set_flush_denormal(True)  # for this thread alone: the team follows it
for threads in (1, 2):
    fastnn.set_num_threads(threads)
    work()
    for _ in range(20):
        assert (x * 0.01).numpy().max() == 0
torch.set_flush_denormal(False)
for _ in range(20):
    assert (x * 0.01).numpy().min() > 0
"""


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_team_computes_in_the_callers_mode():
    run(WORK + FLUSHED)
