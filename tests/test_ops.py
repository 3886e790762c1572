"""Every op of fastnn.ops, by its row in the op table. Never edited for a new op: add a row."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from op_calls import (
    OPS,
    assert_close,
    call_fastnn,
    call_reference,
    evaluate,
    gradients,
    leaves,
    numpy,
    torch,
    typed,
    weights,
)
from op_table import ROWS

import fastnn

EACH_ROW = pytest.mark.parametrize("row", [pytest.param(r, id=r.id) for r in ROWS])
EACH_SAMPLE = pytest.mark.parametrize(
    "row, sample",
    [pytest.param(r, s, id=f"{r.id}-{i}") for r in ROWS for i, s in enumerate(r.samples)],
)
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])


def test_every_op_has_a_row():
    assert not set(OPS) - {row.name for row in ROWS}, "ops without a row in tests/op_table"
    assert not {row.name for row in ROWS if row.call is None} - set(OPS), "rows without an op"
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids)), "rows that share a name need a variant"


@EACH_DTYPE
@EACH_SAMPLE
def test_reference(row, sample, dtype):
    arrays = typed(sample.arrays(), dtype)
    before = [a.copy() for a in arrays]
    outputs = call_fastnn(row, sample, leaves(sample, arrays))
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="the op changed its input")
    if row.reference is None:
        return
    expected = call_reference(row, sample, arrays)
    assert_close(
        [numpy(y) for y in outputs],
        expected,
        row.rtol if dtype == np.float32 else row.rtol64,
        "output",
    )
    if any(a.dtype.kind == "f" for a in arrays):
        for y, e in zip(outputs, expected, strict=True):
            if isinstance(y, fastnn.Tensor) and np.asarray(e).dtype.kind == "f":
                assert y.dtype == dtype, f"{dtype.__name__} became {y.dtype}"


@EACH_SAMPLE
def test_float32_gradients(row, sample):
    arrays = typed(sample.arrays(), np.float32)
    _, exact = evaluate(row, sample, typed(arrays, np.float64))
    assert_close(evaluate(row, sample, arrays)[1], exact, 10 * row.rtol, "gradient")


def slopes_agree(slope, inputs, grads, scale, h=1e-5):
    """<grads, v> against the centered difference of `slope` along v: in random directions v, and
    for few elements along each axis. `inputs` are moved in place and put back."""
    total = sum(a.size for a in inputs)
    rng = np.random.default_rng(11)
    directions = list(np.eye(total)) if total <= 40 else []
    for v in [*directions, *rng.standard_normal((3, total))]:
        parts = np.split(v, np.cumsum([a.size for a in inputs])[:-1])
        parts = [p.reshape(a.shape) for p, a in zip(parts, inputs, strict=True)]
        start = [a.copy() for a in inputs]
        sides = []
        for step in (h, -h):
            for a, a0, p in zip(inputs, start, parts, strict=True):
                a[...] = a0 + step * p
            sides.append(slope())
        for a, a0 in zip(inputs, start, strict=True):
            a[...] = a0
        numeric = (sides[0] - sides[1]) / (2 * h)
        exact = sum((g * p).sum() for g, p in zip(grads, parts, strict=True))
        size = sum(np.abs(g * p).sum() for g, p in zip(grads, parts, strict=True))
        allowed = 1e-6 * max(size, abs(numeric)) + 1e-9 * max(1.0, scale, *map(abs, sides))
        assert abs(exact - numeric) <= allowed, f"gradient gives {exact}, differences {numeric}"


def smooth_case(row, sample):
    arrays = typed(sample.arrays(), np.float64)
    if sum(a.size for a in arrays) > row.most:
        pytest.skip("a smaller sample does")
    tensors = leaves(sample, arrays)
    outputs = call_fastnn(row, sample, tensors)
    dys = weights([y for y in outputs if isinstance(y, fastnn.Tensor) and y.requires_grad])
    if not dys:
        pytest.skip("no gradient")
    moved = [a for a, t in zip(arrays, tensors, strict=True) if t.requires_grad]
    return arrays, tensors, outputs, dys, moved


@EACH_SAMPLE
def test_finite_differences(row, sample):
    if not row.finite_differences:
        pytest.skip("the gradient is not the slope, by definition")
    arrays, tensors, outputs, dys, moved = smooth_case(row, sample)
    grads = [numpy(g) for g in gradients(outputs, tensors)]

    def value():
        inputs = leaves(sample, arrays)
        found = [y for y in call_fastnn(row, sample, inputs) if isinstance(y, fastnn.Tensor)]
        return sum((numpy(y) * w).sum() for y, w in zip([y for y in found if y.requires_grad], dys))

    slopes_agree(value, moved, grads, 0.0, row.step)


@EACH_SAMPLE
def test_second_order(row, sample):
    """Gradients of <u, gradient> at inputs and dy, by the graph that create_graph=True records; at
    dy alone where the gradient jumps at these inputs."""
    arrays, tensors, outputs, dys, moved = smooth_case(row, sample)
    rng = np.random.default_rng(13)
    directions = [rng.standard_normal(a.shape) for a in moved]

    def first_order(create_graph):
        inputs, w = leaves(sample, arrays), [fastnn.from_numpy(d).requires_grad_() for d in dys]
        found = call_fastnn(row, sample, inputs)
        grads = gradients(found, inputs, w, create_graph=create_graph)
        return [x for x in inputs if x.requires_grad] + w, grads

    inputs, grads = first_order(True)
    plain = [numpy(g) for g in first_order(False)[1]]
    assert_close([numpy(g) for g in grads], plain, 1e-11, "gradient with create_graph")
    total = None
    for g, u in zip(grads, directions, strict=True):
        term = (g * fastnn.from_numpy(u)).sum()
        total = term if total is None else total + term
    second = [numpy(g) for g in gradients([total], inputs, [fastnn.from_numpy(np.ones(()))])]
    second = second or [np.zeros(tuple(x.shape)) for x in inputs]

    def slope():
        return sum((numpy(g) * u).sum() for g, u in zip(first_order(False)[1], directions))

    if row.jumps:
        moved, second = [], second[len(moved) :]
    scale = max([np.abs(g).max() for g in plain if g.size] + [0])
    slopes_agree(slope, moved + dys, second, scale, row.step)


def test_every_gradient_is_differentiated_twice():
    """Each row whose op has a gradient has a sample that test_second_order is small enough for."""
    left_out = []
    for row in ROWS:
        small, wanting = False, False
        for sample in row.samples:
            arrays = typed(sample.arrays(), np.float64)
            few = sum(a.size for a in arrays) <= row.most
            if few or not wanting:
                found = call_fastnn(row, sample, leaves(sample, arrays))
                if any(isinstance(y, fastnn.Tensor) and y.requires_grad for y in found):
                    wanting = True
                    small |= few
        if wanting and not small:
            left_out.append(row.id)
    assert left_out == []


@EACH_DTYPE
@EACH_SAMPLE
def test_torch(row, sample, dtype):
    if torch is None:
        pytest.skip("torch is not installed")
    if row.torch is None:
        pytest.skip("torch has no counterpart")
    arrays = typed(sample.arrays(), dtype)
    values, grads = evaluate(row, sample, arrays)
    torch_values, torch_grads = evaluate(row, sample, arrays, torch)
    rtol = row.torch_rtol if dtype == np.float32 else row.torch_rtol64
    for mine, theirs in zip(values, torch_values, strict=True):
        assert mine.dtype == theirs.dtype, f"dtype {mine.dtype}, torch gives {theirs.dtype}"
    assert_close(values, torch_values, rtol, "output against torch")
    assert_close(grads, torch_grads, rtol, "gradient against torch")


def misaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)[1:]
    out = raw.view(a.dtype).reshape(a.shape)
    out[...] = a
    return out


def offset(a):
    """Element-aligned, not vector-aligned."""
    out = np.empty(a.size + 1, a.dtype)[1:].reshape(a.shape)
    out[...] = a
    return out


def swapped(a):
    """Stored with first and last axis exchanged."""
    return np.ascontiguousarray(a.swapaxes(0, -1)).swapaxes(0, -1)


def reversed_strides(a):
    flip = (slice(None, None, -1),) * a.ndim
    return a[flip].copy()[flip]


def every_other(a):
    out = np.zeros([2 * n + 1 for n in a.shape], a.dtype)[(slice(1, None, 2),) * a.ndim]
    out[...] = a
    return out


LAYOUTS = {
    "fortran": np.asfortranarray,
    "swapped": swapped,
    "negative strides": reversed_strides,
    "sliced": every_other,
    "offset": offset,
    "misaligned": misaligned,
}


@EACH_SAMPLE
def test_layouts(row, sample):
    """Other strides, of inputs and of the gradient that comes in, change nothing."""
    arrays = typed(sample.arrays(), np.float32)
    values, grads = evaluate(row, sample, arrays)
    for name, layout in LAYOUTS.items():

        def laid_out(a, layout=layout):
            return layout(a) if a.ndim else a

        tensors = leaves(sample, [laid_out(a) for a in arrays])
        outputs = call_fastnn(row, sample, tensors)
        assert_close([numpy(y) for y in outputs], values, row.rtol, f"{name}: output")
        wanting = [y for y in outputs if isinstance(y, fastnn.Tensor) and y.requires_grad]
        dys = [fastnn.as_tensor(w) for w in weights(wanting, laid_out)]
        got = [numpy(g) for g in gradients(outputs, tensors, dys)]
        assert_close(got, grads, row.rtol, f"{name}: gradient")


@EACH_SAMPLE
def test_stride_zero(row, sample):
    """Inputs expanded along each axis in turn, and an expanded incoming gradient."""
    arrays = typed(sample.arrays(), np.float32)
    for axis in range(max((a.ndim for a in arrays if a.dtype.kind == "f"), default=0)):
        spread = [
            np.lib.stride_tricks.as_strided(
                a, a.shape, [0 if i == axis else s for i, s in enumerate(a.strides)]
            )
            if a.dtype.kind == "f" and a.ndim > axis
            else a
            for a in arrays
        ]
        values, grads = evaluate(row, sample, [a.copy() for a in spread])
        got_values, got_grads = evaluate(row, sample, spread)
        assert_close(got_values, values, row.rtol, "output")
        assert_close(got_grads, grads, row.rtol, "gradient")
    tensors = leaves(sample, arrays)
    outputs = [
        y
        for y in call_fastnn(row, sample, tensors)
        if isinstance(y, fastnn.Tensor) and y.requires_grad
    ]
    ones = [np.ones((), np.float32) for _ in outputs]
    same = [
        fastnn.from_numpy(np.broadcast_to(o, tuple(y.shape)).copy()) for o, y in zip(ones, outputs)
    ]
    zero = [fastnn.from_numpy(o).expand(tuple(y.shape)) for o, y in zip(ones, outputs)]
    grads = gradients(outputs, tensors, same)
    tensors = leaves(sample, arrays)
    got = gradients(call_fastnn(row, sample, tensors), tensors, zero)
    assert_close([numpy(g) for g in got], [numpy(g) for g in grads], row.rtol, "gradient")


TEAMS = os.environ.get("FASTNN_TEAMS", "1 2 3")  # "1 2 3 4 8 16" is the full test


@EACH_SAMPLE
def test_threads_give_the_same_bits(row, sample):
    arrays = typed(sample.arrays(), np.float32)
    results = []
    for threads in map(int, TEAMS.split()):
        fastnn.set_num_threads(threads)
        values, grads = evaluate(row, sample, arrays)
        results.append([a.tobytes() for a in values + grads])
    assert all(found == results[0] for found in results[1:])


@EACH_SAMPLE
def test_recorded_and_replayed_give_the_eager_bits(row, sample):
    """Forward and backward in a compiled function: recorded, confirmed, then replayed, each time
    with other data. What cannot be recorded runs eagerly, and must be right too."""
    if sum(a.size for a in sample.arrays()) > 20_000:
        pytest.skip("a smaller sample does")

    def step(*tensors):
        inputs = [t.detach() for t in tensors]
        for spec, x in zip(sample.specs(), inputs, strict=True):
            x.requires_grad = spec.grad and x.is_floating_point()
        outputs = call_fastnn(row, sample, inputs)
        outputs = [y for y in outputs if isinstance(y, fastnn.Tensor)]
        dys = [y.detach() for y in outputs if y.requires_grad]
        return [y.detach() for y in outputs] + gradients(outputs, inputs, dys)

    compiled = fastnn.compile(step)
    for again in range(4):
        arrays = typed(sample.arrays(again), np.float32)
        expected = step(*leaves(sample, arrays))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = compiled(*[fastnn.as_tensor(a) for a in arrays])
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            assert numpy(g).tobytes() == numpy(e).tobytes(), f"call {again} differs"


@EACH_ROW
def test_documented_errors(row):
    for bad in row.errors:
        with pytest.raises(bad.error, match=bad.match):
            call_fastnn(row, bad, leaves(bad, typed(bad.arrays(), np.float32)))


OTHER_ISAS = [i for i in fastnn.config_info()["isas"] if i != fastnn.config_info()["isa"]]


@pytest.mark.parametrize("isa", OTHER_ISAS)
def test_each_other_instruction_set(isa):
    """References, gradients and layouts again in a process that was told its instruction set."""
    environment = {**os.environ, "FASTNN_ISA": isa}
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            __file__,
            "-k",
            "test_reference or test_float32_gradients or test_layouts",
        ],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]
