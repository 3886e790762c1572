"""The graph and its walk: what PyTorch's users rely on, and that nothing is left behind."""

import contextlib
import copy
import gc
import threading
import weakref

import numpy as np
import pytest

import fastnn
from fastnn import autograd


def tensor(values, grad=True):
    return fastnn.tensor(values, requires_grad=grad)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.detach().numpy(), expected, **({"rtol": 1e-6} | tolerance))


# --- gradients --------------------------------------------------------------------------------


def test_gradients_add_up_at_forks():
    x = tensor(3.0)
    y = x * x
    (y * y + y + x).backward()  # x^4 + x^2 + x
    assert x.grad.item() == 4 * 27 + 6 + 1


def test_gradients_add_up_over_calls():
    x = tensor([1.0, 2.0])
    for k in range(1, 4):
        (x * 3).sum().backward()
        close(x.grad, [3.0 * k, 3.0 * k])
    x.grad = None
    (x * 3).sum().backward()
    close(x.grad, [3, 3])


def test_the_same_tensor_twice_in_one_operation():
    x = tensor([2.0, 5.0])
    (x + x).sum().backward()
    close(x.grad, [2, 2])
    x.grad = None
    (x * x).sum().backward()
    close(x.grad, [4, 10])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 4), (4,)),
        ((3, 4), (3, 1)),
        ((4,), (3, 4)),
        ((2, 1, 4), (3, 1)),
        ((), (2, 3)),
        ((1,), ()),
    ],
)
def test_broadcasting_is_undone(a, b):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(a), rng.standard_normal(b)
    tx, ty = tensor(x), tensor(y)
    out = tx * ty
    dy = rng.standard_normal(out.shape)
    out.backward(fastnn.tensor(dy))

    def undone(g, shape):
        g = g.sum(axis=tuple(range(g.ndim - len(shape))))
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
        return g.sum(axis=axes, keepdims=True) if axes else g

    close(tx.grad, undone(dy * y, a), rtol=1e-12)
    close(ty.grad, undone(dy * x, b), rtol=1e-12)


def test_backward_with_a_gradient():
    x = tensor([1.0, 2.0, 3.0])
    (x * x).backward(fastnn.tensor([1.0, 0.5, 0.0]))
    close(x.grad, [2, 2, 0])


def test_backward_leaves_the_given_gradient_alone():
    x, dy = tensor([1.0, 2.0]), fastnn.tensor([1.0, 1.0])
    y = x + 0
    (y + y).backward(dy)
    (y2 := x + 0).backward(dy)
    x.grad += 1
    assert y2.shape == (2,)
    close(dy, [1, 1])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: (x * 2).backward(), r"shape \(3,\)"),
        (
            lambda x: (x * 2).backward(fastnn.ones(2)),
            r"expected a gradient of shape \(3,\).*\(2,\)",
        ),
        (lambda x: x.detach().sum().backward(), "no graph"),
        (lambda x: autograd.backward([x.sum(), x.sum()], [None]), "2 outputs and 1 gradients"),
    ],
)
def test_backward_says_what_is_wrong(call, match):
    with pytest.raises((RuntimeError, ValueError), match=match):
        call(tensor([1.0, 2.0, 3.0]))


def test_backward_of_several_outputs():
    x = tensor([1.0, 2.0])
    autograd.backward([(x * 2).sum(), x * x], [None, fastnn.tensor([1.0, 1.0])])
    close(x.grad, [4, 6])


def test_backward_for_chosen_inputs():
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None
    close(w.grad, [1, 2])
    y = x * w
    seen = []
    w.register_hook(lambda g: seen.append(g.tolist()))
    (y * y).sum().backward(inputs=[y, w])
    close(y.grad, [6, 16])
    close(w.grad, [7, 34])
    assert seen == [[6, 32]]


def test_the_graph_is_freed_by_backward_unless_retained():
    x = tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    close(x.grad, [4, 8])
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_backward_into_a_freed_part_of_the_graph():
    x = tensor([1.0, 2.0])
    shared = x * x
    a, b = shared.sum(), (shared * 2).sum()
    a.backward()
    with pytest.raises(RuntimeError, match=r"freed.*retain_graph=True"):
        b.backward()


