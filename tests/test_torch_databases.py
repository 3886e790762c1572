"""PyTorch's own databases of modules, operators and optimizers, with their samples, run on fastnn.

What is compared, by rule: every entry whose name fastnn has, on its first samples. A sample is left
out only when it uses a dtype other than float32, float64, int64, int32 and bool, or sparse tensors.
Where fastnn refuses an argument, or differs on purpose, REFUSES says so with the reason, and the
refusal must be that error. Everything else must agree in float64, gradients too; random operators
in shape and dtype.
"""

import itertools
import numbers
import re
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytest.importorskip("expecttest", reason="torch's own test code needs it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_modules import module_db
    from torch.testing._internal.common_optimizers import optim_db

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = {torch.float32, torch.float64, torch.int64, torch.int32, torch.bool}
MOST_SAMPLES = 8  # of one entry and mode


# name -> (pattern of the error, the reason)
REFUSES = {
    "nn.functional.interpolate": ("mode must be one of|takes 3-d or 4-d", "volumes are left out"),
    "nn.functional.avg_pool2d": (
        "divisor_override must be",
        "a mean divided by a negative number is a mistake",
    ),
    "nn.functional.batch_norm": (
        "expected \\(N, C\\)",
        "an input without a dimension of channels is a mistake",
    ),
    "nn.functional.hardshrink": (
        "must not be negative",
        "a negative threshold shrinks nothing: a mistake",
    ),
    "norm": (
        "p must be a number",
        "the nuclear norm needs a singular value decomposition: NumPy has it",
    ),
    "index_select": ("at least one dimension", "0-d tensors have no slices"),
    "index_add": ("at least one dimension", "0-d tensors have no slices"),
    "to": ("memory_format|_to\\(\\) takes", "memory formats and copies to devices do not exist"),
    "repeat_interleave": (
        "output_size",
        "output_size saves PyTorch a synchronization with the GPU; here the size is known",
    ),
    "linspace": (
        "must be a number",
        "ends are numbers: x.item() where they are tensors, as no gradient goes through them",
    ),
    "searchsorted": ("sorter", "sorted_sequence[sorter] is the same"),
    "tensordot": (
        "differ in size",
        "a size of 1 against another one is a mistake of shapes more often than meant",
    ),
    "GaussianNLLLoss": ("var has shape", "losses do not broadcast silently"),
    "KLDivLoss": ("needs rows", "its means are over rows of probabilities: one number is none"),
    "MarginRankingLoss": (
        "expected 1 or -1",
        "targets are signs; others pass PyTorch and train something else",
    ),
    "nn.functional.margin_ranking_loss": (
        "expected 1 or -1",
        "targets are signs; others pass PyTorch and train something else",
    ),
    "nn.functional.soft_margin_loss": (
        "expected 1 or -1",
        "targets are signs; others pass PyTorch and train something else",
    ),
    "nn.functional.multi_margin_loss": ("expected .N, C", "0-d tensors have no classes"),
    "nn.functional.multilabel_margin_loss": ("expected .N, C", "0-d tensors have no classes"),
    "scatter_reduce": (
        "reduce must be",
        "'prod': its gradient divides by the elements, and no training needs it",
    ),
    "zero_": ("leaf tensor", "the sample writes into a leaf that wants a gradient"),
    "normal": ("size and dtype|layout", "layouts do not exist"),
}


class LeftOut(Exception):
    """The sample uses a dtype that fastnn leaves out, or a function of PyTorch's tensors."""


def ours(value, same=None):
    """The same value for fastnn; `same`: id of a tensor -> its copy, for one that is given twice."""
    same = {} if same is None else same
    if isinstance(value, torch.Tensor):
        if id(value) in same:
            return same[id(value)]
        if value.dtype not in DTYPES or value.is_sparse:
            raise LeftOut(str(value.dtype))
        array = value.detach().numpy()
        tensor = fastnn.as_tensor(array.copy(order="K"))
        same[id(value)] = tensor.requires_grad_() if value.requires_grad else tensor
        return tensor
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise LeftOut(str(value))
        return str(value).removeprefix("torch.")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return tuple(ours(v, same) for v in value)
    if isinstance(value, (tuple, list)):
        return type(value)(ours(v, same) for v in value)
    if isinstance(value, dict):
        return {k: ours(v, same) for k, v in value.items()}
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
    if callable(value) and not isinstance(value, type):
        raise LeftOut(str(value))
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
    mine, theirs = np.asarray(mine.detach().numpy()), theirs.detach().numpy(force=True)
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
    da = da or [None] * len(db)  # no graph where all gradients are 0
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
            inputs, options = ours((call.args, call.kwargs))
        except LeftOut:
            continue
        if name.startswith("Lazy"):  # their parameters are there after the first call
            mine(*inputs, **options)
            theirs(*call.args, **call.kwargs)
        mine.load_state_dict(
            {k: np.array(v.detach().numpy()) for k, v in theirs.state_dict().items()}
        )
        what = f"{name}{args}{kwargs}, sample {number}"
        try:
            result = mine(*inputs, **options)
        except ValueError as error:
            pattern = REFUSES.get(name, (None,))[0]
            assert pattern and re.search(pattern, str(error)), f"{what}: {error!r}"
            ran += 1
            continue
        compare(
            result,
            theirs(*call.args, **call.kwargs),
            tensors([inputs, options], fastnn.Tensor) + list(mine.parameters()),
            tensors([call.args, call.kwargs], torch.Tensor) + list(theirs.parameters()),
            what,
        )
        ran += 1
    assert ran, "every sample was left out"


# --- operators --------------------------------------------------------------------------------------

MOST_OF_AN_OP = 4

# entries whose PyTorch function is a wrapper that takes its arguments in another order
ORDER = {
    "where": lambda f, x, condition, other: f(condition, x, other),
    "polygamma": lambda f, x, n: f(n, x),
    "nn.functional.embedding": lambda f, weight, index, **options: f(index, weight, **options),
    "einsum": lambda f, operands, equation: f(equation, *operands),
    "nn.functional.embedding_bag": lambda f, weight, index, **options: f(index, weight, **options),
}
# their numbers differ: shapes and dtypes are compared
RANDOM = re.compile(
    r"rand.*|normal|bernoulli|multinomial|empty.*|new_empty|uniform|"
    r"nn\.functional\.(.*dropout.*|rrelu|gumbel_softmax)"
)
DIFFERS = {
    "gather": "a 0-d input gives a 0-d result",
    "cross": "PyTorch warns of its default, the first dimension of size 3; ours is torch.linalg.cross's",
}


def function(name):
    """fastnn's function or method of that name."""
    if name.startswith("nn.functional."):
        return getattr(nn.functional, name.removeprefix("nn.functional."), None)
    if name == "unfold":
        return fastnn.Tensor.unfold  # PyTorch's torch.unfold is this method's other name
    found = getattr(fastnn, name, None) or getattr(fastnn.Tensor, name, None)
    return found if callable(found) and not isinstance(found, (type, np.dtype)) else None


OPERATORS = [
    pytest.param(op, id=f"{op.name}-{op.variant_test_name}" if op.variant_test_name else op.name)
    for op in op_db
    if op.dtypes & {torch.float64, torch.int64}
    and "." not in op.name.removeprefix("nn.functional.")
    and function(op.name) is not None
]


def test_enough_operators_are_compared():
    assert len(OPERATORS) > 250


@pytest.mark.parametrize("op", OPERATORS)
def test_operators(op):
    torch.manual_seed(0)
    if op.name in DIFFERS:
        pytest.skip(DIFFERS[op.name])
    dtype = torch.float64 if torch.float64 in op.dtypes else torch.int64
    wants = op.supports_autograd and dtype == torch.float64
    mine = function(op.name)
    call = ORDER.get(op.name, lambda f, *args, **kwargs: f(*args, **kwargs))
    samples = itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=wants), MOST_OF_AN_OP)
    for number, sample in enumerate(samples):
        given = (sample.input, *sample.args)
        options = dict(sample.kwargs)
        options.pop("device", None)
        theirs = op.op(*given, **sample.kwargs)
        try:
            args, kwargs = ours((given, options))
        except LeftOut:
            continue
        what = f"{op.name}, sample {number}"
        try:
            result = call(mine, *args, **kwargs)
        except (TypeError, ValueError, IndexError, RuntimeError) as error:
            pattern = REFUSES.get(op.name, (None,))[0]
            assert pattern and re.search(pattern, str(error)), (
                f"{what}: {error!r} for {given, options}"
            )
            continue
        if RANDOM.fullmatch(op.name) or options.get("dropout_p"):
            for u, v in zip(
                tensors(result, fastnn.Tensor), tensors(theirs, torch.Tensor), strict=True
            ):
                assert tuple(u.shape) == tuple(v.shape), what
                assert str(u.dtype) == str(v.dtype).removeprefix("torch."), what
            continue
        compare(
            result,
            theirs,
            tensors([args, kwargs], fastnn.Tensor),
            tensors([given, options], torch.Tensor),
            f"{what}: {given, options}",
        )


