"""Smooth activations: sigmoid, tanh, SiLU, GELU, softsign; and how an activation runs."""
from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_sigmoid_forward, FNN_sigmoid_backward, FNN_tanh_forward, FNN_tanh_backward
        FNN_silu_forward, FNN_silu_backward
        FNN_gelu_forward, FNN_gelu_backward, FNN_gelu_tanh_forward, FNN_gelu_tanh_backward
        FNN_softsign_forward, FNN_softsign_backward
        FNN_relu_forward, FNN_relu_backward, FNN_leaky_relu_forward, FNN_leaky_relu_backward

__all__ = ["sigmoid", "tanh", "silu", "gelu", "softsign"]


cdef inline double work_of(int kernel, int64_t size):
    """Those without exp or a division run at the caches' speed."""
    if kernel in (FNN_relu_forward, FNN_relu_backward, FNN_leaky_relu_forward, FNN_leaky_relu_backward):
        return 5.0 * size
    return 15.0 * size


cdef int activation_rule(Node node, Tensor dy) except -1:
    """dx from dy and what was saved, x or y."""
    cdef Tensor dx = new_like(dy)
    cdef Tensor saved = contiguous(node.a)
    cdef fnn_call c
    cdef int i
    dy = contiguous(dy)
    start(&c, <int>node.n[0], dy.dtype_)
    buffer(&c, dx)
    buffer(&c, dy)
    buffer(&c, saved)
    c.args.n[0] = dy.size_
    for i in range(4):
        c.args.s[i] = node.s[i]
    run(&c, 1, work_of(c.id, dy.size_), 0)
    return node.give(0, dx)


cdef object activate(const char *name, int forward, int backward, bint keep_output, object input, Rule graph,
                     double s0, double s1, double s2, bint inplace):
    """y = forward(input); in place it works on a copy where the graph will ask for input's old values."""
    cdef Tensor x, y, packed
    cdef Node node
    cdef fnn_call c
    x = <Tensor>input if type(input) is Tensor and (<Tensor>input).dtype_ <= FNN_F64 else floating(input, name.decode())
    if inplace:
        check_inplace(x, name.decode() + "_")
        if x is not input:
            raise TypeError(f"{name.decode()}: inplace needs a floating point tensor, got {dtype_name((<Tensor>input).dtype_)}")
        if tracked(x):
            return rebase(x, activate(name, forward, backward, keep_output, x, graph, s0, s1, s2, False))
    packed = contiguous(x)
    y = x if inplace and packed is x else new_like(x)
    start(&c, forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, packed)
    c.args.n[0] = x.size_
    c.args.n[1] = c.args.n[2] = 0
    c.args.s[0] = s0
    c.args.s[1] = s1
    c.args.s[2] = s2
    c.args.s[3] = 0
    run(&c, 1, work_of(c.id, x.size_), 0)
    if inplace:
        if y is not x:
            copy_into(x, y)
        else:
            bump(x)
        return x
    if tracked(x):
        node = record1(name, y, x, activation_rule, graph)
        node.n[0] = backward
        node.s[0] = s0
        node.s[1] = s1
        node.s[2] = s2
        node.s[3] = 0
        if keep_output:
            save_output(node, y, None, None)
        else:
            save(node, x, None, None)
    return y


cdef object number(object x, str what):
    if not is_number(x):
        raise TypeError(f"{what} must be a number, got {type(x).__name__}")
    return x


cdef int sigmoid_graph(Node node, Tensor dy) except -1:
    y = node.output()
    return node.give(0, dy * (y * (1 - y)))


def sigmoid(input):
    """1 / (1 + exp(-input)), element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    At most 2 ulp from exact. Has the behaviour of ``torch.sigmoid``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.sigmoid(fastnn.tensor([0.0, 2.0]))
    tensor([0.5   , 0.8808])
    """
    return activate("sigmoid", FNN_sigmoid_forward, FNN_sigmoid_backward, True, input, sigmoid_graph, 0, 0, 0, False)