def test_a_failed_backward_leaves_nothing_pending():
    class Breaks(autograd.Function):
        broken = True

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, dy):
            if Breaks.broken:
                raise ZeroDivisionError("on purpose")
            return dy

    x = tensor([1.0, 2.0])
    y = Breaks.apply(x * 2) + x * 3
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            y.sum().backward(retain_graph=True)
    Breaks.broken = False
    x.grad = None
    y.sum().backward()
    close(x.grad, [5, 5])


# --- grad mode, leaves ---------------------------------------------------------------------------


def test_no_grad_and_enable_grad_as_contexts_and_decorators():
    x = tensor([1.0])
    with fastnn.no_grad():
        assert not fastnn.is_grad_enabled()
        assert not (x * 2).requires_grad
        with fastnn.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert fastnn.is_grad_enabled()

    @fastnn.no_grad()
    def plain(a):
        """Text."""
        return a * 2

    @fastnn.no_grad
    def bare(a):
        return a * 2

    @fastnn.enable_grad()
    def graded(a):
        return a * 2

    assert not plain(x).requires_grad
    assert not bare(x).requires_grad
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Text."
    with fastnn.no_grad():
        assert graded(x).requires_grad
    with fastnn.inference_mode():
        assert not (x * 2).requires_grad
    with fastnn.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_set_grad_enabled_as_a_function():
    try:
        fastnn.set_grad_enabled(False)
        assert not fastnn.is_grad_enabled()
    finally:
        fastnn.set_grad_enabled(True)
    assert fastnn.is_grad_enabled()


def test_grad_mode_survives_exceptions_and_belongs_to_a_thread():
    with contextlib.suppress(KeyError), fastnn.no_grad():
        raise KeyError
    assert fastnn.is_grad_enabled()
    seen = []
    with fastnn.no_grad():
        t = threading.Thread(target=lambda: seen.append(fastnn.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]


def test_one_no_grad_object_may_be_entered_twice():
    guard = fastnn.no_grad()
    with guard:
        with guard:
            pass
        assert not fastnn.is_grad_enabled()
    assert fastnn.is_grad_enabled()


def test_leaves_and_what_is_none():
    x = tensor([1.0])
    y = x * 2
    assert x.is_leaf
    assert x.grad_fn is None
    assert not y.is_leaf
    assert y.grad_fn.name() == "mul"
    assert y.requires_grad
    y.sum().backward()
    assert y.grad is None
    z = fastnn.tensor([1.0]) * 2
    assert z.is_leaf
    assert not z.requires_grad


def test_detach_shares_memory_and_leaves_the_graph():
    x = tensor([1.0, 2.0])
    y = x * 2
    d = y.detach()
    assert d.is_leaf
    assert not d.requires_grad
    d[0] = 7
    assert y[0].item() == 7
    (y.detach() * x).sum().backward()
    close(x.grad, [7, 4])


def test_detach_in_place():
    x = tensor([1.0])
    y = (x * 2).detach_()
    assert y.is_leaf
    assert not y.requires_grad


def test_requires_grad_():
    x = fastnn.tensor([1.0, 2.0])
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert not x.requires_grad_(False).requires_grad
    y = tensor([1.0]) * 2
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad_(False)
    with pytest.raises(TypeError, match="int64"):
        fastnn.tensor([1, 2]).requires_grad_()
    with pytest.raises(TypeError, match="int64"):
        fastnn.tensor([1, 2], requires_grad=True)


def test_a_leaf_that_wants_no_gradient_gets_none():
    x, w = fastnn.tensor([1.0, 2.0]), tensor([3.0, 4.0])
    (x * w).sum().backward()
    assert x.grad is None
    close(w.grad, [1, 2])


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        ([1.0, 2.0], TypeError, "expected a Tensor or None, got list"),
        (fastnn.tensor([1.0]), ValueError, r"expected shape \(2,\)"),
        (fastnn.tensor([1.0, 2.0], dtype=fastnn.float64), ValueError, "float64"),
    ],
)
def test_setting_grad_is_checked(value, error, match):
    with pytest.raises(error, match=match):
        tensor([1.0, 2.0]).grad = value