# --- optimizers -------------------------------------------------------------------------------------

OPTIMIZERS = [
    pytest.param(info, id=info.optim_cls.__name__)
    for info in optim_db
    if hasattr(fastnn.optim, info.optim_cls.__name__)
]
# ways of computing the same step, of which fastnn has one: docs/missing.md
NOT_TAKEN = {"foreach", "fused", "capturable", "differentiable"}


@pytest.mark.parametrize("info", OPTIMIZERS)
def test_optimizers(info):
    """Every setting of the database, ten steps: weights as PyTorch's."""
    name, ran = info.optim_cls.__name__, 0
    rng = np.random.default_rng(4)
    start = [rng.standard_normal((3, 4)), rng.standard_normal(4)]
    for setting in info.optim_inputs_func(device="cpu"):
        kwargs = dict(setting.kwargs)
        if any(isinstance(v, torch.Tensor) for v in kwargs.values()) or NOT_TAKEN & set(kwargs):
            continue
        results = []
        for library in (fastnn, torch):
            params = [library.as_tensor(a.copy()).requires_grad_() for a in start]
            if library is fastnn:
                params = [nn.Parameter(fastnn.as_tensor(a.copy())) for a in start]
            optimizer = getattr(library.optim, name)(params, **kwargs)

            def closure(params=params, optimizer=optimizer):
                optimizer.zero_grad()
                loss = ((params[0].sum(0) - params[1]) ** 2).sum() + (params[0] ** 2).sum()
                loss = loss + ((params[1] - 1) ** 2).sum()
                loss.backward()
                return loss

            for _ in range(10):
                optimizer.step(closure)
            results.append([p.detach().numpy().copy() for p in params])
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8, err_msg=f"{name}({kwargs})")
        ran += 1
    assert ran, "no setting was taken"
