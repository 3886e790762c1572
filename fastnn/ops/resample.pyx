"""Images read at other places, between their pixels."""
from fastnn._engine.engine cimport *
from fastnn.ops.composed cimport composed_rule, fence, kept, taken
from fastnn.ops.warp import _resampled

cdef extern from "fastnn.h":
    enum: FNN_grid_sample_forward, FNN_grid_sample_backward, FNN_grid_sample_places_backward

__all__ = ["grid_sample"]

cdef tuple MODES = ("bilinear", "nearest", "bicubic"), PADDINGS = ("zeros", "border", "reflection")


cdef void put_sizes(fnn_call *c, const int64_t *n):
    """n: N, C, H, W, P, mode, padding, align_corners."""
    cdef int i
    for i in range(8):
        c.args.n[i] = n[i]


cdef int sample_rule(Node node, Tensor dy) except -1:
    cdef Tensor x, grid, dx
    cdef double work
    cdef fnn_call c
    x, grid = taken(node, node.extra)
    x, grid, dy = contiguous(x), contiguous(grid), contiguous(dy)
    work = 20.0 * dy.size_ + x.size_
    if node.wants(0):
        dx = new_like(x)
        start(&c, FNN_grid_sample_backward, x.dtype_)
        buffer(&c, dx)
        buffer(&c, dy)
        buffer(&c, grid)
        put_sizes(&c, node.n)
        run(&c, 1, work, 0)
        node.give(0, dx)
    if node.wants(1):
        dx = new_like(grid)
        start(&c, FNN_grid_sample_places_backward, x.dtype_)
        buffer(&c, dx)
        buffer(&c, dy)
        buffer(&c, x)
        buffer(&c, grid)
        put_sizes(&c, node.n)
        run(&c, 1, work, 0)
        node.give(1, dx)
    return 0


cdef int sample_graph(Node node, Tensor dy) except -1:
    fenced = fence(node, taken(node, node.extra))
    y = _resampled(fenced[0], fenced[1], MODES[node.n[5]], PADDINGS[node.n[6]], bool(node.n[7]))
    return composed_rule(node, node.extra[0], (y,), [dy], fenced)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    """Images read at the places of a grid, between pixels by interpolation.

    Parameters
    ----------
    input : Tensor
        (N, C, H, W), float32 or float64.
    grid : Tensor
        Places, x before y, from -1 (left, top) to 1: (N, H', W', 2), of the input's dtype.
    mode : {"bilinear", "nearest", "bicubic"}
        Default "bilinear".
    padding_mode : {"zeros", "border", "reflection"}
        What is beyond the border. Default "zeros".
    align_corners : bool
        Whether -1 and 1 are the middles of the outermost pixels, or their outer edges. Default False.

    Returns
    -------
    Tensor
        (N, C, H', W').

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or an argument is none of these.

    Notes
    -----
    Jaderberg et al. (2015). Has the behaviour of ``torch.nn.functional.grid_sample`` for images.

    Examples
    --------
    >>> import fastnn
    >>> image = fastnn.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> fastnn.nn.functional.grid_sample(image, fastnn.zeros(1, 1, 1, 2)).item()
    2.5
    """
    cdef Tensor x = float_tensor(input, b"grid_sample: input"), g = float_tensor(grid, b"grid_sample: grid"), y
    cdef int64_t shape[4]
    cdef int64_t n[8]
    cdef int i
    cdef fnn_call c
    cdef Node node
    if x.ndim_ != 4 or g.ndim_ != 4 or g.shape_[0] != x.shape_[0] or g.shape_[3] != 2:
        raise ValueError(f"grid_sample: input and grid have shapes {shape_of(x)} and {shape_of(g)}, "
                         "expected (N, C, H, W) and (N, H', W', 2)")
    if x.shape_[2] == 0 or x.shape_[3] == 0:
        raise ValueError(f"grid_sample: input has no pixels, its shape is {shape_of(x)}")
    if g.dtype_ != x.dtype_:
        raise ValueError(f"grid_sample: input and grid must be floats of one dtype, got {x.dtype} and {g.dtype}")
    if mode not in MODES:
        raise ValueError(f"grid_sample: mode must be 'bilinear', 'nearest' or 'bicubic', got {mode!r}")
    if padding_mode not in PADDINGS:
        raise ValueError(f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection', got {padding_mode!r}")
    shape[0], shape[1], shape[2], shape[3] = x.shape_[0], x.shape_[1], g.shape_[1], g.shape_[2]
    for i in range(4):
        n[i] = x.shape_[i]
    n[4], n[5], n[6], n[7] = shape[2] * shape[3], MODES.index(mode), PADDINGS.index(padding_mode), bool(align_corners)
    y = new(x.dtype_, 4, shape)
    images, places = contiguous(x), contiguous(g)
    start(&c, FNN_grid_sample_forward, x.dtype_)
    buffer(&c, y)
    buffer(&c, images)
    buffer(&c, places)
    put_sizes(&c, n)
    run(&c, 1, 10.0 * y.size_, 0)
    if tracked(x) or tracked(g):
        node = record2("grid_sample", y, x, g, sample_rule, sample_graph)
        node.extra = kept((x, g))
        for i in range(8):
            node.n[i] = n[i]
    return y
