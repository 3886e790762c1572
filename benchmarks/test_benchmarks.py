"""fastnn's own times, for ``pytest benchmarks`` and ``pytest-benchmark compare``; none is asserted."""

import pytest

import fastnn

from . import by_fastnn, nets

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed")


@pytest.mark.parametrize("mode", by_fastnn.MODES)
@pytest.mark.parametrize("net", nets.STEPS, ids=lambda net: net.name)
def test_step(benchmark, net, mode):
    step, _ = by_fastnn.step(net, mode)
    for _ in range(4):
        step()  # recorded, confirmed, warm
    benchmark(step)


@pytest.mark.parametrize("name", ["relu", "add", "relu, forward only", "chain"])
def test_small_op(benchmark, name):
    benchmark(by_fastnn.small_op(name, "eager")[0])


@pytest.mark.parametrize("n", [16, 64, 256, 512, 1024])
def test_matmul(benchmark, n):
    a, b = fastnn.rand(n, n), fastnn.rand(n, n)
    benchmark(lambda: a @ b)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "sum", "softmax", "gelu"])
@pytest.mark.parametrize("size", [1 << 10, 1 << 20])
def test_elementwise(benchmark, name, size):
    x = fastnn.randn(size)
    f = {"softmax": lambda x: fastnn.softmax(x, 0), "gelu": fastnn.nn.functional.gelu}.get(
        name, getattr(fastnn, name)
    )
    benchmark(f, x)
