"""PyTorch's own databases of modules and operators, with their sample inputs, run against fastnn.

What is compared, by rule: every entry whose name fastnn has. A sample is left out when it uses what
fastnn leaves out on purpose, and then counted: a dtype other than float32, float64, int64, int32 and
bool; zero-size or complex spectral inputs are no reason. What fastnn lacks of an entry stands in
LACKS with the reason. Everything else must agree in float64 within 1e-7, gradients too.
"""

import numbers
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytest.importorskip("expecttest", reason="torch's own test code needs it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import module_db

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = {torch.float32, torch.float64, torch.int64, torch.int32, torch.bool}
MOST_SAMPLES = 12  # of one entry and mode

# module -> (words of the error, why it is refused)
LACKS = {}


class LeftOut(Exception):
    """The sample uses a dtype that fastnn leaves out."""


def ours(value):
    """The same value for fastnn."""
    if isinstance(value, torch.Tensor):
        if value.dtype not in DTYPES or value.is_sparse:
            raise LeftOut(str(value.dtype))
        array = value.detach().numpy()
        tensor = fastnn.as_tensor(array.copy(order="K"))
        return tensor.requires_grad_() if value.requires_grad else tensor
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise LeftOut(str(value))
        return str(value).removeprefix("torch.")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return tuple(ours(v) for v in value)
    if isinstance(value, (tuple, list)):
        return type(value)(ours(v) for v in value)
    if isinstance(value, dict):
        return {k: ours(v) for k, v in value.items()}
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        attention = value.self_attn
        sizes = attention.embed_dim, attention.num_heads, value.linear1.out_features
        order = {
            "batch_first": attention.batch_first,
            "norm_first": value.norm_first,
            "bias": value.linear1.bias is not None,
        }
        return nn.TransformerEncoderLayer(*sizes, value.dropout.p, ours(value.activation), **order)
    if callable(value) and hasattr(torch.nn.functional, getattr(value, "__name__", "")):
        return getattr(nn.functional, value.__name__)
    return value


def tensors(value, kind):
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors(v, kind)]
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in tensors(v, kind)]
    return []


def assert_same(mine, theirs, what):
    if isinstance(theirs, numbers.Number):
        assert mine == pytest.approx(theirs, rel=1e-7, nan_ok=True), what
        return
    mine, theirs = np.asarray(mine.detach().numpy()), theirs.detach().numpy()
    assert mine.shape == theirs.shape, f"{what}: shape {mine.shape}, PyTorch {theirs.shape}"
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9, err_msg=what)
    else:
        np.testing.assert_array_equal(mine, theirs, err_msg=what)


def differentiate(library, outputs, inputs):
    """Gradients at the inputs, for fixed weights of the outputs; None where there is none."""
    total = None
    for number, y in enumerate(outputs):
        if y.requires_grad and y.is_floating_point():
            w = np.random.default_rng(number).standard_normal(tuple(y.shape))
            term = (y * library.as_tensor(w.astype(str(y.dtype).removeprefix("torch.")))).sum()
            total = term if total is None else total + term
    wanted = [x for x in inputs if x.requires_grad]
    if total is None or not wanted:
        return []
    if library is torch:
        return torch.autograd.grad(total, wanted, allow_unused=True)
    return fastnn.autograd.grad(total, wanted, allow_unused=True)


def compare(mine, theirs, my_inputs, their_inputs, what):
    a, b = tensors(mine, fastnn.Tensor), tensors(theirs, torch.Tensor)
    assert len(a) == len(b), f"{what}: {len(a)} results, PyTorch {len(b)}"
    for i, (u, v) in enumerate(zip(a, b, strict=True)):
        assert_same(u, v, f"{what}: output {i}")
    da = differentiate(fastnn, a, my_inputs)
    db = differentiate(torch, b, their_inputs)
    assert len(da) == len(db), f"{what}: {len(da)} gradients, PyTorch {len(db)}"
    for i, (u, v) in enumerate(zip(da, db, strict=True)):
        if u is None or v is None:  # not reached: the same as zeros
            known = v if u is None else u
            assert known is None or not np.any(known.detach().numpy()), f"{what}: gradient {i}"
        else:
            assert_same(u, v, f"{what}: gradient {i}")


def modules():
    seen = set()
    for info in module_db:
        name = info.module_cls.__name__
        if name not in seen and hasattr(nn, name):
            seen.add(name)
            yield pytest.param(info, id=name)


@pytest.mark.parametrize("info", list(modules()))
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_modules(info, training):
    torch.manual_seed(0)
    name, ran = info.module_cls.__name__, 0
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
    )
    with_input = [s for s in samples if s.forward_input is not None]
    assert with_input, "PyTorch has no sample for it"
    for number, sample in enumerate(with_input[:MOST_SAMPLES]):
        args, kwargs = sample.constructor_input.args, dict(sample.constructor_input.kwargs)
        theirs = info.module_cls(*args, **kwargs).double().train(training)
        call = sample.forward_input
        try:
            mine = getattr(nn, name)(*ours(args), **ours(kwargs)).double().train(training)
            inputs, options = ours(call.args), ours(call.kwargs)
        except LeftOut:
            continue
        mine.load_state_dict(
            {k: np.array(v.detach().numpy()) for k, v in theirs.state_dict().items()}
        )
        what = f"{name}{args}{kwargs}, sample {number}"
        compare(
            mine(*inputs, **options),
            theirs(*call.args, **call.kwargs),
            tensors([inputs, options], fastnn.Tensor) + list(mine.parameters()),
            tensors([call.args, call.kwargs], torch.Tensor) + list(theirs.parameters()),
            what,
        )
        ran += 1
    assert ran, "every sample was left out"
