"""Values in and out of tensors, and memory shared with NumPy."""

import hashlib

import numpy as np
import pytest

import fastnn

DTYPES = ["float32", "float64", "int64", "int32", "bool"]


def numbers(dtype, *shape):
    a = np.arange(np.prod(shape)).reshape(shape)
    return (a % 2).astype(dtype) if dtype == "bool" else a.astype(dtype)


# --- NumPy in and out --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy_shares_memory(dtype):
    a = numbers(dtype, 3, 4)
    t = fastnn.from_numpy(a)
    assert (t.shape, t.dtype, t.ndim, t.numel()) == ((3, 4), np.dtype(dtype), 2, 12)
    a[1, 2] = not a[1, 2]
    assert t[1, 2].item() == a[1, 2]
    assert np.shares_memory(t.numpy(), a)
    t[0, 0] = 1
    assert a[0, 0] == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_way_out_shares_memory(dtype):
    t = fastnn.tensor(numbers(dtype, 2, 3))
    for a in (t.numpy(), np.asarray(t), np.asarray(memoryview(t)), np.from_dlpack(t)):
        assert a.dtype == dtype
        assert a.shape == (2, 3)
        assert a.ctypes.data == t.data_ptr()
    assert np.array(t).ctypes.data != t.data_ptr()
    t[1, 1] = 0
    assert np.asarray(t)[1, 1] == 0


@pytest.mark.parametrize(
    "cut",
    [
        np.s_[::2],
        np.s_[::-1],
        np.s_[:, 1:3],
        np.s_[:, ::-2],
        np.s_[1],
        np.s_[:0],
        np.s_[None, :, None],
        np.s_[2, 3],
    ],
)
def test_strided_arrays_are_shared_and_right(cut):
    base = np.arange(20, dtype=np.float32).reshape(4, 5)
    a = np.asarray(base[cut])
    t = fastnn.from_numpy(a)
    np.testing.assert_array_equal(t.numpy(), a)
    np.testing.assert_array_equal((t * 2).numpy(), a * 2)
    np.testing.assert_array_equal(t.contiguous().numpy(), a)
    assert t.is_contiguous() == a.flags.c_contiguous


def test_transposed_broadcast_and_fortran_arrays():
    a = np.arange(6, dtype=np.float64).reshape(2, 3)
    for b in (a.T, np.asfortranarray(a), np.broadcast_to(a[0], (4, 3)), a.T[::-1]):
        t = fastnn.as_tensor(b)
        np.testing.assert_array_equal((t + 1).numpy(), b + 1)


def test_read_only_arrays():
    a = np.arange(3, dtype=np.float32)
    a.flags.writeable = False
    t = fastnn.from_numpy(a)
    np.testing.assert_array_equal((t + 1).numpy(), [1, 2, 3])
    assert not t.numpy().flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        t += 1
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 5
    t.clone()[0] = 5
    np.testing.assert_array_equal(a, [0, 1, 2])


def test_memory_outlives_its_makers():
    t = fastnn.from_numpy(np.full(1000, 7.0))
    a = fastnn.tensor(np.full(1000, 3.0)).numpy()
    rubbish = [fastnn.tensor(np.zeros(1000)) for _ in range(10)]
    assert (t.numpy() == 7).all()
    assert (a == 3).all()
    assert len(rubbish) == 10


def test_odd_arrays_are_copied_by_tensor_and_refused_by_from_numpy():
    swapped = np.arange(3, dtype=">f4")
    crooked = np.frombuffer(b"\0" + np.arange(3, dtype=np.float32).tobytes(), np.float32, 3, 1)
    fields = np.zeros(3, [("a", "f4"), ("b", "i1")])
    fields["a"] = [0, 1, 2]
    for a in (swapped, crooked, fields["a"], np.arange(3, dtype=np.float16)):
        np.testing.assert_array_equal(fastnn.tensor(a).numpy(), [0, 1, 2])
        assert fastnn.tensor(a).dtype == np.float32
        np.testing.assert_array_equal(fastnn.as_tensor(a).numpy(), [0, 1, 2])
        with pytest.raises(TypeError, match=r"fastnn.tensor\(array\)"):
            fastnn.from_numpy(a)
    with pytest.raises(TypeError, match="expected a NumPy array, got list"):
        fastnn.from_numpy([1.0])


