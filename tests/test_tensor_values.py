"""What a Tensor says of itself, copies of it, and the memory it lives in."""

import contextlib
import copy
import operator
import pickle

import numpy as np
import pytest
from interpreter import run

import fastnn

DTYPES = ["float32", "float64", "int64", "int32", "bool"]


def numbers(dtype, *shape):
    a = np.arange(np.prod(shape)).reshape(shape)
    return (a % 2).astype(dtype) if dtype == "bool" else a.astype(dtype)


# --- values and words --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fastnn.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: fastnn.tensor(2.5), "tensor(2.5)"),
        (lambda: fastnn.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: fastnn.tensor(np.arange(2.0)), "tensor([0., 1.], dtype=float64)"),
        (lambda: fastnn.tensor([True]), "tensor([ True])"),
        (lambda: fastnn.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (
            lambda: fastnn.tensor([1.0], requires_grad=True) * 2,
            "tensor([2.], grad_fn=<mul>)",
        ),
        (lambda: fastnn.tensor(np.zeros((0, 3))), "tensor([], size=(0, 3), dtype=float64)"),
        (lambda: fastnn.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text
    assert str(make()) == text


def test_a_large_tensor_prints_shortly():
    assert len(repr(fastnn.tensor(np.zeros((1000, 1000))))) < 1000


def test_format():
    assert f"{fastnn.tensor(1.23456):.2f}" == "1.23"
    assert f"{fastnn.tensor([1, 2])}" == "tensor([1, 2])"
    with pytest.raises(TypeError):
        f"{fastnn.tensor([1.0, 2.0]):.2f}"


def test_item_and_numbers():
    assert fastnn.tensor([[2.5]]).item() == 2.5
    assert type(fastnn.tensor(3).item()) is int
    assert type(fastnn.tensor(3.0).item()) is float
    assert fastnn.tensor(True).item() is True
    assert float(fastnn.tensor([1.5])) == 1.5
    assert int(fastnn.tensor([1.5])) == 1
    assert [10, 20, 30][fastnn.tensor(1)] == 20
    assert bool(fastnn.tensor([0.0])) is False
    assert fastnn.tensor(1.5, requires_grad=True).item() == 1.5
    assert fastnn.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert fastnn.tensor(5).tolist() == 5


@pytest.mark.parametrize(
    ("use", "error", "match"),
    [
        (lambda t: t.item(), ValueError, r"one element, got shape \(2,\)"),
        (float, ValueError, "one element"),
        (int, ValueError, "one element"),
        (bool, ValueError, r"ambiguous; use .any\(\) or .all\(\)"),
        (lambda t: [1, 2][t], TypeError, "integer tensors of one element"),
        (lambda t: len(t[0]), TypeError, r"len\(\) of a 0-d tensor"),
        (lambda t: iter(t[0]), TypeError, "0-d tensor cannot be iterated"),
        (lambda t: t.size(3), IndexError, "dim must be from -1 to 0"),
        (lambda t: t.stride("a"), TypeError, "dim must be an int, got str"),
    ],
)
def test_what_makes_no_sense(use, error, match):
    with pytest.raises(error, match=match):
        use(fastnn.tensor([1.0, 2.0]))


def test_len_iteration_and_hash():
    t = fastnn.tensor([[1, 2], [3, 4], [5, 6]])
    assert len(t) == 3
    assert [row.tolist() for row in t] == [[1, 2], [3, 4], [5, 6]]
    assert len({t, t, fastnn.tensor([1])}) == 2
    assert 3 in t
    assert 7 not in t


def test_comparison_with_strangers():
    t = fastnn.tensor([1.0])
    assert (t == None) is False  # noqa: E711
    assert (t != "text") is True
    assert t not in ("a", None)


def test_sizes():
    t = fastnn.tensor(np.zeros((2, 3, 4)))
    assert t.size() == t.shape == (2, 3, 4)
    assert t.size(-1) == 4
    assert (t.dim(), t.ndim, t.numel()) == (3, 3, 24)
    assert t.stride() == (12, 4, 1)
    assert t.stride(0) == 12
    assert (t.itemsize, t.element_size(), t.nbytes) == (8, 8, 192)
    assert t.is_contiguous()
    assert t.is_floating_point()
    assert t.device == "cpu"
    assert not fastnn.tensor([1]).is_floating_point()


# --- copies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_pickling(dtype):
    t = fastnn.tensor(numbers(dtype, 3, 4))
    u = pickle.loads(pickle.dumps(t))
    assert u.dtype == t.dtype
    np.testing.assert_array_equal(u.numpy(), t.numpy())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(t[:, ::2])).numpy(), t.numpy()[:, ::2])


def test_pickling_keeps_requires_grad_and_type():
    t = pickle.loads(pickle.dumps(fastnn.tensor([1.0], requires_grad=True)))
    assert t.requires_grad
    assert t.is_leaf


def test_copies_have_memory_of_their_own():
    t = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    for u in (copy.copy(t), copy.deepcopy(t)):
        assert u.requires_grad
        assert u.data_ptr() != t.data_ptr()
        np.testing.assert_array_equal(u.detach().numpy(), t.detach().numpy())
    pair = [t, t]
    same = copy.deepcopy(pair)
    assert same[0] is same[1]


