"""What a row of the op table says about an op, and how its sample inputs are drawn.

A family's file, op_table/<stem>.py, holds `ROWS = [...]`; test_ops.py checks every row:

    Row("mul",
        lambda a, b: a * b,                                     # float64 NumPy reference
        [Sample(normal(3, 4), normal(4)), Sample(normal(), 2.0), Sample(normal(0, 3), normal(3))],
        errors=[Bad(ValueError, "broadcast", normal(3), normal(4))])

Op and torch counterpart are found by the row's name, or given as `call=` and `torch=`. Arguments
that are specs (`normal`, `uniform`, `integers`, `booleans`, `drawn`), or lists of them, become
tensors, floating point ones as float32 and float64 in turn; all others are passed as they are. Use
shapes with 0, 1, no dimension at all, 2^k +- 1 elements, and at least one sample of some 100,000
elements where the op uses threads (finite differences look at small samples only).
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Spec:
    """How to draw one input: `draw(rng)` gives an array; floating point ones want gradients."""

    draw: Callable
    grad: bool = True


def normal(*shape, mean=0.0, std=1.0, grad=True):
    """Normal numbers; `normal()` is 0-d."""
    return Spec(lambda rng: mean + std * rng.standard_normal(shape), grad)


def uniform(*shape, low=0.0, high=1.0, grad=True):
    """Uniform numbers in [low, high): for ops that are defined or smooth only there."""
    return Spec(lambda rng: rng.uniform(low, high, shape), grad)


def integers(*shape, low=0, high=10, dtype=np.int64):
    """Whole numbers in [low, high)."""
    return Spec(lambda rng: rng.integers(low, high, shape, dtype=dtype))


def booleans(*shape, p=0.5):
    """True with probability p."""
    return Spec(lambda rng: rng.random(shape) < p)


def distinct(*shape, grad=True):
    """Numbers at least 0.01 apart, in random order: for ops with kinks at ties (max, sort)."""

    def draw(rng):
        size = int(np.prod(shape))
        return (rng.permutation(size) * 0.02 - size * 0.01 + rng.uniform(0, 0.01, size)).reshape(
            shape
        )

    return Spec(draw, grad)


def drawn(draw, grad=True):
    """Anything else: draw(rng) gives the array."""
    return Spec(draw, grad)


class Sample:
    """Arguments of one call: specs and plain values, by position and by name."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs
        self.seed = 0  # set by the row

    def arrays(self, again=0):
        """The drawn inputs, one per spec, lists included; floating point ones as float64. Other
        numbers `again` give other data of the same kind."""
        rng = np.random.default_rng(self.seed + again)
        return [_varied(np.asarray(spec.draw(rng))) for spec in self.specs()]

    def specs(self):
        found = []
        self._map(found.append)
        return found

    def arguments(self, values):
        """(args, kwargs) with `values` at the places of the specs."""
        values = iter(values)
        return self._map(lambda spec: next(values))

    def _map(self, function):
        def walk(value):
            if isinstance(value, Spec):
                return function(value)
            if isinstance(value, (list, tuple)) and any(isinstance(v, Spec) for v in value):
                return type(value)(walk(v) for v in value)
            return value

        return [walk(v) for v in self.args], {k: walk(v) for k, v in self.kwargs.items()}


def _varied(array):
    """A test on constant data proves nothing."""
    if array.size >= 16:
        wanted = array.size // 2 if array.dtype.kind == "f" else 2
        assert len(np.unique(array)) >= wanted, "sample data hardly varies"
    return array


class Bad(Sample):
    """Arguments that must raise `error` with a message matching the regular expression `match`."""

    def __init__(self, error, match, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.error, self.match = error, match


@dataclass
class Row:
    """One op.

    name: of the op in fastnn.ops; several rows may share it when `variant` tells them apart.
    reference: the same on NumPy arrays, float64; None for random ops (`call` then seeds).
    samples, errors: arguments that work, and arguments that are refused.
    call: the op on fastnn tensors, if not simply the op called `name`.
    torch: counterpart, if not torch.nn.functional.<name> or torch.<name>: a function of torch
        tensors, or None when there is none.
    rtol, rtol64: against the reference, relative to each value, in float32 and float64; a tenth of
        it, relative to the largest value, is allowed besides.
    torch_rtol, torch_rtol64: the same against torch.
    finite_differences: False only where the gradient is by definition not the slope.
    jumps: True only where the gradient is not continuous at a sample: it has no slope there.
    step: how far inputs are moved for differences.
    most: elements of the largest sample for differences: kinks are hardly met with few.
    """

    name: str
    reference: Callable | None
    samples: Sequence[Sample]
    errors: Sequence[Bad] = ()
    call: Callable | None = None
    torch: Callable | None | str = "same name"
    variant: str = ""
    rtol: float = 1e-5
    rtol64: float = 1e-11
    torch_rtol: float = 1e-4
    torch_rtol64: float = 1e-9
    finite_differences: bool = True
    jumps: bool = False
    step: float = 1e-5
    most: int = 300
    id: str = field(init=False)

    def __post_init__(self):
        self.id = f"{self.name}-{self.variant}" if self.variant else self.name
        for i, sample in enumerate([*self.samples, *self.errors]):
            sample.seed = zlib.crc32(f"{self.id}/{i}".encode())
