"""Products of vectors, matrices and batches of them: matmul and its kin."""
from fastnn._engine.engine cimport *
from fastnn.ops.argument cimport number
from fastnn.ops.linear cimport Matrix, affine, gradient_for, multiply, plain, readable, turned
from fastnn.ops.expand cimport sum_to

cdef extern from "matmul.h":
    enum: FNN_MATMUL_DIMS

__all__ = ["addmm", "bmm", "dot", "matmul", "mm", "mv", "outer"]


# --- batches of matrices -----------------------------------------------------------------------------

cdef Tensor as_batch(Tensor x, int dims, const int64_t *batch, Matrix *m):
    """x (..., rows, cols), or one row (cols), for each place of the batch; x, or a packed copy."""
    cdef int i, lead = x.ndim_ - 2
    m[0] = plain(x.shape_[x.ndim_ - 2] if x.ndim_ > 1 else 1, x.shape_[x.ndim_ - 1])
    m.row = x.strides_[x.ndim_ - 2] if x.ndim_ > 1 else 1
    m.col = x.strides_[x.ndim_ - 1]
    if not readable(m):
        x = contiguous(x)
        m[0] = plain(m.rows, m.cols)
    m.dims = dims
    for i in range(dims):
        m.size[i] = batch[i]
        m.step[i] = 0
        if i >= dims - lead and x.shape_[i - dims + lead] != 1:
            m.step[i] = x.strides_[i - dims + lead]
    return x


cdef int batch_shape(Tensor a, Tensor b, int64_t *batch, str what) except -1:
    """The broadcast of all dimensions but the last two; how many."""
    cdef int lead_a = max(a.ndim_ - 2, 0), lead_b = max(b.ndim_ - 2, 0)
    cdef int dims = max(lead_a, lead_b), i
    cdef int64_t size_a, size_b
    for i in range(dims):
        size_a = a.shape_[i - dims + lead_a] if i >= dims - lead_a else 1
        size_b = b.shape_[i - dims + lead_b] if i >= dims - lead_b else 1
        if size_a != size_b and size_a != 1 and size_b != 1:
            raise ValueError(f"{what}: batch shapes of {shape_of(a)} and {shape_of(b)} cannot be broadcast")
        batch[i] = size_b if size_a == 1 else size_a
    return dims


cdef Matrix packed(int64_t rows, int64_t cols, int dims, const int64_t *batch) noexcept:
    """Matrices that lie one behind another."""
    cdef Matrix m = plain(rows, cols)
    cdef int64_t step = rows * cols
    cdef int i
    m.dims = dims
    for i in range(dims - 1, -1, -1):
        m.size[i] = batch[i]
        m.step[i] = step
        step *= batch[i]
    return m


cdef int give_batch(Node node, Py_ssize_t i, Tensor like, int dims, const int64_t *batch, int64_t rows, int64_t cols,
                    Tensor a, Matrix ma, Tensor b, Matrix mb) except -1:
    """The gradient a b of edge i, an operand shaped `like`, summed over the dimensions it was spread over."""
    cdef int64_t shape[8]
    cdef bint accumulate = False, whole = like.ndim_ == dims + 2
    cdef int d, ndim = dims
    cdef Tensor dx
    for d in range(dims):
        shape[d] = batch[d]
        whole = whole and like.shape_[d] == batch[d]
    if like.ndim_ > 1:
        shape[ndim] = rows
        ndim += 1
    shape[ndim] = cols
    ndim += 1
    if whole:
        dx = gradient_for(node, i, like.dtype_, ndim, shape, &accumulate)
        if dx.contiguous:
            multiply(dx, packed(rows, cols, 0, batch), a, ma, b, mb, None, accumulate)
            return node.wrote(i, dx, accumulate)
    dx = new(like.dtype_, ndim, shape)
    multiply(dx, packed(rows, cols, 0, batch), a, ma, b, mb, None, False)
    return node.give(i, sum_to(dx, shape_of(like)))


cdef int batched_rule(Node node, Tensor dy) except -1:
    """da = dy b^T, db = a^T dy, for each place of the batch.  a: a, b: b"""
    cdef Matrix ma, mb, my
    cdef int64_t batch[8]
    cdef int dims = batch_shape(node.a, node.b, batch, "matmul")
    cdef Tensor a = as_batch(node.a, dims, batch, &ma), b = as_batch(node.b, dims, batch, &mb)
    dy = contiguous(dy)
    my = packed(ma.rows, mb.cols, dims, batch)
    if node.wants(0):
        give_batch(node, 0, node.a, dims, batch, ma.rows, ma.cols, dy, my, b, turned(mb))
    if node.wants(1):
        give_batch(node, 1, node.b, dims, batch, mb.rows, mb.cols, a, turned(ma), dy, my)
    return 0


