"""x w + bias, and the Calls that every matrix product is made of. Letters are BLIS's: C(m, n) = A(m, k) B(k, n)."""
from fastnn._engine.engine cimport *
from fastnn._engine.engine import _config

cdef extern from "fastnn.h":
    enum: FNN_matmul, FNN_strip_sums, FNN_column_sums

cdef extern from "matmul.h":
    int FNN_MATMUL_DIM(int) noexcept nogil
    int64_t fnn_matmul_scratch(int64_t, int64_t, int64_t) noexcept nogil

__all__ = ["bilinear", "linear"]


# --- matrices: how a tensor is read as one matrix, or as one for each place of a batch -------------

cdef bint readable(Matrix *m) noexcept:
    """Kernels want one step to be 1; where a size is 1 its step is of no account."""
    if m.rows == 1 and m.col != 1:
        m.row = 1
    if m.cols == 1 and m.row != 1:
        m.col = 1
    return m.row == 1 or m.col == 1


cdef Matrix turned(Matrix m) noexcept:
    """The transpose."""
    m.rows, m.cols = m.cols, m.rows
    m.row, m.col = m.col, m.row
    return m


cdef Matrix plain(int64_t rows, int64_t cols) noexcept:
    cdef Matrix m
    m.rows, m.cols, m.row, m.col, m.dims = rows, cols, cols, 1, 0
    readable(&m)
    return m


cdef Tensor as_rows(Tensor x, Matrix *m):
    """x (..., k) as rows of k; x itself, or a packed copy."""
    cdef int64_t k = x.shape_[x.ndim_ - 1], rows = 1
    cdef int i
    if x.ndim_ <= 2:
        m[0] = plain(x.shape_[0] if x.ndim_ == 2 else 1, k)
        m.row, m.col = x.strides_[0], x.strides_[x.ndim_ - 1]
        if readable(m):
            return x
    for i in range(x.ndim_ - 1):
        rows *= x.shape_[i]
    m[0] = plain(rows, k)
    return contiguous(x)


cdef Tensor as_matrix(Tensor w, bint transposed, Matrix *m):
    """w (rows, cols), or its transpose; (rows) is one column. w itself, or a packed copy."""
    m[0] = plain(w.shape_[0], w.shape_[1] if w.ndim_ == 2 else 1)
    m.row = w.strides_[0]
    m.col = w.strides_[1] if w.ndim_ == 2 else 1
    if not readable(m):
        w = contiguous(w)
        m[0] = plain(m.rows, m.cols)
    if transposed:
        m[0] = turned(m[0])
    return w


cdef enum:              # one row times a matrix: from where on terms are cut into blocks, four or eight
    DEEP_TERMS = 256
    DEEP_SIZE = 1 << 16
    MIN_COLS = 65
    MAX_COLS = 4096
    FOUR_BLOCKS = 1 << 19


# the thread policy's unit is an operation of eight lanes: wider vectors make products cheaper
cdef double COST = 32.0 / _config()["vector_bytes"]


# --- the Calls ----------------------------------------------------------------------------------------