# --- hooks ---------------------------------------------------------------------------------------


def test_hooks_see_and_replace_gradients():
    x = tensor([1.0, 2.0])
    y = x * 3
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.sum().backward(retain_graph=True)
    assert seen == [[1, 1]]
    close(x.grad, [31, 31])
    handle.remove()
    handle.remove()
    x.grad = None
    y.sum().backward()
    assert len(seen) == 1
    close(x.grad, [31, 31])


def test_a_hook_runs_once_with_the_whole_gradient():
    x = tensor(2.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 3 + y * 4).backward()
    assert seen == [7]


def test_a_hook_of_a_leaf_runs_once_with_the_whole_gradient():
    x = tensor([1.0, 2.0])
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g.clamp(max=5))
    (x * 3 + x * x).sum().backward()
    assert seen == [[5, 7]]
    close(x.grad, [5, 5])
    assert autograd.grad((x * 3 + x * x).sum(), x)[0].tolist() == [5, 5]


def test_hooks_are_checked():
    x = tensor([1.0, 2.0])
    with pytest.raises(TypeError, match="callable"):
        x.register_hook(3)
    with pytest.raises(RuntimeError, match="does not require grad"):
        fastnn.tensor([1.0]).register_hook(print)
    x.register_hook(lambda g: "nonsense")
    with pytest.raises(TypeError, match=r"expected None or a float32 Tensor of shape \(2,\)"):
        (x * 2).sum().backward()


def test_retain_grad():
    x = tensor([1.0, 2.0])
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    close(y.grad, [6, 12])
    close(x.grad, [18, 36])
    x.retain_grad()  # harmless on a leaf


# --- in place ------------------------------------------------------------------------------------


def test_in_place_changes_of_leaves_are_refused():
    x = tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="leaf"):
        x += 1
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 1
    with fastnn.no_grad():
        x += 1
    x.data[0] = 9
    close(x, [9, 3])


def test_in_place_changes_inside_the_graph():
    x = tensor([1.0, 2.0])
    y = x * 2
    y += 3
    y *= 4
    y[0] = 5
    (y * x).sum().backward()  # 5 x and 4 (2x + 3) x
    close(x.grad, [5, 44])


def test_a_saved_value_that_was_overwritten_is_noticed():
    x = tensor([1.0, 2.0])
    y = x * 2
    z = y * y
    with fastnn.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        z.sum().backward()


def test_a_saved_view_of_overwritten_memory_is_noticed():
    x = tensor([1.0, 2.0])
    y = x * 2
    z = (y * y).sum()
    y.detach()[0] = 5
    with pytest.raises(RuntimeError, match="'mul'"):
        z.backward()


# --- autograd.grad ---------------------------------------------------------------------------------


def test_grad_leaves_dot_grad_alone():
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    dx, dw = autograd.grad((x * w).sum(), [x, w])
    close(dx, [3, 4])
    close(dw, [1, 2])
    assert x.grad is None
    assert w.grad is None


def test_grad_of_inputs_that_are_no_leaves():
    x = tensor([1.0, 2.0])
    y = x * x
    z = (y * y).sum()
    (dy,) = autograd.grad(z, y, retain_graph=True)
    close(dy, [2, 8])
    dx, dy = autograd.grad(z, (x, y))
    close(dx, [4, 32])
    close(dy, [2, 8])


def test_grad_of_an_output_by_itself():
    x = tensor([1.0, 2.0])
    y = x * x
    (d,) = autograd.grad(y, y, fastnn.ones(2))
    close(d, [1, 1])