cdef int batched_graph(Node node, Tensor dy) except -1:
    a, b = node.a, node.b
    if node.a.ndim_ == 1:
        a, dy = a.unsqueeze(0), dy.unsqueeze(-2)
    if node.wants(0):
        da = sum_to(product(dy, b.mT, "matmul"), a.shape)
        node.give(0, da.squeeze(0) if node.a.ndim_ == 1 else da)
    if node.wants(1):
        node.give(1, sum_to(product(a.mT, dy, "matmul"), b.shape))
    return 0


cdef Tensor batched(Tensor a, Tensor b, str what):
    cdef Matrix ma, mb
    cdef int64_t batch[8]
    cdef int dims = batch_shape(a, b, batch, what), ndim = dims
    cdef Tensor y, packed_a, packed_b
    cdef int64_t shape[8]
    if dims > FNN_MATMUL_DIMS:
        raise ValueError(f"{what}: at most {FNN_MATMUL_DIMS} batch dimensions, got {dims}")
    packed_a = as_batch(a, dims, batch, &ma)
    packed_b = as_batch(b, dims, batch, &mb)
    for i in range(dims):
        shape[i] = batch[i]
    if a.ndim_ > 1:
        shape[ndim] = ma.rows
        ndim += 1
    shape[ndim] = mb.cols
    y = new(a.dtype_, ndim + 1, shape)
    multiply(y, plain(ma.rows, mb.cols), packed_a, ma, packed_b, mb, None, False)
    if any_tracked(a, b, None):
        save(record2("matmul", y, a, b, batched_rule, batched_graph), a, b, None)
    return y


# --- any product ------------------------------------------------------------------------------------------

cdef Tensor operand(object x, str argument):
    return <Tensor>x if isinstance(x, Tensor) else as_tensor(x, argument.encode())


cdef Tensor product(object left, object right, str what):
    cdef Tensor a = operand(left, f"{what}: input"), b = operand(right, f"{what}: other")
    cdef int64_t inner
    if a.ndim_ == 0 or b.ndim_ == 0:
        raise ValueError(f"{what}: both operands must have at least one dimension, got shapes "
                         f"{shape_of(a)} and {shape_of(b)}")
    if a.dtype_ != b.dtype_ or a.dtype_ == FNN_BOOL:
        raise TypeError(f"{what}: both operands must have one dtype, of numbers, got {dtype_name(a.dtype_)} "
                        f"and {dtype_name(b.dtype_)}")
    inner = b.shape_[b.ndim_ - 2] if b.ndim_ > 1 else b.shape_[0]
    if a.shape_[a.ndim_ - 1] != inner:
        raise ValueError(f"{what}: input has {a.shape_[a.ndim_ - 1]} columns, other has {inner} rows "
                         f"(shapes {shape_of(a)} and {shape_of(b)})")
    if a.dtype_ > FNN_F64:
        return from_array(to_numpy(a) @ to_numpy(b), a.dtype_, what)
    if b.ndim_ <= 2:
        return affine(a, b, False, None)
    return batched(a, b, what)


cdef int need(object x, int ndim, str argument) except -1:
    if isinstance(x, Tensor) and (<Tensor>x).ndim_ != ndim:
        raise ValueError(f"{argument} must have {ndim} dimension{'s' if ndim > 1 else ''}, got shape {shape_of(x)}")
    return 0


cdef object at(object left, object right):
    return product(left, right, "matmul")


set_binary(OP_MATMUL, at)


def matmul(input, other):
    """Matrix product; the operator ``@``.

    Two vectors give their dot product, a matrix and a vector a vector; with more dimensions the
    last two are matrices and all before them a batch, which is broadcast.

    Parameters
    ----------
    input : Tensor
        (..., m, k) or (k).
    other : Tensor
        (..., k, n) or (k).

    Returns
    -------
    Tensor
        (..., m, n) without the dimension of an operand that was a vector, in the operands' dtype.

    Raises
    ------
    ValueError
        If the inner sizes differ, the batches cannot be broadcast, or an operand is 0-d.
    TypeError
        If the dtypes differ or are bool.

    Notes
    -----
    Has the behaviour of ``torch.matmul``. Integers are multiplied by NumPy.

    Examples
    --------
    >>> import fastnn
    >>> a = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> a @ fastnn.tensor([1.0, 1.0])
    tensor([3., 7.])
    """
    return product(input, other, "matmul")


