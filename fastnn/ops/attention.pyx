"""scaled_dot_product_attention: arguments of any shape that PyTorch takes, made ready for the kernels."""
import cython
from libc.math cimport sqrt
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport real
from fastnn.ops.attend cimport attention, composed, steady

__all__ = ["scaled_dot_product_attention"]


cdef object four(object x, int lead):
    """(lead..., rows, columns) as (batch, head, rows, columns)."""
    if lead == 2:
        return x
    if lead < 2:
        return x.reshape((1,) * (2 - lead) + tuple(x.shape))
    return x.flatten(0, lead - 2)


cdef tuple broadcast_shapes(list shapes, str what):
    cdef int i
    found = []
    for i in range(max([len(s) for s in shapes]), 0, -1):
        sizes = {s[len(s) - i] for s in shapes if len(s) >= i}
        if len(sizes - {1}) > 1:
            raise ValueError(f"{what}: query, key, value and mask have shapes that cannot be broadcast: {shapes}")
        found.append((sizes - {1} or {1}).pop())
    return tuple(found)


@cython.wraparound(True)
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                 enable_gqa=False):
    """softmax(query keyᵀ · scale + mask) value: each query's mean of the values, weighed by its keys.

    Parameters
    ----------
    query : Tensor
        (..., L, E), float32 or float64; the dimensions before are usually batch and heads.
    key, value : Tensor
        (..., S, E) and (..., S, EV).
    attn_mask : Tensor, optional
        Broadcast with (..., L, S). Bool: True where a query may look at a key. Floating point: added
        to the scores; it may require grad, and then the matrix of scores is stored.
    dropout_p : float
        Probability that a weight is dropped, always: pass 0 in evaluation. Default 0.
    is_causal : bool
        Query i looks at keys 0 to i alone. Default False.
    scale : float, optional
        Default 1/√E.
    enable_gqa : bool
        Several heads of queries may share a head of keys and values: dimension -3 of query is a
        multiple of theirs. Default False.

    Returns
    -------
    Tensor
        (..., L, EV). A query that may look at no key gives zeros.

    Raises
    ------
    ValueError
        If shapes do not fit, or both a mask and is_causal are given.
    TypeError
        If dtypes differ, or the mask is neither bool nor floating point.

    Notes
    -----
    Vaswani et al. (2017), eq. 1; computed by blocks with an online softmax (Rabe and Staats, 2021;
    Dao et al., 2022), so memory grows with L + S, not with L S. Has the behaviour of
    ``torch.nn.functional.scaled_dot_product_attention``.

    Examples
    --------
    >>> import fastnn
    >>> v = fastnn.tensor([[1.0], [2.0], [6.0]])
    >>> q = fastnn.zeros(3, 1)
    >>> fastnn.scaled_dot_product_attention(q, q, v, is_causal=True).flatten()
    tensor([1. , 1.5, 3. ])
    """
    cdef str what = "scaled_dot_product_attention"
    cdef Tensor q = float_tensor(query, b"scaled_dot_product_attention: query")
    cdef Tensor k = float_tensor(key, b"scaled_dot_product_attention: key")
    cdef Tensor v = float_tensor(value, b"scaled_dot_product_attention: value")
    cdef Tensor mask = None
    cdef int lead
    cdef int64_t L, S, E
    for name, t in (("query", q), ("key", k), ("value", v)):
        if t.ndim < 2:
            raise ValueError(f"{what}: {name} must have shape (..., rows, columns), got {tuple(t.shape)}")
    if k.dtype_ != q.dtype_ or v.dtype_ != q.dtype_:
        raise TypeError(f"{what}: query is {dtype_name(q.dtype_)}, key {dtype_name(k.dtype_)}, "
                        f"value {dtype_name(v.dtype_)}; expected one dtype")
    L, E, S = q.shape_[q.ndim_ - 2], q.shape_[q.ndim_ - 1], k.shape_[k.ndim_ - 2]
    if k.shape_[k.ndim_ - 1] != E or v.shape_[v.ndim_ - 2] != S or E == 0:
        raise ValueError(f"{what}: query, key and value have shapes {shape_of(q)}, {shape_of(k)} and {shape_of(v)}, "
                         "expected (..., L, E), (..., S, E) and (..., S, EV)")
    dropout_p = real(dropout_p, f"{what}: dropout_p")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"{what}: dropout_p must be from 0 to 1, got {dropout_p}")
    if is_causal and attn_mask is not None:
        raise ValueError(f"{what}: is_causal and attn_mask exclude each other")
    lead_q, lead_k, lead_v = shape_of(q)[:-2], shape_of(k)[:-2], shape_of(v)[:-2]
    if enable_gqa:
        if min(len(lead_q), len(lead_k), len(lead_v)) < 1 or lead_k[-1] != lead_v[-1] or not lead_k[-1] \
                or lead_q[-1] % lead_k[-1]:
            raise ValueError(f"{what}: the heads of query, dimension -3, must be a multiple of key's and value's, "
                             f"got shapes {shape_of(q)}, {shape_of(k)} and {shape_of(v)}")
        outer = broadcast_shapes([lead_q[:-1], lead_k[:-1], lead_v[:-1]], what)
        lead_q, lead_k = outer + lead_q[-1:], outer + lead_k[-1:]
        lead_v = lead_k
    else:
        lead_q = lead_k = lead_v = broadcast_shapes([lead_q, lead_k, lead_v], what)
    if attn_mask is not None:
        mask = as_tensor(attn_mask, b"scaled_dot_product_attention: attn_mask")
        if mask.dtype_ != FNN_BOOL and mask.dtype_ > FNN_F64:
            raise TypeError(f"{what}: attn_mask must be bool or floating point, got {dtype_name(mask.dtype_)}")
        whole = lead_q + (L, S)
        if broadcast_shapes([whole, shape_of(mask)], what) != whole:
            raise ValueError(f"{what}: attn_mask of shape {shape_of(mask)} cannot be broadcast to {whole}")
    lead = len(lead_q)
    wide_q = four(q.expand(lead_q + (L, E)), lead)
    wide_k, wide_v = four(k.expand(lead_k + (S, E)), lead), four(v.expand(lead_v + (S, v.shape_[v.ndim_ - 1])), lead)
    if scale is None:
        scale = 1 / sqrt(<double>E)
    scale = real(scale, f"{what}: scale")
    if mask is not None and tracked(mask):
        y = composed(wide_q, wide_k, wide_v, four(mask.expand(whole), lead), is_causal, None, dropout_p, scale)
    else:
        if mask is not None:
            mask = four(steady(mask, q.dtype_).detach().expand(whole), lead)
        y = attention(wide_q, wide_k, wide_v, mask, is_causal, dropout_p, scale)
    return y if lead == 2 else y.reshape(lead_q + (L, v.shape_[v.ndim_ - 1]))
