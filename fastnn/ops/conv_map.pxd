# The maps that convolutions and transposed convolutions are.
from libc.stdint cimport int64_t
from fastnn._engine.engine cimport Tensor


cdef struct Geometry:
    int64_t num, groups, cin, ih, iw, cout, oh, ow, kh, kw      # cin, cout: channels per group
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w


cdef class Spec:
    """What the three maps share: the geometry of the convolution y = conv(x, w)."""
    cdef Geometry g

    cdef double work(self)


cdef Tensor conv(Spec spec, Tensor x, Tensor w, Tensor bias)            # y
cdef Tensor conv_input(Spec spec, Tensor dy, Tensor w, Tensor bias)     # dx: a transposed convolution
