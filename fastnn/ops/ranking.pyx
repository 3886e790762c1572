"""Losses of likeness and order: hinge and soft margin, rankings, cosines, triplets."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.loss cimport *
from fastnn.ops.target cimport *
from fastnn.ops.rectifier import relu
from fastnn.ops.choose import minimum, where
from fastnn.ops.moment import norm

cdef extern from "fastnn.h":
    enum:
        FNN_hinge_loss_forward, FNN_hinge_loss_backward, FNN_soft_margin_loss_forward
        FNN_soft_margin_loss_backward

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]


def hinge_embedding_loss(input, target, margin=1.0, *, reduction="mean"):
    """x where t is 1, max(0, margin - x) where it is -1: x is a distance between like or unlike things.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of 1 and -1, of the input's shape.
    margin : float
        Default 1.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or a target is not 1 or -1: with its position and value.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.hinge_embedding_loss``.

    Examples
    --------
    >>> import fastnn
    >>> x, t = fastnn.tensor([0.2, 0.3]), fastnn.tensor([1.0, -1.0])
    >>> fastnn.nn.functional.hinge_embedding_loss(x, t, reduction="none")
    tensor([0.2, 0.7])
    """
    x, t = same_shapes(input, target, "hinge_embedding_loss")
    check_signs(t, "hinge_embedding_loss")
    return element_loss(FNN_hinge_loss_forward, FNN_hinge_loss_backward, x, t.detach(),
                        reduction_of(reduction, "hinge_embedding_loss"), real(margin, "hinge_embedding_loss: margin"), None, None)


def soft_margin_loss(input, target, *, reduction="mean"):
    """log(1 + exp(-t x)), without its overflow.

    Parameters
    ----------
    input : Tensor
        float32 or float64, any shape.
    target : Tensor
        Of 1 and -1, of the input's shape.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or a target is not 1 or -1: with its position and value.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.soft_margin_loss``.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.functional.soft_margin_loss(fastnn.tensor([0.0, 100.0]), fastnn.tensor([1.0, -1.0]), reduction="none")
    tensor([  0.6931, 100.    ])
    """
    x, t = same_shapes(input, target, "soft_margin_loss")
    check_signs(t, "soft_margin_loss")
    return element_loss(FNN_soft_margin_loss_forward, FNN_soft_margin_loss_backward, x, t.detach(),
                        reduction_of(reduction, "soft_margin_loss"), 0, None, None)


def margin_ranking_loss(input1, input2, target, margin=0.0, *, reduction="mean"):
    """max(0, margin - t (x1 - x2)): x1 is to be larger where t is 1, smaller where it is -1.

    Parameters
    ----------
    input1, input2 : Tensor
        float32 or float64, of one shape.
    target : Tensor
        Of 1 and -1.
    margin : float
        Default 0.
    reduction : {"mean", "sum", "none"}
        Default "mean".

    Returns
    -------
    Tensor
        A scalar, or of the input's shape for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or a target is not 1 or -1: with its position and value.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.margin_ranking_loss``.

    Examples
    --------
    >>> import fastnn
    >>> a, b = fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 2.0])
    >>> fastnn.nn.functional.margin_ranking_loss(a, b, fastnn.tensor([1.0, -1.0]), reduction="none")
    tensor([1., 0.])
    """
    cdef int kind = reduction_of(reduction, "margin_ranking_loss")
    cdef Tensor x, y
    x, t = same_shapes(input1, target, "margin_ranking_loss")
    y = float_tensor(input2, "margin_ranking_loss: input2")
    same_shape_as("input2", y, x, "margin_ranking_loss")
    check_signs(t, "margin_ranking_loss")
    return reduced_loss(relu(real(margin, "margin_ranking_loss: margin") - t.detach() * (x - y)), kind)


def cosine_embedding_loss(input1, input2, target, margin=0.0, *, reduction="mean"):
    """1 - cos where t is 1, max(0, cos - margin) where it is -1; cos of the angle between rows.

    Parameters
    ----------
    input1, input2 : Tensor
        float32 or float64, of one shape, (N, D) or (D,).
    target : Tensor
        Of 1 and -1, (N,) or ().
    margin : float
        Default 0.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or a target is not 1 or -1: with its position and value.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.cosine_embedding_loss``.

    Examples
    --------
    >>> import fastnn
    >>> a, b = fastnn.tensor([[1.0, 0.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> fastnn.nn.functional.cosine_embedding_loss(a, b, fastnn.tensor([1]))
    tensor(1.)
    """
    cdef int kind = reduction_of(reduction, "cosine_embedding_loss")
    cdef Tensor x, y, t = as_tensor(target, "cosine_embedding_loss: target")
    cdef double eps = 1e-12         # as PyTorch's: under the root
    x, y = same_shapes(input1, input2, "cosine_embedding_loss")
    if x.ndim_ not in (1, 2):
        raise ValueError(f"cosine_embedding_loss: input1 has shape {shape_of(x)}, expected (N, D) or (D,)")
    if shape_of(t) != shape_of(x)[:x.ndim_ - 1]:
        raise ValueError(f"cosine_embedding_loss: target has shape {shape_of(t)}, expected {shape_of(x)[:x.ndim_ - 1]}")
    t = cast(t, x.dtype_)
    check_signs(t, "cosine_embedding_loss")
    cos = (x * y).sum(-1) / (((x * x).sum(-1) + eps) * ((y * y).sum(-1) + eps)).sqrt()
    return reduced_loss(where(t > 0, 1 - cos, relu(cos - real(margin, "cosine_embedding_loss: margin"))), kind)


# --- triplets ---------------------------------------------------------------------------------------

cdef tuple triplet(object anchor, object positive, object negative, str what):
    cdef Tensor a = float_tensor(anchor, f"{what}: anchor".encode())
    cdef Tensor p = float_tensor(positive, f"{what}: positive".encode())
    cdef Tensor n = float_tensor(negative, f"{what}: negative".encode())
    same_shape_as("positive", p, a, what)
    same_shape_as("negative", n, a, what)
    if a.ndim_ == 0:
        raise ValueError(f"{what}: anchor must be rows of features, got a 0-d tensor")
    return a, p, n


cdef object farther(object near, object far, object other, double margin, int kind):
    """max(0, near - far + margin); other: far is the smaller of the two."""
    far = far if other is None else minimum(far, other)
    return reduced_loss(relu(near - far + margin), kind)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, *, reduction="mean"):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm of the difference.

    Parameters
    ----------
    anchor, positive, negative : Tensor
        float32 or float64, of one shape, (N, D) or (D,).
    margin : float
        Positive. Default 1.
    p : float
        Which norm. Default 2.
    eps : float
        Added to each difference. Default 1e-6.
    swap : bool
        Take d(positive, negative) where it is smaller than d(anchor, negative). Default False.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if the margin is not positive.

    Notes
    -----
    Balntas et al. (2016). Has the behaviour of ``torch.nn.functional.triplet_margin_loss``.

    Examples
    --------
    >>> import fastnn
    >>> a, b, c = fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[0.0, 1.0]])
    >>> fastnn.nn.functional.triplet_margin_loss(a, b, c)
    tensor(5.)
    """
    cdef int kind = reduction_of(reduction, "triplet_margin_loss")
    a, b, c = triplet(anchor, positive, negative, "triplet_margin_loss")
    margin, eps = real(margin, "triplet_margin_loss: margin"), real(eps, "triplet_margin_loss: eps")
    if not margin > 0:
        raise ValueError(f"triplet_margin_loss: margin must be positive, got {margin}")

    def distance(x, y):
        return norm(x - y + eps, p, -1)

    return farther(distance(a, b), distance(a, c), distance(b, c) if swap else None, margin, kind)


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """`triplet_margin_loss` with a distance of one's own.

    Parameters
    ----------
    anchor, positive, negative : Tensor
        float32 or float64, of one shape, (N, D) or (D,).
    distance_function : callable, optional
        Of two tensors; gives one number per row. Default: the Euclidean distance.
    margin : float
        Positive. Default 1.
    swap : bool
        Take d(positive, negative) where it is smaller than d(anchor, negative). Default False.
    reduction : {"mean", "sum", "none"}
        Over rows. Default "mean".

    Returns
    -------
    Tensor
        A scalar, or (N,) for "none".

    Raises
    ------
    ValueError
        If the shapes differ: nothing is broadcast, or if the margin is not positive.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.triplet_margin_with_distance_loss``.

    Examples
    --------
    >>> import fastnn
    >>> a, b, c = fastnn.zeros(1, 2), fastnn.ones(1, 2), fastnn.full((1, 2), 4.0)
    >>> city = lambda x, y: abs(x - y).sum(1)
    >>> fastnn.nn.functional.triplet_margin_with_distance_loss(a, b, c, distance_function=city, margin=7.0)
    tensor(1.)
    """
    cdef int kind = reduction_of(reduction, "triplet_margin_with_distance_loss")
    a, b, c = triplet(anchor, positive, negative, "triplet_margin_with_distance_loss")
    margin = real(margin, "triplet_margin_with_distance_loss: margin")
    if not margin > 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin must be positive, got {margin}")
    if not (distance_function is None or callable(distance_function)):
        raise TypeError("triplet_margin_with_distance_loss: distance_function must be callable, got "
                        f"{distance_function!r:.40}")
    if distance_function is None:
        distance_function = lambda x, y: norm(x - y + 1e-6, 2.0, -1)
    other = distance_function(b, c) if swap else None
    return farther(distance_function(a, b), distance_function(a, c), other, margin, kind)


def _hinge_slope(x, t, margin, m):
    return where(t == 1, 1.0, where(x.detach() < margin, -1.0, 0.0)).to(x.dtype)


set_slope(FNN_hinge_loss_backward, _hinge_slope)
set_slope(FNN_soft_margin_loss_backward, lambda x, t, k, m: -t * (-t * x).sigmoid())
