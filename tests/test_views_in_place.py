"""Views and in-place writes: gradients are right, or an error says which view is out of date."""

import random

import numpy as np
import pytest

import fastnn
from fastnn import nn

A = np.random.default_rng(0).standard_normal((3, 4))

WRITES = {
    "add_": lambda y, w: y.add_(w),
    "mul_": lambda y, w: y.mul_(w),
    "number": lambda y, w: y.mul_(0.5),
    "fill_": lambda y, w: y.fill_(2),
    "clamp_": lambda y, w: y.clamp_(min=0),
    "relu_": lambda y, w: nn.functional.relu(y, inplace=True),
    "exp_": lambda y, w: y.exp_(),
    "copy_": lambda y, w: y.copy_(w * 2),
    "row": lambda y, w: y.__setitem__(0, w[1]),
    "mask": lambda y, w: y.__setitem__(y > 0, 0.1),
    "masked_fill_": lambda y, w: y.masked_fill_(y > 0, 0.1),
    "index_add_": lambda y, w: y.index_add_(0, fastnn.tensor([0]), w[:1]),
}
VIEWS = {
    "row": lambda y: y[1],
    "transposed": lambda y: y.t(),
    "reshaped": lambda y: y.view(-1),
    "step": lambda y: y[:, ::2],
    "view of a view": lambda y: y.t()[1:],
    "part": lambda y: y.chunk(2, 1)[1],
}


def leaf():
    return fastnn.tensor(A, requires_grad=True)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("write", WRITES)
def test_a_view_from_before_the_write_is_refused(write, view):
    x, w = leaf(), leaf()
    y = x * 1
    old = VIEWS[view](y)
    WRITES[write](y, w)
    for use in (lambda: old * 2, lambda: old.sum(), lambda: old[:1], lambda: w.sum() + old):
        with pytest.raises(RuntimeError, match="make the view again"):
            use()
    with fastnn.no_grad():  # its values are what they are
        np.testing.assert_array_equal((old * 1).numpy(), VIEWS[view](y).numpy())
    new = VIEWS[view](y)
    (new * new).sum().backward()
    expect = [t.grad.numpy() if t.grad is not None else np.zeros_like(A) for t in (x, w)]
    x2, w2 = leaf(), leaf()
    y2 = x2 * 1
    WRITES[write](y2, w2)
    (VIEWS[view](y2) ** 2).sum().backward()
    for got, t in zip(expect, (x2, w2), strict=True):
        np.testing.assert_allclose(got, t.grad.numpy() if t.grad is not None else 0 * A)


def test_a_base_that_enters_the_graph_outdates_its_views_too():
    out, x = fastnn.zeros(3, 4, dtype=np.float64), leaf()
    row, constant = out[0], out.detach()[0]
    out[1] = x[1]
    with pytest.raises(RuntimeError, match="make the view again"):
        row.sum()
    assert not (constant * 2).requires_grad
    (out[1] * 3).sum().backward()
    assert x.grad.sum().item() == 12


@pytest.mark.parametrize("write", WRITES)
def test_the_only_view_may_be_written(write):
    """`h = layer(x).view(...); h += 1`: nobody else sees that memory."""
    x, w = leaf(), leaf()
    h = (x * 1).view(3, 2, 2).view(3, 4)
    WRITES[write](h, w)
    (h * h).sum().backward()
    x2, w2 = leaf(), leaf()
    y = x2 * 1
    WRITES[write](y, w2)
    (y * y).sum().backward()
    for a, b in ((x, x2), (w, w2)):
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or (a.grad == b.grad).all()


def test_a_view_beside_its_base_may_not():
    y = leaf() * 1
    row = y[0]
    plain = fastnn.zeros(3, 4, dtype=np.float64)
    part = plain[0]
    for write in (
        lambda: row.mul_(2),
        lambda: row.__setitem__(0, 1.0),
        lambda: part.add_(row),
        lambda: part.copy_(row),
        lambda: part.__setitem__(slice(2), row[:2]),
    ):
        with pytest.raises(RuntimeError, match="a view cannot be changed in place"):
            write()
    assert not plain.numpy().any()
    assert (row == y[0]).all()


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("write", ["add_", "mul_", "div_", "sub_", "clamp_", "pow_", "sqrt_"])
def test_old_values_that_the_gradient_needs_are_kept(write, second_order):
    """PyTorch's in-place operations clone what their own gradient asks for."""
    arguments = {"clamp_": (-0.5, 0.5), "pow_": (3,), "sqrt_": ()}

    def run(in_place):
        x, w = leaf(), leaf()
        y, b = x.abs() + 1, w.abs() + 0.5
        given = arguments.get(write, (b,))
        if in_place:
            getattr(y, write)(*given)
        else:
            y = getattr(fastnn, write[:-1])(y, *given)
        z = (y * y).sum()
        if second_order:
            (dx,) = fastnn.autograd.grad(z, x, create_graph=True)
            z = (dx * dx).sum()
        z.backward()
        return [None if t.grad is None else t.grad.numpy() for t in (x, w)]

    for got, expect in zip(run(True), run(False), strict=True):
        if expect is not None:
            np.testing.assert_allclose(got, expect, rtol=1e-12)