def test_data_can_be_assigned():
    t = fastnn.tensor([1.0, 2.0], requires_grad=True)
    at = t.data_ptr()
    t.data = fastnn.tensor([3.0, 4.0])
    assert t.data_ptr() == at
    assert t.tolist() == [3, 4]
    t.data[1] = 7
    assert t.tolist() == [3, 7]
    with pytest.raises(ValueError, match=r"data: expected shape \(2,\), got \(3,\)"):
        t.data = [1.0, 2.0, 3.0]


# --- memory ------------------------------------------------------------------------------------


def test_memory_statistics():
    before = fastnn.memory_stats()["allocated"]
    t = fastnn.tensor(np.zeros(1 << 18, np.float32))
    assert fastnn.memory_stats()["allocated"] - before == 1 << 20
    fastnn.reset_peak_memory()
    assert fastnn.memory_stats()["peak"] == fastnn.memory_stats()["allocated"]
    del t
    assert fastnn.memory_stats()["allocated"] == before
    assert fastnn.memory_stats()["cached"] >= 1 << 20
    fastnn.empty_cache()
    assert fastnn.memory_stats()["cached"] == 0


def test_running_out_of_memory_is_an_exception():
    with pytest.raises(MemoryError):
        fastnn.tensor(1.0).expand(1 << 30, 1 << 20).contiguous()
    assert fastnn.tensor([1.0]).item() == 1


def test_every_failed_allocation_of_a_step_leaves_everything_whole():
    from fastnn._engine import engine

    x = fastnn.tensor(np.ones((8, 8)), requires_grad=True)

    def step():
        ((x @ x).tanh() * 2 + x).sum().backward()
        x.grad = None

    step()
    before = fastnn.memory_stats()["allocated"]
    n = failures = 0
    while True:
        engine._fail_allocation(n)
        try:
            step()
        except MemoryError:
            failures += 1
        else:
            break
        finally:
            engine._fail_allocation(-1)
            x.grad = None
        n += 1
        assert fastnn.memory_stats()["allocated"] == before
    assert failures > 5
    step()
    assert fastnn.memory_stats()["allocated"] == before


def test_data_is_aligned():
    for n in (1, 3, 17, 1000):
        assert fastnn.tensor(np.zeros(n)).data_ptr() % 64 == 0


def test_every_operator_works_or_raises_for_every_kind_of_tensor():
    functions = [f for name, f in vars(operator).items() if name[0] != "_" and callable(f)]
    others = (fastnn.ones(2, 2), fastnn.ones(3), 2, 0.5, None, "a", [1, 2], object())
    for dtype in DTYPES:
        for f in functions:
            for other in others:
                a = fastnn.as_tensor(np.ones((2, 2), dtype))
                for arguments in ((a, other), (other, a), (a,), (a, other, other)):
                    with contextlib.suppress(TypeError, ValueError, IndexError, RuntimeError):
                        f(*arguments)


ENGINE_ALONE = """
import importlib.util, operator, sys, types
package = types.ModuleType("fastnn")
package.__path__ = list(importlib.util.find_spec("fastnn").submodule_search_locations)
sys.modules["fastnn"] = package
from fastnn._engine import engine
x = engine.tensor([1.0])
for f in (operator.add, operator.eq, operator.getitem, operator.iadd, operator.matmul):
    try:
        f(x, 0)
        raise SystemExit(f)
    except TypeError as error:
        assert "import fastnn" in str(error), error
for f in (operator.neg, operator.abs, operator.invert, lambda x: operator.setitem(x, 0, 1)):
    try:
        f(x)
        raise SystemExit(f)
    except TypeError as error:
        assert "import fastnn" in str(error), error
"""


def test_operators_that_nobody_has_filled_in_raise():
    run(ENGINE_ALONE)


def test_devices_of_scripts_written_for_gpus():
    device = fastnn.device("cuda" if fastnn.cuda.is_available() else "cpu")
    assert device == "cpu" and device.type == "cpu" and repr(device) == "device(type='cpu')"
    assert fastnn.cuda.device_count() == 0
    fastnn.cuda.manual_seed_all(3)
    x = fastnn.tensor([1.0], device=device).to(device) + fastnn.ones(1, device=device)
    assert x.device == device
    assert fastnn.nn.Linear(1, 1).to(device)(x).shape == (1, 1)[:1]
    with pytest.raises(ValueError, match="computes on the CPU"):
        fastnn.device("cuda")
    for make in (fastnn.tensor, fastnn.as_tensor):
        with pytest.raises(ValueError, match="device must be 'cpu'"):
            make(np.ones(2), device="mps")


def test_what_scripts_ask_about_values():
    x = fastnn.ones(2, 3)
    assert (fastnn.numel(x), fastnn.is_tensor(x), fastnn.is_floating_point(x)) == (6, True, True)
    assert not fastnn.is_floating_point(fastnn.arange(2))
    assert not fastnn.is_tensor(np.ones(2))
    assert fastnn.get_default_dtype() == fastnn.tensor(0.5).dtype
    assert fastnn.finfo(x.dtype).eps == 2.0**-23
    assert fastnn.full((1,), -fastnn.inf).item() < -1e38
    for question in (fastnn.numel, fastnn.is_floating_point):
        with pytest.raises(TypeError, match="input must be a Tensor, got list"):
            question([1.0])