def test_subclasses_of_arrays():
    masked = np.ma.masked_array(np.arange(3.0), mask=[0, 1, 0])
    np.testing.assert_array_equal(fastnn.tensor(masked).numpy(), [0, 1, 2])
    np.testing.assert_array_equal(fastnn.tensor(np.asmatrix(np.eye(2))).numpy(), np.eye(2))


def test_a_tensor_that_requires_grad_does_not_leave_by_accident():
    t = fastnn.tensor([1.0], requires_grad=True)
    for leave in (lambda: t.numpy(), lambda: np.asarray(t), lambda: np.from_dlpack(t)):
        with pytest.raises(RuntimeError, match=r"detach\(\)"):
            leave()
    assert np.asarray(t.detach()) == [1]


def test_dtype_and_copy_of_array_protocol():
    t = fastnn.tensor([1.5, 2.5])
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.array(t, copy=True).ctypes.data != t.data_ptr()
    with pytest.raises(ValueError, match="copy"):
        t.__array__(np.float64, copy=False)


def test_dlpack_both_ways_with_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    t = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    u = torch.from_dlpack(t)
    assert u.data_ptr() == t.data_ptr()
    np.testing.assert_array_equal(fastnn.tensor(u).numpy(), t.numpy())
    np.testing.assert_array_equal(fastnn.as_tensor(u).numpy(), t.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_dlpack_shares_memory(dtype):
    a = numbers(dtype, 3, 4)
    for source in (a, a.T, a[::2, 1:], a[:0], fastnn.from_numpy(a)):
        t = fastnn.from_dlpack(source)
        assert (t.dtype, t.shape) == (np.dtype(dtype), source.shape)
        np.testing.assert_array_equal(t.numpy(), np.asarray(source))
        assert not t.numel() or np.shares_memory(t.numpy(), a)
    t = fastnn.from_dlpack(a)
    del a
    t[0, 0] = 0
    assert t[0, 0].item() == 0


def test_from_dlpack_with_torch_and_jax():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    u = torch.arange(6.0).reshape(2, 3).t()
    t = fastnn.from_dlpack(u)
    assert (t.data_ptr(), t.shape) == (u.data_ptr(), (3, 2))
    t[0, 1] = -1
    assert u[0, 1] == -1
    with pytest.raises((BufferError, RuntimeError), match=r"detach"):
        fastnn.from_dlpack(torch.ones(2, requires_grad=True))
    for dtype in (torch.float16, torch.uint8):
        with pytest.raises(TypeError, match=r"from_dlpack.*(float16|uint8)"):
            fastnn.from_dlpack(torch.ones(2, dtype=dtype))
    numpy_of_jax = pytest.importorskip("jax.numpy", reason="jax is not installed")
    t = fastnn.from_dlpack(numpy_of_jax.arange(3.0))
    assert t.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        t += 1  # JAX's arrays never change
    assert numpy_of_jax.from_dlpack(fastnn.ones(2)).tolist() == [1, 1]


def test_from_dlpack_refuses():
    with pytest.raises(TypeError, match=r"__dlpack__, got list.*fastnn\.tensor"):
        fastnn.from_dlpack([1.0])
    read_only = np.arange(3.0)
    read_only.flags.writeable = False
    assert not np.from_dlpack(fastnn.from_numpy(read_only)).flags.writeable


def test_buffer_protocol():
    t = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    view = memoryview(t)
    assert (view.shape, view.format, view.strides, view.readonly) == ((2, 2), "f", (8, 4), False)
    view[0, 1] = 9.0
    assert t[0, 1].item() == 9
    assert bytes(t.contiguous()) == t.numpy().tobytes()
    with pytest.raises(BufferError, match="not contiguous"):
        hashlib.sha256(t.T)  # asks for bytes in a row
    with pytest.raises((BufferError, RuntimeError), match=r"detach\(\)"):
        memoryview(fastnn.ones(2, requires_grad=True))


def test_arrays_and_tensors_mix():
    a, t = np.ones((2, 2), np.float32), fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    for y in (a + t, t + a, a @ t, a * t, a - t, a < t):
        assert isinstance(y, fastnn.Tensor)
    np.testing.assert_array_equal((a - t).numpy(), 1 - t.numpy())


# --- making tensors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1.5, "float32", ()),
        (3, "int64", ()),
        (True, "bool", ()),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        ([1, 2], "int64", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([True, False], "bool", (2,)),
        ((1.0, 2.0), "float32", (2,)),
        (range(3), "int64", (3,)),
        ([[1, 2], [3, 4]], "int64", (2, 2)),
        (np.float64(1), "float64", ()),
        (np.float32(1), "float32", ()),
        (np.int8(1), "int64", ()),
        (np.arange(3, dtype=np.uint8), "int64", (3,)),
        (np.arange(3, dtype=np.int32), "int32", (3,)),
        (np.arange(3, dtype=np.uint64), "int64", (3,)),
        (np.arange(3.0), "float64", (3,)),
        ([np.arange(3.0), np.arange(3.0)], "float64", (2, 3)),
        (np.zeros((0, 4)), "float64", (0, 4)),
    ],
)
def test_tensor_of_all_kinds_of_data(data, dtype, shape):
    t = fastnn.tensor(data)
    assert t.dtype == np.dtype(dtype)
    assert t.shape == shape
    np.testing.assert_array_equal(t.numpy(), np.asarray(data, dtype=dtype).reshape(shape))


