"""Odd arrays through every op of the table: the right result, or a clear error (RELIABILITY, R17).

test_ops.py has Fortran order, transposed, negative and zero strides, gaps and misaligned data; here
are the arrays that cannot be shared, that must not be written, and that have an odd shape.
"""

import numpy as np
import pytest
from op_calls import assert_close, call_fastnn, call_reference, evaluate, numpy, typed
from op_table import ROWS

import fastnn

CLEAR = (ValueError, IndexError, TypeError, RuntimeError)


class Subclass(np.ndarray):
    """An array with a name of its own."""


def big_endian(a, folder):
    return a.astype(a.dtype.newbyteorder(">"))


def read_only(a, folder):
    a = a.copy()
    a.flags.writeable = False
    return a


def memmap(a, folder):
    if a.size == 0 or a.ndim == 0:
        return a
    path = folder / str(len(list(folder.iterdir())))
    a.tofile(path)
    return np.memmap(path, a.dtype, "r", shape=a.shape)


def subclass(a, folder):
    return a.view(Subclass)


def overlapping(a, folder):
    """Rows that start one element after each other."""
    if a.ndim < 2 or a.size == 0:
        return a
    line = np.ascontiguousarray(a).ravel()
    strides = (a.itemsize,) * a.ndim
    return np.lib.stride_tricks.as_strided(line, a.shape, strides)


ARRAYS = [big_endian, read_only, memmap, subclass, overlapping]


def small(row):
    for sample in row.samples:
        arrays = typed(sample.arrays(), np.float32)
        if arrays and sum(a.size for a in arrays) < 5000:
            return sample, arrays
    pytest.skip("no small sample with arrays")


EACH_ROW = pytest.mark.parametrize("row", [pytest.param(r, id=r.id) for r in ROWS])


@pytest.mark.parametrize("odd", ARRAYS, ids=[f.__name__ for f in ARRAYS])
@EACH_ROW
def test_odd_arrays(row, odd, tmp_path):
    sample, arrays = small(row)
    wild = [
        odd(a, tmp_path) if a.dtype.kind == "f" or odd is not overlapping else a for a in arrays
    ]
    plain = [np.array(a, a.dtype.newbyteorder("=")) for a in wild]
    values, grads = evaluate(row, sample, plain)
    got_values, got_grads = evaluate(row, sample, wild)
    assert_close(got_values, values, row.rtol, "output")
    assert_close(got_grads, grads, row.rtol, "gradient")
    for w, p in zip(wild, plain, strict=True):
        np.testing.assert_array_equal(np.asarray(w), p, err_msg="the op changed its input")


@pytest.mark.parametrize("kind", ["object", "text", "complex"])
@EACH_ROW
def test_arrays_of_no_numbers(row, kind):
    sample, arrays = small(row)
    wild = {
        "object": lambda a: np.array([None] * a.size, object).reshape(a.shape),
        "text": lambda a: np.full(a.shape, "one"),
        "complex": lambda a: a.astype(complex),
    }[kind]
    if not all(a.size for a in arrays):
        pytest.skip("nothing in it")
    with pytest.raises(CLEAR) as error:
        call_fastnn(row, sample, [fastnn.as_tensor(wild(a)) for a in arrays])
    assert len(str(error.value)) > 10


def changed_shape(kind, a):
    if kind == "0-d":
        return a.ravel()[:1].reshape(()).copy() if a.size else a
    if kind == "no rows":
        return a[:0].copy() if a.ndim else a
    return np.concatenate([a.ravel(), a.ravel()])[: 2 ** int(np.log2(a.size + 1)) + 1].copy()


@pytest.mark.parametrize("kind", ["0-d", "no rows", "1-d"])
@EACH_ROW
def test_odd_shapes(row, kind):
    """All inputs in a shape that the row does not have: the reference's result, or an error."""
    sample, arrays = small(row)
    arrays = [changed_shape(kind, a) for a in arrays]
    try:
        got = call_fastnn(row, sample, [fastnn.as_tensor(a) for a in arrays])
    except CLEAR as error:
        assert len(str(error)) > 10
        return
    if row.reference is None:
        return
    try:
        with np.errstate(all="ignore"):
            expected = call_reference(row, sample, arrays)
    except Exception:  # NumPy does not know this shape: PyTorch's word counts, in test_ops
        return
    got_nan = kind == "no rows" and any(np.isnan(numpy(g)).any() for g in got)
    if got_nan:  # the mean of nothing is no number; a reference may divide by other counts
        return
    if [np.shape(e) for e in expected] == [numpy(g).shape for g in got]:
        assert_close([numpy(g) for g in got], expected, max(row.rtol, 1e-4), "output")
