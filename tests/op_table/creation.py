"""Rows of the families creation and series: new tensors."""

import numpy as np

import fastnn

from .row import Bad, Row, Sample, integers, normal

f32 = np.float32

ROWS = [
    Row("zeros", lambda *s: np.zeros(s[0] if isinstance(s[0], tuple) else s, f32),
        [Sample(2, 3), Sample((4,)), Sample(()), Sample(0, 2)],
        errors=[Bad(ValueError, "sizes must not be negative, got -1 in dimension 1", 2, -1),
                Bad(ValueError, "at most 8 dimensions", *[1] * 9),
                Bad(MemoryError, "more than", 2**40, 2**40),
                Bad(ValueError, "device must be 'cpu'", 2, device="cuda"),
                Bad(TypeError, "must be an int, got float", 2.5)]),
    Row("ones", lambda *s: np.ones(s, f32), [Sample(2, 3), Sample(300, 301)],
        errors=[Bad(ValueError, "must not be negative", -1)]),
    Row("ones", lambda *s: np.ones(s, bool), [Sample(2, 3)], variant="bool",
        call=lambda *s: fastnn.ones(*s, dtype=bool), torch=None),
    Row("empty", lambda *s: s, [Sample(2, 3), Sample(0)], torch=None,
        call=lambda *s: fastnn.empty(*s).shape,
        errors=[Bad(ValueError, "must not be negative", -1)]),
    Row("full", lambda s, v: np.full(s, v, f32 if isinstance(v, float) else None),
        [Sample((2, 3), 1.5), Sample((2,), 7), Sample((3,), True), Sample((), 2.0)],
        errors=[Bad(TypeError, "full: fill_value must be a number, got str", (2,), "x")]),
    *[
        Row(f"{name}_like", lambda x, *v, value=value: np.full_like(x, *(v or (value,))),
            [Sample(normal(2, 3, grad=False), *more), Sample(integers(4), *more)],
            errors=[Bad(TypeError, "expected a Tensor or an array, got None", None, *more)])
        for name, value, more in (("zeros", 0, ()), ("ones", 1, ()), ("full", 0, (3,)))
    ],
    Row("empty_like", lambda x: x.shape, [Sample(normal(2, 3, grad=False))], torch=None,
        call=lambda x: fastnn.empty_like(x).shape,
        errors=[Bad(TypeError, "expected a Tensor or an array, got None", None)]),
    Row("arange", lambda *a: np.arange(*a).astype(f32 if any(isinstance(v, float) for v in a) else int),
        [Sample(5), Sample(2, 9), Sample(2, 9, 3), Sample(9, 2, -2), Sample(0.0, 1.0, 0.1),
         Sample(3, 3), Sample(0)], torch_rtol64=1e-6,
        errors=[Bad(ValueError, "step must not be zero", 0, 5, 0),
                Bad(ValueError, "step -1 does not lead from 0 to 5", 0, 5, -1),
                Bad(TypeError, "must be a number, got str", "5"),
                Bad(ValueError, "finite", 0, float("inf"))]),
    Row("linspace", lambda a, b, n: np.linspace(a, b, n).astype(f32),
        [Sample(0, 1, 5), Sample(1.0, -1.0, 11), Sample(0, 1, 1), Sample(0, 1, 0)], torch_rtol64=1e-6,
        errors=[Bad(ValueError, "steps must not be negative, got -1", 0, 1, -1)]),
    Row("eye", lambda n, m=None: np.eye(n, m, dtype=f32),
        [Sample(3), Sample(2, 4), Sample(4, 2), Sample(0)],
        torch=lambda n, m=None: __import__("torch").eye(n, *([] if m is None else [m])),
        errors=[Bad(ValueError, "must not be negative", -1)]),
]  # fmt: skip