cdef int multiply(Tensor c, Matrix mc, Tensor a, Matrix ma, Tensor b, Matrix mb, Tensor bias,
                  bint accumulate) except -1:
    """c = a b, c += a b, or c = a b + bias. Of mc's steps one is 1; batches of c lie one behind another."""
    cdef fnn_call call
    cdef int d
    cdef int64_t scratch, count = 1
    cdef Tensor space
    cdef double work
    if mc.col != 1 or (mc.cols == 1 and mc.row == 1 and ma.row == 1 and bias is None and is_deep(&ma, ma.cols, ma.rows)):
        return multiply(c, turned(mc), b, turned(mb), a, turned(ma), None, accumulate)
    if mc.rows == 1 and mb.col == 1 and is_deep(&mb, mb.rows, mb.cols):
        return multiply_deep(c, mc, a, ma, b, mb, c if accumulate else bias)
    start(&call, FNN_matmul, c.dtype_)
    buffer(&call, c)
    scratch = fnn_matmul_scratch(mc.rows, mc.cols, ma.cols)
    if scratch > 0:
        space = new_1d(c.dtype_, scratch * limit_parts(&call))
        buffer(&call, space)
    else:
        null_buffer(&call)
    buffer(&call, a)
    buffer(&call, b)
    if accumulate:
        buffer(&call, c)
    elif bias is not None:
        buffer(&call, bias)
    else:
        null_buffer(&call)
    call.args.n[0], call.args.n[1], call.args.n[2] = mc.rows, mc.cols, ma.cols
    call.args.n[3], call.args.n[4] = ma.row, ma.col
    call.args.n[5], call.args.n[6] = mb.row, mb.col
    call.args.n[7] = mc.row
    call.args.n[8] = mc.row if accumulate else 0
    call.args.n[9] = 0
    call.args.n[10] = ma.dims
    call.args.n[11] = mc.rows * mc.cols
    for d in range(ma.dims):
        call.args.n[FNN_MATMUL_DIM(d)] = ma.size[d]
        call.args.n[FNN_MATMUL_DIM(d) + 1] = ma.step[d]
        call.args.n[FNN_MATMUL_DIM(d) + 2] = mb.step[d]
        count *= ma.size[d]
    # an element that is read or written takes as long as a product: all that vectors' products do
    work = 2.0 * count * (mc.rows * mc.cols * (ma.cols + 1.0) + mc.rows * ma.cols + mb.rows * mb.cols)
    if mc.rows > 1 and mc.cols > 1:     # else bound by memory, the same for every instruction set
        work *= COST if c.dtype_ == FNN_F32 else 2 * COST
    return run(&call, 2, work, 0)


cdef inline bint is_deep(Matrix *m, int64_t terms, int64_t cols) noexcept:
    """Has the matrix that a vector is multiplied with many rows, none of them long, and fills a cache?"""
    return m.dims == 0 and terms >= DEEP_TERMS and MIN_COLS <= cols <= MAX_COLS and terms * cols >= DEEP_SIZE


cdef int multiply_deep(Tensor c, Matrix mc, Tensor a, Matrix ma, Tensor b, Matrix mb, Tensor init) except -1:
    """c = init + a b by threads that share the terms: each reads whole rows of b, in order."""
    cdef fnn_call call
    cdef int64_t blocks = 4 if mb.rows * mb.cols < FOUR_BLOCKS else 8
    cdef Tensor sums = new_1d(c.dtype_, blocks * mc.cols)
    start(&call, FNN_strip_sums, c.dtype_)
    buffer(&call, sums)
    buffer(&call, a)
    buffer(&call, b)
    call.args.n[0], call.args.n[1], call.args.n[2] = blocks, mc.cols, mb.rows
    call.args.n[3], call.args.n[4] = ma.col, mb.row
    run(&call, 1, 4.0 * mb.rows * mb.cols, 0)
    return add_columns(c, sums, plain(blocks, mc.cols), init)


cdef int add_columns(Tensor y, Tensor x, Matrix m, Tensor init) except -1:
    """y = init + sums of the columns of x, whose rows are contiguous; init may be None, or y."""
    cdef fnn_call call
    start(&call, FNN_column_sums, x.dtype_)
    buffer(&call, y)
    buffer(&call, x)
    if init is not None:
        buffer(&call, init)
    else:
        null_buffer(&call)
    call.args.n[0], call.args.n[1], call.args.n[2] = m.rows, m.cols, m.row
    return run(&call, 1, 2.0 * m.rows * m.cols, 0)


cdef Tensor gradient_for(Node node, Py_ssize_t i, int dtype, int ndim, const int64_t *shape, bint *accumulate):
    """Where the gradient of edge i goes: a leaf's own place, else new memory; `node.wrote` hands it on."""
    edge = node.edges[i]
    accumulate[0] = False
    if type(edge) is Node:
        return new(dtype, ndim, shape)
    return node.slot(i, <Tensor>edge, accumulate)


# --- x w + bias: linear, and every product whose right operand is one matrix or vector -----------------

cdef void affine_rows(Node node, Tensor dy, Matrix *my) noexcept:
    """dy as rows: the right operand of dimension one has one column."""
    cdef int i, lead = dy.ndim_ - (1 if node.n[1] == 2 else 0)
    cdef int64_t rows = 1
    for i in range(lead):
        rows *= dy.shape_[i]
    my[0] = plain(rows, dy.shape_[lead] if node.n[1] == 2 else 1)