def mm(input, mat2):
    """Product of two matrices, (m, k) and (k, n): ``torch.mm``.

    Raises
    ------
    ValueError
        If an operand is no matrix, or the inner sizes differ.
    TypeError
        If the dtypes differ or are bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mm(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    need(input, 2, "mm: input")
    need(mat2, 2, "mm: mat2")
    return product(input, mat2, "mm")


def bmm(input, mat2):
    """Products of matrices in batches, (batch, m, k) and (batch, k, n): ``torch.bmm``.

    Raises
    ------
    ValueError
        If an operand has not three dimensions, or batches or inner sizes differ.
    TypeError
        If the dtypes differ or are bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.bmm(fastnn.tensor([[[1.0, 2.0]]]), fastnn.tensor([[[3.0], [4.0]]]))
    tensor([[[11.]]])
    """
    cdef Tensor a = operand(input, "bmm: input"), b = operand(mat2, "bmm: mat2")
    need(a, 3, "bmm: input")
    need(b, 3, "bmm: mat2")
    if a.shape_[0] != b.shape_[0]:
        raise ValueError(f"bmm: input has a batch of {a.shape_[0]}, mat2 of {b.shape_[0]}")
    return product(a, b, "bmm")


def mv(input, vec):
    """Product of a matrix (m, k) and a vector (k): ``torch.mv``.

    Raises
    ------
    ValueError
        If the shapes are others.
    TypeError
        If the dtypes differ or are bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.mv(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]), fastnn.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    need(input, 2, "mv: input")
    need(vec, 1, "mv: vec")
    return product(input, vec, "mv")


def dot(input, tensor):
    """Σ xᵢ yᵢ of two vectors of one size, a 0-d tensor: ``torch.dot``.

    Raises
    ------
    ValueError
        If an operand is no vector, or the sizes differ.
    TypeError
        If the dtypes differ or are bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.dot(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor(11.)
    """
    need(input, 1, "dot: input")
    need(tensor, 1, "dot: tensor")
    return product(input, tensor, "dot")


def outer(input, vec2):
    """All products of two vectors, xᵢ yⱼ, of shape (m, n): ``torch.outer``.

    Raises
    ------
    ValueError
        If an operand is no vector.
    TypeError
        If the dtypes differ or are bool.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.outer(fastnn.tensor([1.0, 2.0]), fastnn.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    cdef Tensor x = operand(input, "outer: input"), y = operand(vec2, "outer: vec2")
    need(x, 1, "outer: input")
    need(y, 1, "outer: vec2")
    return product(x.unsqueeze(1), y.unsqueeze(0), "outer")


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2).

    Parameters
    ----------
    input : Tensor
        Of a shape that broadcasts to (m, n); not looked at where beta is 0.
    mat1, mat2 : Tensor
        (m, k) and (k, n).
    beta, alpha : float
        Default 1.

    Returns
    -------
    Tensor
        (m, n)

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If the dtypes differ or are bool.

    Notes
    -----
    Has the behaviour of ``torch.addmm``.

    Examples
    --------
    >>> import fastnn
    >>> a = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> fastnn.addmm(fastnn.tensor([10.0, 20.0]), a, a, alpha=2)
    tensor([[24., 40.],
            [40., 64.]])
    """
    cdef Tensor c = operand(input, "addmm: input"), a = operand(mat1, "addmm: mat1"), b = operand(mat2, "addmm: mat2")
    cdef int i
    need(a, 2, "addmm: mat1")
    beta, alpha = number(beta, "addmm: beta"), number(alpha, "addmm: alpha")
    need(b, 2, "addmm: mat2")
    if c.dtype_ != a.dtype_:
        raise TypeError(f"addmm: input is {dtype_name(c.dtype_)}, mat1 is {dtype_name(a.dtype_)}; expected one dtype")
    if c.ndim_ > 2:
        raise ValueError(f"addmm: input of shape {shape_of(c)} does not broadcast to {(a.shape_[0], b.shape_[1])}")
    for i in range(c.ndim_):
        if c.shape_[i] != 1 and c.shape_[i] != (b.shape_[1] if i == c.ndim_ - 1 else a.shape_[0]):
            raise ValueError(f"addmm: input of shape {shape_of(c)} does not broadcast to {(a.shape_[0], b.shape_[1])}")
    if beta == 1 and alpha == 1 and c.ndim_ == 1 and c.shape_[0] == b.shape_[1] and same_inner(a, b) and a.dtype_ <= FNN_F64:
        return affine(a, b, False, c)
    y = product(a, b, "addmm")
    if alpha != 1:
        y = y * alpha
    if beta == 0:
        return y
    return y + (c if beta == 1 else c * beta)


cdef bint same_inner(Tensor a, Tensor b) noexcept:
    return a.dtype_ == b.dtype_ and a.shape_[1] == b.shape_[0]