def test_grad_of_unused_inputs():
    x, w = tensor([1.0]), tensor([2.0])
    with pytest.raises(RuntimeError, match="input 1; allow_unused=True"):
        autograd.grad((x * 2).sum(), [x, w])
    dx, dw = autograd.grad((x * 2).sum(), [x, w], allow_unused=True)
    close(dx, [2])
    assert dw is None
    with pytest.raises(RuntimeError, match="input 0 does not require grad"):
        autograd.grad((x * 2).sum(), fastnn.tensor([1.0]))


def test_grad_outputs():
    x = tensor([1.0, 2.0])
    (dx,) = autograd.grad([x * x, x * 3], x, [fastnn.tensor([1.0, 0.0]), fastnn.ones(2)])
    close(dx, [5, 3])
    with pytest.raises(ValueError, match="1 outputs and 2 grad_outputs"):
        autograd.grad(x * x, x, [fastnn.ones(2), fastnn.ones(2)])


def test_gradients_of_gradients():
    x = tensor(3.0)
    y = x**4
    for expected in (108, 108, 72, 24):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_a_gradient_penalty_trains():
    x, w = fastnn.tensor([1.0, 2.0]).requires_grad_(), tensor([3.0, 4.0])
    (dx,) = autograd.grad((x * x * w).sum(), x, create_graph=True)  # 2 x w
    (dx * dx).sum().backward()  # 4 x^2 w^2, by w: 8 x^2 w
    close(w.grad, [24, 128])
    close(x.grad, [72, 256])  # by x: 8 x w^2


def test_hessian_vector_product():
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    x, v = tensor(np.array([1.0, -1.0])), fastnn.tensor(np.array([0.5, 2.0]))
    (dx,) = autograd.grad(0.5 * (x @ (fastnn.tensor(a) @ x)), x, create_graph=True)
    (hv,) = autograd.grad(dx, x, v)
    close(hv, a @ [0.5, 2.0], rtol=1e-12)


# --- Function --------------------------------------------------------------------------------------


