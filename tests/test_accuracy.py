"""Largest errors of exp, tanh and their kin, in units of the last place (ulp), over the whole range.

The reference is one type wider: float64 for float32; 80-bit long double, where the machine has it,
for float64. In a process per instruction set; special values (infinities, NaN, zeros, denormals,
the last numbers before overflow) must come out right.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

import fastnn

FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf")
SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1.0,
    -1.0,
    1e-45,
    -1e-45,
    5e-324,
    1e-310,
    88.72,
    88.73,
]
SPECIAL += [-87.4, -103.9, -104.1, 709.78, 709.79, -708.5, -745.1, -745.2, 1e30, -1e30, 1e300, 0.55]


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def erf(x):
    special = pytest.importorskip("scipy.special", reason="the reference of erf is scipy's")
    return special.erf(x.astype(np.float64))


REFERENCE = {"sigmoid": sigmoid, "erf": erf}


def inputs(dtype):
    """Bit patterns from all of the range, and many numbers where the functions change."""
    rng = np.random.default_rng(5)
    if dtype == np.float32:
        patterns = np.arange(0, 2**32, 60013, dtype=np.uint64).astype(np.uint32).view(np.float32)
    else:
        patterns = rng.integers(0, 2**64, 40_000, dtype=np.uint64).view(np.float64)
    near = [
        rng.standard_normal(40_000) * 2,
        rng.uniform(-110, 110, 20_000) if dtype == np.float32 else rng.uniform(-750, 750, 20_000),
        rng.uniform(0.5, 1.5, 20_000),
        np.exp2(rng.uniform(-60, 4, 20_000)) * rng.choice([-1, 1], 20_000),
        SPECIAL,
    ]
    with np.errstate(all="ignore"):
        return np.concatenate([patterns, *[np.asarray(x).astype(dtype) for x in near]])


def errors(y, exact, dtype):
    """|y - exact| in ulp of the exact value; 0 where both are the same infinity, or NaN."""
    limits = np.finfo(dtype)
    size = np.maximum(np.abs(exact), exact.dtype.type(limits.tiny))
    ulp = np.exp2(np.floor(np.log2(size)) - limits.nmant)
    e = np.abs(y.astype(exact.dtype) - exact) / ulp
    rounded = exact.astype(dtype)
    same = (y == rounded) | (np.isnan(y) & np.isnan(exact))
    return np.where(same & ~np.isfinite(e), 0, np.where(np.isnan(e), np.inf, e))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_two_ulp(name, dtype):
    import fastnn

    wider = np.float64 if dtype == np.float32 else np.longdouble
    allowed = 2.0
    if dtype == np.float64 and (name == "erf" or np.finfo(np.longdouble).nmant < 60):
        allowed = 3.0  # the reference itself may be off by one
    x = inputs(dtype)
    with np.errstate(all="ignore"):
        exact = np.asarray(REFERENCE.get(name, getattr(np, name, None))(x.astype(wider)), wider)
        y = getattr(fastnn, name)(fastnn.from_numpy(x)).numpy()
        found = errors(y, exact, dtype)
    worst = int(np.argmax(found))
    assert found[worst] <= allowed, f"{name}({x[worst]!r}) = {y[worst]!r}, exactly {exact[worst]!r}"
    zeros = (x == 0) & (np.asarray(exact) == 0)
    np.testing.assert_array_equal(np.signbit(y[zeros]), np.signbit(x[zeros]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", [*FUNCTIONS, "silu"])
def test_two_ways_one_result(name, dtype):
    """A vector with a rare argument goes the long way: its other elements get the same bits."""
    x = np.random.default_rng(6).standard_normal(4_000).astype(dtype) * 9
    x = np.abs(x) if name.startswith("log") else x
    rare = x.copy()
    with np.errstate(over="ignore"):
        rare[::2] = np.resize(np.asarray(SPECIAL).astype(dtype), rare[::2].shape)
    function = getattr(fastnn.nn.functional, name, None) or getattr(fastnn, name)
    plain, mixed = (function(fastnn.from_numpy(v)).numpy() for v in (x, rare))
    np.testing.assert_array_equal(plain[1::2], mixed[1::2])


@pytest.mark.parametrize("approximate, limit", [("none", 5e-7), ("tanh", 6e-7)])
def test_gelu_absolute_error(approximate, limit):
    import fastnn

    x = np.linspace(-12, 6, 200_001).astype(np.float32)
    wide = x.astype(np.float64)
    if approximate == "none":
        exact = 0.5 * wide * (1 + erf(wide / np.sqrt(2)))
    else:
        exact = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))
    y = fastnn.gelu(fastnn.from_numpy(x), approximate=approximate).numpy()
    assert np.abs(y - exact).max() < limit
    assert fastnn.gelu(fastnn.tensor([-1e4, -1e30, 1e30, np.inf])).tolist()[2:] == [
        np.float32(1e30),
        np.inf,
    ]


def test_pow_keeps_its_digits():
    """Large exponents included: 1.0001 ** 5000 and the like."""
    import fastnn

    rng = np.random.default_rng(7)
    x = np.concatenate([rng.uniform(0, 9, 20_000), 1 + rng.uniform(-1e-3, 1e-3, 20_000)])
    y = np.concatenate([rng.uniform(-9, 9, 20_000), rng.uniform(-4e4, 4e4, 20_000)])
    for dtype in (np.float32, np.float64):
        a, b = x.astype(dtype), y.astype(dtype)
        wider = np.float64 if dtype == np.float32 else np.longdouble
        with np.errstate(all="ignore"):
            exact = np.power(a.astype(wider), b.astype(wider))
            found = errors(
                fastnn.pow(fastnn.from_numpy(a), fastnn.from_numpy(b)).numpy(), exact, dtype
            )
        assert found.max() <= 2


@pytest.mark.parametrize("isa", fastnn.config_info()["isas"])
def test_each_instruction_set(isa):
    """The same limits in a process that was told its instruction set."""
    environment = {**os.environ, "FASTNN_ISA": isa}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    run = subprocess.run(
        [*command, "-k", "two_ulp or two_ways or gelu or pow"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]