def test_tensor_of_tensors():
    a, b = fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0])
    np.testing.assert_array_equal(fastnn.tensor([a, b]).numpy(), [[1, 2], [3, 4]])
    c = fastnn.tensor(a)
    c[0] = 9
    assert a[0].item() == 1
    assert fastnn.tensor([fastnn.tensor(2.0), 1.0]).tolist() == [2, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_argument(dtype):
    for given in (dtype, np.dtype(dtype), getattr(fastnn, dtype)):
        t = fastnn.tensor([0, 1, 1], dtype=given)
        assert t.dtype == np.dtype(dtype)
        assert t.numpy().astype(int).tolist() == [0, 1, 1]
    assert fastnn.tensor([1, 0], dtype=float).dtype == np.float64
    assert fastnn.tensor([1, 0], dtype=int).dtype == np.int64
    assert fastnn.tensor([1, 0], dtype=bool).dtype == np.bool_


def test_names_of_dtypes():
    assert fastnn.float == fastnn.float32 == np.float32
    assert fastnn.double == fastnn.float64
    assert fastnn.long == fastnn.int64
    assert fastnn.int == fastnn.int32
    assert fastnn.bool == np.bool_


@pytest.mark.parametrize(
    ("data", "kwargs", "error", "match"),
    [
        ("text", {}, TypeError, "text"),
        (["a", "b"], {}, TypeError, r"text.*'a'"),
        (None, {}, TypeError, "None"),
        ([1, None], {}, TypeError, "None"),
        ([[1, 2], [3]], {}, ValueError, "different lengths"),
        (object(), {}, TypeError, "object"),
        ([1j], {}, TypeError, "complex"),
        ({"a": 1}, {}, TypeError, "expected numbers"),
        (np.array(["2020-01-01"], "M8[D]"), {}, TypeError, "datetime64"),
        ([2**70], {}, TypeError, str(2**70)),
        (np.array([2**64 - 1], np.uint64), {}, OverflowError, "int64"),
        ([1.0], {"dtype": np.float16}, TypeError, "expected float32, float64"),
        ([1.0], {"dtype": "nonsense"}, TypeError, "nonsense"),
        (np.zeros((1,) * 9), {}, ValueError, "at most 8 dimensions, got 9"),
    ],
)
def test_data_that_is_refused(data, kwargs, error, match):
    with pytest.raises(error, match=match):
        fastnn.tensor(data, **kwargs)


def test_as_tensor_with_a_dtype_keeps_the_digits_of_python_floats():
    assert fastnn.as_tensor(0.3, dtype=np.float64).item() == 0.3
    assert fastnn.as_tensor([0.3], dtype=np.float64).tolist() == [0.3]


def test_as_tensor_shares_where_it_can():
    a = np.arange(3, dtype=np.float32)
    assert fastnn.as_tensor(a).data_ptr() == a.ctypes.data
    t = fastnn.as_tensor(a)
    assert fastnn.as_tensor(t) is t
    assert fastnn.as_tensor(a, dtype=np.float64).dtype == np.float64
    assert fastnn.as_tensor([1, 2]).dtype == np.int64


def test_Tensor_makes_float32():
    assert fastnn.Tensor([1, 2]).dtype == np.float32
    assert fastnn.Tensor().shape == (0,)