class Exp(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * y


class SplitTwo(autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        ctx.needed = ctx.needs_input_grad
        return x * factor, x + factor

    @staticmethod
    def backward(ctx, da, db):
        return da * ctx.factor + db, None


def test_function_with_a_saved_output_of_any_order():
    x = tensor(np.array([0.5, 1.0]))
    y = Exp.apply(x).sum()
    for _ in range(3):
        (dx,) = autograd.grad(y, x, create_graph=True)
        close(dx, np.exp([0.5, 1.0]), rtol=1e-12)
        y = dx.sum()


def test_function_with_a_saved_output_leaves_no_cycle():
    gc.disable()
    try:
        y = Exp.apply(tensor([1.0, 2.0]))
        alive = weakref.ref(y)
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_function_of_several_outputs():
    x = tensor([1.0, 2.0])
    a, b = SplitTwo.apply(x, 3.0)
    (a * 2 + b).sum().backward()
    close(x.grad, [7, 7])
    x.grad = None
    a, b = SplitTwo.apply(x, 3.0)
    b.sum().backward()  # a's gradient arrives as zeros
    close(x.grad, [1, 1])


def test_function_with_none_and_no_grad():
    class First(autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            assert ctx.needs_input_grad == (True, False)
            return x * w

        @staticmethod
        def backward(ctx, dy):
            return dy * 5, dy

    x, w = tensor([1.0]), fastnn.tensor([2.0])
    First.apply(x, w).backward()
    close(x.grad, [5])
    assert w.grad is None

    class Nothing(First):
        @staticmethod
        def backward(ctx, dy):
            return None, None

    x.grad = None
    Nothing.apply(x, w).backward()
    assert x.grad is None
    with fastnn.no_grad():
        assert not First.apply(x, w).requires_grad


def test_function_returning_its_argument():
    class Same(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, dy):
            return dy * 2

    x = tensor([1.0])
    y = Same.apply(x)
    assert y is not x
    y.backward()
    close(x.grad, [2])


@pytest.mark.parametrize(
    ("result", "error", "match"),
    [
        (lambda dy: (dy, dy), RuntimeError, r"Bad.backward: expected 1 gradients.*got 2"),
        (lambda dy: 3.0, TypeError, "gradient 0 must be a Tensor or None, got float"),
        (lambda dy: fastnn.ones(5), RuntimeError, r"shape \(2,\) .* got \(5,\)"),
    ],
)
def test_function_backward_is_checked(result, error, match):
    class Bad(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, dy):
            return result(dy)

    with pytest.raises(error, match=match):
        Bad.apply(tensor([1.0, 2.0])).sum().backward()


def test_function_forward_is_checked():
    class Bad(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)

    with pytest.raises(TypeError, match="save_for_backward: expected Tensors"):
        Bad.apply(tensor([1.0]))

    class Worse(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3

    with pytest.raises(TypeError, match=r"Worse.forward: expected Tensors"):
        Worse.apply(tensor([1.0]))
    with pytest.raises(TypeError, match="define forward"):
        autograd.Function.apply(tensor([1.0]))


# --- size, memory, threads -------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_deep_graphs_run_backward_and_die(depth):
    x = tensor([1.0, 2.0])
    y = x
    for _ in range(depth):
        y = y + x
    y.sum().backward()
    close(x.grad, [depth + 1, depth + 1])
    for _ in range(depth):
        y = y * 1.0
    del y  # never walked: dies without recursion too


def test_deep_graphs_with_create_graph():
    x = tensor([1.0])
    y = x
    for _ in range(5_000):
        y = y * 1.0
    (dx,) = autograd.grad(y * y, x, create_graph=True)
    (d2,) = autograd.grad(dx, x)
    close(d2, [2])


def live_bytes():
    return fastnn.memory_stats()["allocated"]


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = tensor(np.ones((8, 8)))
        before = live_bytes()
        y = ((x @ x).tanh() + x).relu().sum()
        alive = weakref.ref(y)
        del y
        assert alive() is None
        assert live_bytes() == before
        y = ((x @ x).tanh() + x).relu().sum()
        y.backward()
        x.grad = None
        del y
        assert live_bytes() == before
        (dx,) = autograd.grad(((x @ x).tanh() ** 2).sum(), x, create_graph=True)
        (dx * dx).sum().backward()
        x.grad = None
        del dx
        assert live_bytes() == before
        y = x * 2
        y.retain_grad()
        y.sum().backward()
        x.grad = None
        del y
        assert live_bytes() == before
    finally:
        gc.enable()


def test_exceptions_in_mid_graph_leave_nothing():
    x = tensor(np.ones((8, 8)))
    gc.collect()
    gc.disable()
    try:
        before = live_bytes()
        for i in range(1_000):
            y = (x * 2).tanh()
            with pytest.raises(Exception, match="matmul" if i % 2 else "freed"):  # noqa: PT012
                if i % 2:
                    y @ fastnn.ones(3, 3)
                else:
                    s = y.sum()
                    s.backward()
                    s.backward()
        x.grad = None
        del y, s
        assert live_bytes() == before
    finally:
        gc.enable()


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


def test_training_steps_leave_nothing():
    rng = np.random.default_rng(0)
    x = fastnn.tensor(rng.standard_normal((16, 8)))
    params = [tensor(rng.standard_normal(s)) for s in ((8, 8), (8,), (8, 4))]

    def step():
        w, b, v = params
        loss = (((x @ w + b).tanh() @ v) ** 2).mean()
        loss.backward()
        with fastnn.no_grad():
            for p in params:
                p -= 0.01 * p.grad
                p.grad = None

    gc.disable()
    try:
        for _ in range(100):
            step()
        before = live_bytes()
        try:
            resident = resident_bytes()
        except OSError:
            resident = None
        for _ in range(1_000):
            step()
        assert live_bytes() == before
        if resident is not None:
            assert resident_bytes() - resident <= 1 << 20
    finally:
        gc.enable()


def train(seed):
    rng = np.random.default_rng(seed)
    x = fastnn.tensor(rng.standard_normal((64, 32)).astype(np.float32))
    w = tensor(rng.standard_normal((32, 32)).astype(np.float32))
    for _ in range(1_000):
        loss = ((x @ w).tanh() ** 2).mean()
        loss.backward()
        with fastnn.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    return w.detach().numpy().tobytes()


def test_eight_python_threads_train_their_own_models():
    serial = [train(i) for i in range(8)]
    parallel = [None] * 8

    def work(i):
        parallel[i] = train(i)

    team = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in team:
        t.start()
    for t in team:
        t.join()
    assert parallel == serial


def test_deepcopy_of_leaves_only():
    x = tensor([1.0, 2.0])
    (x * x).sum().backward()
    c = copy.deepcopy(x)
    assert c.requires_grad
    assert c.data_ptr() != x.data_ptr()
    close(c.grad, [2, 4])
    with pytest.raises(RuntimeError, match="leaf"):
        copy.deepcopy(x * 2)


# --- worked examples -------------------------------------------------------------------------------


def test_sigmoid_neuron():
    """f = 1 / (1 + e^-(w0 x0 + w1 x1 + w2)), w = (2, -3, -3), x = (-1, -2)."""
    w, x = tensor([2.0, -3.0, -3.0]), tensor([-1.0, -2.0])
    f = 1 / (1 + (-(w[0] * x[0] + w[1] * x[1] + w[2])).exp())
    f.backward()
    assert round(f.item(), 2) == 0.73
    np.testing.assert_array_equal(np.round(w.grad.numpy(), 2), np.float32([-0.20, -0.39, 0.20]))
    np.testing.assert_array_equal(np.round(x.grad.numpy(), 2), np.float32([0.39, -0.59]))


def test_network_of_three_two_one():
    """Two hidden sigmoid neurons and one output; squared error, one step of descent, rate 0.1."""
    x = fastnn.tensor([0.4, 0.2, 0.7])
    w = tensor([[0.6, 0.8, 0.6], [0.9, 0.8, 0.4]])
    b = tensor([0.5, 0.7])
    v, c = tensor([0.9, 0.9]), tensor(0.5)
    hidden = (w @ x + b).sigmoid()
    out = (v @ hidden + c).sigmoid()
    np.testing.assert_array_equal(
        np.round(hidden.detach().numpy(), 4), np.float32([0.7892, 0.8176])
    )
    assert round(out.item(), 3) == 0.875
    (0.5 * (0.8 - out) ** 2).backward()
    with fastnn.no_grad():
        c -= 0.1 * c.grad
    assert round(c.item(), 4) == 0.4992


def test_softmax_of_scores():
    p = fastnn.tensor([5.0, 2.0, -1.0, 3.0]).softmax(0)
    np.testing.assert_array_equal(np.round(p.numpy(), 3), np.float32([0.842, 0.042, 0.002, 0.114]))


def test_cross_entropy_gradient_is_p_minus_y():
    z = tensor([[5.0, 2.0, -1.0, 3.0]])
    loss = -(z.softmax(1)[0, 3].log())
    loss.backward()
    close(z.grad, z.detach().softmax(1).numpy() - np.eye(4)[3:], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("w", "l1", "l2"),
    [
        ([5.0, 0.0, -5.0], 10.0, 50.0),
        ([2.0, 1.0, 2.0], 5.0, 9.0),
        ([3.0, 0.5, 0.0], 3.5, 9.25),
        ([0.0, 5.0, 0.0], 5.0, 25.0),
    ],
)
def test_penalties_of_weights_with_the_same_output(w, l1, l2):
    """x = (3, 2, 1), y = 10: all four weights answer 10; the penalties and their slopes differ."""
    x, t = fastnn.tensor([3.0, 2.0, 1.0]), tensor(w)
    assert (t @ x).item() == 10
    penalty = t.abs().sum()
    assert penalty.item() == l1
    penalty.backward()
    close(t.grad, np.sign(w))
    t.grad = None
    penalty = (t * t).sum()
    assert penalty.item() == l2
    penalty.backward()
    close(t.grad, 2 * np.array(w))