cdef int tanh_graph(Node node, Tensor dy) except -1:
    y = node.output()
    return node.give(0, dy * (1 - y * y))


def tanh(input):
    """The hyperbolic tangent of each element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    At most 2 ulp from exact. Has the behaviour of ``torch.tanh``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.tanh(fastnn.tensor([0.0, 1.0]))
    tensor([0.    , 0.7616])
    """
    return activate("tanh", FNN_tanh_forward, FNN_tanh_backward, True, input, tanh_graph, 0, 0, 0, False)


cdef int silu_graph(Node node, Tensor dy) except -1:
    z = node.a * node.s[0] if node.s[0] != 1 else node.a
    q = sigmoid(z)
    return node.give(0, dy * (q * (z * (1 - q) + 1)))


def silu(input, inplace=False):
    """SiLU: input * sigmoid(input), element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.
    inplace : bool
        Write the result over input (float32 or float64). Default False.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Hendrycks and Gimpel 2016, arXiv:1606.08415. Has the behaviour of ``torch.nn.functional.silu``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.silu(fastnn.tensor([0.0, 2.0]))
    tensor([0.    , 1.7616])
    """
    return activate("silu", FNN_silu_forward, FNN_silu_backward, False, input, silu_graph, 1, 0, 0, inplace)


cdef int gelu_graph(Node node, Tensor dy) except -1:
    x = node.a
    below = ((x * 0.70710678118654752440).erf() + 1) * 0.5
    density = (x * x * -0.5).exp() * 0.39894228040143267794
    return node.give(0, dy * (below + x * density))


cdef int gelu_tanh_graph(Node node, Tensor dy) except -1:
    x = node.a
    t = tanh((x + x * x * x * 0.044715) * 0.79788456080286535588)
    slope = (x * x * 0.134145 + 1) * 0.79788456080286535588
    return node.give(0, dy * (((t + 1) + x * (1 - t * t) * slope) * 0.5))


def gelu(input, approximate="none"):
    """GELU: input times the normal distribution below input, x/2 (1 + erf(x / sqrt 2)).

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32.
    approximate : {"none", "tanh", "sigmoid"}
        "tanh": x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); "sigmoid": x sigmoid(1.702 x). Default
        "none".

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If approximate is none of these.
    TypeError
        If the input is no tensor or array.

    Notes
    -----
    Hendrycks and Gimpel 2016, arXiv:1606.08415. Has the behaviour of
    ``torch.nn.functional.gelu``, and the paper's approximation by a sigmoid besides.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.gelu(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    if not isinstance(approximate, str):
        raise TypeError(f"gelu: approximate must be 'none', 'tanh' or 'sigmoid', got {type(approximate).__name__}")
    if approximate == "none":
        return activate("gelu", FNN_gelu_forward, FNN_gelu_backward, False, input, gelu_graph, 0, 0, 0, False)
    if approximate == "tanh":
        return activate("gelu", FNN_gelu_tanh_forward, FNN_gelu_tanh_backward, False, input, gelu_tanh_graph, 0, 0, 0, False)
    if approximate == "sigmoid":
        return activate("gelu", FNN_silu_forward, FNN_silu_backward, False, input, silu_graph, 1.702, 0, 0, False)
    raise ValueError(f"gelu: approximate must be 'none', 'tanh' or 'sigmoid', got {approximate!r}")


cdef int softsign_graph(Node node, Tensor dy) except -1:
    return node.give(0, dy / (node.a.abs() + 1).square())


def softsign(input):
    """input / (1 + abs(input)), element by element.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.softsign``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.softsign(fastnn.tensor([1.0, -3.0]))
    tensor([ 0.5 , -0.75])
    """
    return activate("softsign", FNN_softsign_forward, FNN_softsign_backward, False, input, softsign_graph, 0, 0, 0, False)
