"""Functions that training meets seldom: erfc, the gamma family, sums of exponentials.

Their gradients are expressions of other operations, for any order.
"""
from fastnn._engine.engine cimport *
from fastnn.ops.broadcast cimport *

cdef extern from "fastnn.h":
    enum:
        FNN_exp2_forward, FNN_erfc_forward, FNN_erfinv_forward, FNN_lgamma_forward
        FNN_digamma_forward, FNN_polygamma_forward, FNN_logaddexp_forward

__all__ = ["exp2", "erfc", "erfinv", "lgamma", "digamma", "polygamma", "logaddexp"]


cdef object special(const char *name, int id, object input, Rule rule, double n):
    cdef Tensor x = floating(input, name.decode()), y
    cdef Node node
    cdef double s[8]
    s[:] = [0, 0, 0, 0, n, 0, 0, 0]
    y = compute(id, REALS, x, None, None, s, None, name)
    if tracked(x):
        node = record1(name, y, x, rule, rule)
        node.s[0] = n
        save(node, x, None, None)
    return y


cdef int exp2_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (exp2(x) * 0.69314718055994530942))


def exp2(input):
    """2 to the power of each element, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.exp2``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.exp2(fastnn.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    return special("exp2", FNN_exp2_forward, input, exp2_rule, 0)


cdef int erfc_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * ((x * x * -1).exp() * -1.1283791670955125739))


def erfc(input):
    """1 - erf(input), exact for large input too, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.erfc``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.erfc(fastnn.tensor([0.0, 2.0]))
    tensor([1.    , 0.0047])
    """
    return special("erfc", FNN_erfc_forward, input, erfc_rule, 0)


cdef int erfinv_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (erfinv(x).square().exp() * 0.88622692545275801365))


def erfinv(input):
    """The number whose erf is input, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.erfinv``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.erfinv(fastnn.tensor([0.0, 0.5]))
    tensor([0.    , 0.4769])
    """
    return special("erfinv", FNN_erfinv_forward, input, erfinv_rule, 0)


cdef int lgamma_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (digamma(x)))


def lgamma(input):
    """log(abs(gamma(input))), element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.lgamma``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.lgamma(fastnn.tensor([1.0, 5.0]))
    tensor([0.    , 3.1781])
    """
    return special("lgamma", FNN_lgamma_forward, input, lgamma_rule, 0)


cdef int digamma_rule(Node node, Tensor dy) except -1:
    x = node.a
    return node.give(0, dy * (polygamma(1, x)))


def digamma(input):
    """The derivative of lgamma, element by element.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become float32. TypeError if it is no tensor or array.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    Has the behaviour of ``torch.digamma``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.digamma(fastnn.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return special("digamma", FNN_digamma_forward, input, digamma_rule, 0)


cdef int polygamma_rule(Node node, Tensor dy) except -1:
    return node.give(0, dy * polygamma(<int>node.s[0] + 1, node.a))


def polygamma(n, input):
    """The n-th derivative of digamma, element by element.

    Parameters
    ----------
    n : int
        At least 0; 0 is digamma itself.
    input : Tensor
        Any shape; integers become float32.

    Returns
    -------
    Tensor
        Of the same shape; for n > 1, NaN below -10,000.

    Raises
    ------
    ValueError
        If n is no int from 0 to 100.

    Notes
    -----
    Has the behaviour of ``torch.polygamma``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.polygamma(1, fastnn.tensor([1.0, 2.0]))
    tensor([1.6449, 0.6449])
    """
    if not isinstance(n, int) or not 0 <= n <= 100:
        raise ValueError(f"polygamma: n must be an int from 0 to 100, got {n!r}")
    if n == 0:
        return digamma(input)
    return special("polygamma", FNN_polygamma_forward, input, polygamma_rule, n)


cdef int logaddexp_rule(Node node, Tensor dy) except -1:
    a, b = other_operand(node, 0), other_operand(node, 1)
    if node.wants(0):
        give_to(node, 0, dy * (a - b).sigmoid(), True)
    if node.wants(1):
        give_to(node, 1, dy * (b - a).sigmoid(), True)
    return 0


def logaddexp(input, other):
    """log(exp(input) + exp(other)), without overflow, element by element.

    Parameters
    ----------
    input, other : Tensor or number
        Shapes broadcast; integers become float32.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If one is no tensor, array or number.

    Notes
    -----
    Has the behaviour of ``torch.logaddexp``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.logaddexp(fastnn.tensor([0.0]), fastnn.tensor([0.0]))
    tensor([0.6931])
    """
    return checked(binary("logaddexp", FNN_logaddexp_forward, None, input, other, 1, logaddexp_rule, logaddexp_rule, 15),
                   "logaddexp", input, other)
