"""Random numbers: distributions, seeds, and the same bits for any number of threads."""

import math

import numpy as np
import pytest

import fastnn
from fastnn import nn


def uniform_distance(u):
    """Kolmogorov and Smirnov's distance from the uniform distribution, times sqrt(n)."""
    u = np.sort(u)
    n = len(u)
    return max(np.max(np.arange(1, n + 1) / n - u), np.max(u - np.arange(n) / n)) * math.sqrt(n)


def normal_cdf(z):
    return np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in z])


def test_philox_is_philox():
    """The known answer for counter 0 and key 0, from the authors' test vectors."""
    fastnn.manual_seed(0)
    words = fastnn.randint(-(2**63), 2**63, (20,)).numpy().view(np.uint64) ^ np.uint64(1 << 63)
    assert hex(words[0]) == "0xe169c58d6627e8d5"
    assert hex(words[16]) == "0x9b00dbd8bc57ac4c"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform(dtype):
    u = fastnn.rand(200_000, dtype=dtype).numpy()
    assert u.dtype == dtype
    assert u.min() >= 0
    assert u.max() < 1
    assert uniform_distance(u) < 2
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.01
    assert abs(np.corrcoef(u[64:], u[:-64])[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(dtype):
    z = fastnn.randn(50_000, dtype=dtype).numpy()
    assert uniform_distance(normal_cdf(z)) < 2
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02
    assert abs((z**4).mean() - 3) < 0.2
    assert abs(np.corrcoef(z[:25_000] ** 2, z[25_000:] ** 2)[0, 1]) < 0.03


def test_two_draws_differ_and_a_seed_repeats_them():
    a, b = fastnn.rand(1000).numpy(), fastnn.rand(1000).numpy()
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1
    fastnn.manual_seed(0)
    assert (fastnn.rand(1000).numpy() == a).all()
    assert (fastnn.rand(1000).numpy() == b).all()
    fastnn.manual_seed(1)
    assert (fastnn.rand(1000).numpy() != a).mean() > 0.99


def test_own_generator_and_state():
    g = fastnn.Generator(9)
    before = fastnn.get_rng_state()
    a = fastnn.randn(10, generator=g).numpy()
    assert fastnn.get_rng_state() == before
    state = g.get_state()
    b = fastnn.randn(10, generator=g).numpy()
    g.set_state(state)
    assert (fastnn.randn(10, generator=g).numpy() == b).all()
    assert (a != b).all()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: fastnn.rand(300_001),
        lambda: fastnn.randn(300_001),
        lambda: fastnn.randint(0, 1000, (300_001,)),
        lambda: fastnn.dropout(fastnn.from_numpy(np.ones(300_001, np.float32)), 0.3),
        lambda: nn.init.trunc_normal_(fastnn.rand(300_001)),
    ],
)
def test_threads_do_not_matter(draw):
    results = []
    for threads in (1, 2, 3):
        fastnn.set_num_threads(threads)
        fastnn.manual_seed(4)
        results.append(draw().numpy())
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()
    assert len(np.unique(results[0])) > 1


def test_integers_and_permutations():
    counts = np.bincount(fastnn.randint(10, (100_000,)).numpy(), minlength=10)
    assert len(counts) == 10
    assert abs(counts - 10_000).max() < 500
    orders = {tuple(fastnn.randperm(3).tolist()) for _ in range(100)}
    assert len(orders) == 6
    assert sorted(fastnn.randperm(1000).tolist()) == list(range(1000))


def test_bernoulli_and_dropout_rates():
    p = fastnn.from_numpy(np.full(100_000, 0.3, np.float32))
    assert abs(fastnn.bernoulli(p).numpy().mean() - 0.3) < 0.01
    y = fastnn.dropout(fastnn.from_numpy(np.ones(100_000, np.float32)), 0.3).numpy()
    assert abs((y == 0).mean() - 0.3) < 0.01
    assert np.allclose(y[y != 0], 1 / 0.7)


def test_dropout_drops_the_same_in_float32_and_float64():
    ones = np.ones(1000)
    masks = []
    for dtype in (np.float32, np.float64):
        fastnn.manual_seed(2)
        masks.append(fastnn.dropout(fastnn.from_numpy(ones.astype(dtype)), 0.5).numpy() != 0)
    assert (masks[0] == masks[1]).all()


def test_alpha_dropout_keeps_mean_and_variance():
    x = fastnn.randn(200_000)
    y = fastnn.alpha_dropout(x, 0.2).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02


def test_channels_are_dropped_whole():
    y = fastnn.dropout2d(fastnn.from_numpy(np.ones((50, 20, 3, 4), np.float32)), 0.4).numpy()
    assert (y == y[:, :, :1, :1]).all()
    assert abs((y[:, :, 0, 0] == 0).mean() - 0.4) < 0.06


def test_parameters_that_want_gradients_are_not_overwritten_inside_the_graph():
    p = nn.Parameter(fastnn.rand(3))
    with pytest.raises(RuntimeError):
        fastnn.ops.draw.normal_(p)
    nn.init.normal_(p)