cdef int affine_rule(Node node, Tensor dy) except -1:
    """dx = dy w^T, dw = x^T dy, dbias: columns of dy added up.
    a: x, b: w, each where needed; n[0]: does w come transposed, n[1]: w's dimensions."""
    cdef Matrix mx, mw, my
    cdef Tensor w, x, given, dx
    cdef int64_t shape[8]
    cdef bint accumulate = False, transposed = node.n[0]
    cdef int i, ndim
    dy = contiguous(dy)
    affine_rows(node, dy, &my)
    if node.wants(0):
        w = as_matrix(node.b, transposed, &mw)
        ndim = dy.ndim_ + (1 if node.n[1] == 1 else 0)
        for i in range(ndim - 1):
            shape[i] = dy.shape_[i]
        shape[ndim - 1] = mw.rows
        given = gradient_for(node, 0, dy.dtype_, ndim, shape, &accumulate)
        dx = as_rows(given, &mx)
        if dx is not given:
            accumulate = False
        multiply(dx, mx, dy, my, w, turned(mw), None, accumulate)
        node.wrote(0, dx, accumulate)
    if node.wants(1):
        x = as_rows(node.a, &mx)
        shape[0], shape[1] = (my.cols, mx.cols) if transposed else (mx.cols, my.cols)
        given = gradient_for(node, 1, dy.dtype_, <int>node.n[1], shape, &accumulate)
        dx = as_matrix(given, transposed, &mw)
        if dx is not given:
            accumulate = False
        multiply(dx, mw, x, turned(mx), dy, my, None, accumulate)
        node.wrote(1, dx, accumulate)
    if len(node.edges) > 2 and node.wants(2):
        given = gradient_for(node, 2, dy.dtype_, 1, &my.cols, &accumulate)
        dx = contiguous(given)
        if dx is not given:
            accumulate = False
        add_columns(dx, dy, my, dx if accumulate else None)
        node.wrote(2, dx, accumulate)
    return 0


cdef int affine_graph(Node node, Tensor dy) except -1:
    cdef Matrix my
    cdef bint transposed = node.n[0]
    affine_rows(node, dy, &my)
    rows = dy.reshape(my.rows, my.cols)
    if node.wants(0):
        w = node.b
        if node.n[1] == 1:
            node.give(0, dy.unsqueeze(-1) @ w.unsqueeze(0))
        else:
            node.give(0, dy @ (w if transposed else w.mT))
    if node.wants(1):
        x = node.a.reshape(my.rows, node.a.shape_[node.a.ndim_ - 1])
        if node.n[1] == 1:
            node.give(1, x.mT @ rows.squeeze(1))
        elif transposed:
            node.give(1, rows.mT @ x)
        else:
            node.give(1, x.mT @ rows)
    if len(node.edges) > 2 and node.wants(2):
        node.give(2, rows.sum(0))
    return 0


cdef Tensor affine(Tensor x, Tensor w, bint transposed, Tensor bias):
    """x (..., k) times w (k, n) or (k), or w (n, k) transposed, plus bias (n); shapes are checked."""
    cdef Matrix mx, mw
    cdef int64_t shape[8]
    cdef int i
    cdef Node node
    cdef Tensor y, packed_x, packed_w
    packed_x = as_rows(x, &mx)
    packed_w = as_matrix(w, transposed, &mw)
    for i in range(x.ndim_ - 1):
        shape[i] = x.shape_[i]
    shape[x.ndim_ - 1] = mw.cols
    y = new(x.dtype_, x.ndim_ - 1 + (1 if w.ndim_ == 2 else 0), shape)
    multiply(y, plain(mx.rows, mw.cols), packed_x, mx, packed_w, mw,
             None if bias is None else contiguous(bias), False)
    if any_tracked(x, w, bias):
        if bias is None:
            node = record2("matmul", y, x, w, affine_rule, affine_graph)
        else:
            node = record("linear", y, (x, w, bias), affine_rule, affine_graph)
        save(node, x if w.wants_grad else None, w if x.wants_grad else None, None)
        node.n[0], node.n[1] = transposed, w.ndim_
    return y