def test_what_another_operation_saved_is_still_refused():
    x = leaf()
    y = x * 1
    z = y * y
    y.mul_(2)
    with pytest.raises(RuntimeError, match="'mul' needs for its gradient was changed in place"):
        z.sum().backward()


def test_a_constant_of_a_step_gets_a_gradient_of_zero_wherever_dy_is_nan():
    x = leaf()
    for f in (lambda y: y.fill_(-1.0), fastnn.floor, fastnn.sign):
        x.grad = None
        f(x * 1).sqrt().sum().backward(fastnn.tensor(np.nan))
        assert not x.grad.numpy().any()


# --- random programs, in PyTorch and here ------------------------------------------------------------


def nothing(result):
    """Of a write: no new value."""


STEPS = (
    lambda lib, x, y: x[0],
    lambda lib, x, y: x[:, ::2],
    lambda lib, x, y: x.transpose(0, -1),
    lambda lib, x, y: x.reshape(-1),
    lambda lib, x, y: x.unsqueeze(0),
    lambda lib, x, y: x.detach(),
    lambda lib, x, y: x.detach()[1:],
    lambda lib, x, y: x.chunk(2)[0],
    lambda lib, x, y: x + y,
    lambda lib, x, y: x * y,
    lambda lib, x, y: x.sigmoid(),
    lambda lib, x, y: lib.where(x > 0, x, x * 0.1),
    lambda lib, x, y: nothing(x.add_(y)),
    lambda lib, x, y: nothing(x.mul_(y)),
    lambda lib, x, y: nothing(x.mul_(0.5)),
    lambda lib, x, y: nothing(x.clamp_(min=-0.5)),
    lambda lib, x, y: nothing(x.zero_()),
    lambda lib, x, y: nothing(x.sigmoid_()),
    lambda lib, x, y: nothing(x.masked_fill_(x < 0, 0.25)),
    lambda lib, x, y: x.__setitem__(0, y.sum()),
    lambda lib, x, y: x.__setitem__(x > 0.3, 0.1),
)
REFUSED = r"make the view again|a view cannot be changed in place|share one place|changed in place"


def play(lib, program, seed):
    """(values, gradient) of a program, or the error that ended it."""
    rs = np.random.RandomState(seed)
    leaf, *others = (lib.tensor(rs.standard_normal((3, 4))) for _ in range(3))
    leaf.requires_grad_()
    values = [leaf * 1.0, others[0], others[1] * 2]
    try:
        for step, i, j in program:
            result = STEPS[step](lib, values[i % len(values)], values[j % len(values)])
            if result is not None:
                values.append(result)
        sum((v * v).sum() for v in values).backward()
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return error, None
    return [v.detach().numpy() for v in values], leaf.grad.numpy()


def test_random_programs_give_pytorchs_gradients_or_say_why_not():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    compared = refused = 0
    for seed in range(600):
        rng = random.Random(seed)
        program = [
            (rng.randrange(len(STEPS)), rng.randrange(99), rng.randrange(99))
            for _ in range(rng.randint(2, 9))
        ]
        values, grad = play(fastnn, program, seed)
        expect, expected_grad = play(torch, program, seed)
        if isinstance(expect, Exception):
            continue  # shapes that do not fit, or memory that PyTorch refuses to overlap
        if isinstance(values, Exception):
            assert any(part in str(values) for part in REFUSED.split("|")), (seed, values)
            refused += 1
            continue
        for a, b in zip(values, expect, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=f"seed {seed}")
        np.testing.assert_allclose(grad, expected_grad, rtol=1e-8, atol=1e-9, err_msg=f"{seed}")
        compared += 1
    assert compared > 150
    assert refused > 20