def linear(input, weight, bias=None):
    """y = x Wᵀ + b, the affine map of a fully connected layer.

    Parameters
    ----------
    input : Tensor
        x, of shape (..., in).
    weight : Tensor
        W, of shape (out, in). Fastest when it is the transpose of a contiguous (in, out) tensor,
        as the weight of `fastnn.nn.Linear` is.
    bias : Tensor, optional
        b, of shape (out).

    Returns
    -------
    Tensor
        Of shape (..., out) and the operands' dtype, float32 or float64.

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If the dtypes differ or are not floating point.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.linear``. Each output element is summed in an order
    that depends on the shapes alone.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.tensor([[1.0, 2.0]])
    >>> fastnn.linear(x, fastnn.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    tensor([[1., 2., 3.]])
    """
    cdef Tensor x = float_tensor(input, b"linear: input"), w = float_tensor(weight, b"linear: weight")
    cdef Tensor b = None if bias is None else float_tensor(bias, b"linear: bias")
    if w.ndim_ != 2:
        raise ValueError(f"linear: weight must have shape (out, in), got {shape_of(w)}")
    if x.ndim_ == 0:
        raise ValueError(f"linear: x must have shape (..., {w.shape_[1]}), got a 0-d tensor")
    if x.shape_[x.ndim_ - 1] != w.shape_[1]:
        raise ValueError(f"linear: x has {x.shape_[x.ndim_ - 1]} features, weight expects {w.shape_[1]}")
    if x.dtype_ != w.dtype_ or (b is not None and b.dtype_ != w.dtype_):
        raise TypeError(f"linear: x is {dtype_name(x.dtype_)}, weight is {dtype_name(w.dtype_)}"
                        f"{'' if b is None else ', bias is ' + dtype_name(b.dtype_)}; expected one dtype")
    if b is not None and (b.ndim_ != 1 or b.shape_[0] != w.shape_[0]):
        raise ValueError(f"linear: bias must have shape ({w.shape_[0]},), got {shape_of(b)}")
    return affine(x, w, True, b)


def bilinear(input1, input2, weight, bias=None):
    """y_o = x₁ᵀ W_o x₂ + b_o, one bilinear form for each output.

    Parameters
    ----------
    input1, input2 : Tensor
        x₁ of shape (..., in1) and x₂ of shape (..., in2), with the same dimensions before.
    weight : Tensor
        W, of shape (out, in1, in2).
    bias : Tensor, optional
        b, of shape (out).

    Returns
    -------
    Tensor
        Of shape (..., out).

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If the dtypes differ or are not floating point.

    Notes
    -----
    Has the behaviour of ``torch.nn.functional.bilinear``.

    Examples
    --------
    >>> import fastnn
    >>> x, y = fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([[3.0, 4.0]])
    >>> fastnn.bilinear(x, y, fastnn.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor([[11.]])
    """
    cdef Tensor x = float_tensor(input1, b"bilinear: input1"), z = float_tensor(input2, b"bilinear: input2")
    cdef Tensor w = float_tensor(weight, b"bilinear: weight")
    cdef Tensor b = None if bias is None else float_tensor(bias, b"bilinear: bias")
    if w.ndim_ != 3:
        raise ValueError(f"bilinear: weight must have shape (out, in1, in2), got {shape_of(w)}")
    num_out, in1, in2 = shape_of(w)
    if x.ndim_ == 0 or z.ndim_ == 0 or x.shape_[x.ndim_ - 1] != in1 or z.shape_[z.ndim_ - 1] != in2:
        raise ValueError(f"bilinear: inputs have shapes {shape_of(x)} and {shape_of(z)}, weight expects "
                         f"(..., {in1}) and (..., {in2})")
    lead = shape_of(x)[:x.ndim_ - 1]
    if shape_of(z)[:z.ndim_ - 1] != lead:
        raise ValueError(f"bilinear: inputs have shapes {shape_of(x)} and {shape_of(z)}; expected the same "
                         "dimensions before the last")
    if b is not None and shape_of(b) != (num_out,):
        raise ValueError(f"bilinear: bias must have shape ({num_out},), got {shape_of(b)}")
    rows = 1
    for size in lead:
        rows *= size
    forms = x.reshape(rows, in1) @ w.transpose(0, 1).reshape(in1, num_out * in2)
    y = (forms.reshape(rows, num_out, in2) @ z.reshape(rows, in2, 1)).reshape(lead + (num_out,))
    return y if b is None else y + b
