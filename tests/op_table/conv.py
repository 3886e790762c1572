"""Rows of fastnn.ops.conv."""

import numpy as np

from .row import Bad, Row, Sample, integers, normal


def correlate(x, w, stride, pad, dilation, groups):
    """y[n,o,i,j] by its definition, tap by tap."""
    x = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    (kh, kw), (sh, sw), (dh, dw) = w.shape[2:], stride, dilation
    oh = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1
    ow = (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    y = np.zeros((x.shape[0], w.shape[0], oh, ow))
    c, o = w.shape[1], w.shape[0] // groups
    for g in range(groups):
        for k in range(kh):
            for m in range(kw):
                rows = slice(k * dh, k * dh + sh * (oh - 1) + 1, sh)
                cols = slice(m * dw, m * dw + sw * (ow - 1) + 1, sw)
                part = x[:, g * c : (g + 1) * c, rows, cols]
                y[:, g * o : (g + 1) * o] += np.einsum(
                    "ncij,oc->noij", part, w[g * o : (g + 1) * o, :, k, m]
                )
    return y


def spread(x, w, stride, pad, extra, groups, dilation):
    """The transpose of `correlate`."""
    (kh, kw), (sh, sw), (dh, dw) = w.shape[2:], stride, dilation
    h = (x.shape[2] - 1) * sh + dh * (kh - 1) + extra[0] + 1
    v = (x.shape[3] - 1) * sw + dw * (kw - 1) + extra[1] + 1
    y = np.zeros((x.shape[0], w.shape[1] * groups, h, v))
    c, o = w.shape[0] // groups, w.shape[1]
    for g in range(groups):
        for k in range(kh):
            for m in range(kw):
                rows = slice(k * dh, k * dh + sh * (x.shape[2] - 1) + 1, sh)
                cols = slice(m * dw, m * dw + sw * (x.shape[3] - 1) + 1, sw)
                y[:, g * o : (g + 1) * o, rows, cols] += np.einsum(
                    "ncij,co->noij",
                    x[:, g * c : (g + 1) * c],
                    w[g * c : (g + 1) * c, :, k, m],
                )
    return y[:, :, pad[0] : h - pad[0], pad[1] : v - pad[1]]


def two(value, dims, first):
    values = list(value) if isinstance(value, (list, tuple)) else [value] * dims
    return values if dims == 2 else [first, *values]


def reference(dims):
    def conv(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
        batched = x.ndim == dims + 2
        x = x if batched else x[None]
        if dims == 1:
            x, w = x[:, :, None], w[:, :, None]
        if padding == "same":
            total = [d * (k - 1) for d, k in zip(two(dilation, dims, 1), w.shape[2:], strict=True)]
            x = np.pad(x, ((0, 0), (0, 0), *[(t // 2, t - t // 2) for t in total]))
            padding = 0
        padding = 0 if padding == "valid" else padding
        y = correlate(
            x, w, two(stride, dims, 1), two(padding, dims, 0), two(dilation, dims, 1), groups
        )
        y = y if bias is None else y + bias[:, None, None]
        y = y[:, :, 0] if dims == 1 else y
        return y if batched else y[0]

    return conv


def reference_transposed(dims):
    def conv(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        batched = x.ndim == dims + 2
        x = x if batched else x[None]
        if dims == 1:
            x, w = x[:, :, None], w[:, :, None]
        y = spread(
            x, w, two(stride, dims, 1), two(padding, dims, 0), two(output_padding, dims, 0),
            groups, two(dilation, dims, 1),
        )  # fmt: skip
        y = y if bias is None else y + bias[:, None, None]
        y = y[:, :, 0] if dims == 1 else y
        return y if batched else y[0]

    return conv


SHAPES_2D = [
    Sample(normal(2, 1, 7, 6), normal(3, 1, 3, 3), normal(3)),
    Sample(normal(2, 3, 6, 7), normal(4, 3, 3, 2), normal(4), stride=2, padding=1),
    Sample(normal(1, 4, 7, 7), normal(6, 2, 3, 3), None, 1, 2, 2, 2),
    Sample(normal(2, 4, 5, 6), normal(4, 1, 3, 3), normal(4), padding=1, groups=4),
    Sample(normal(2, 2, 5, 6), normal(6, 1, 3, 2), None, 2, groups=2),
    Sample(normal(2, 3, 4, 4), normal(5, 3, 1, 1), normal(5)),
    Sample(normal(3, 5, 6), normal(2, 3, 2, 4), normal(2), padding=(0, 2), stride=(2, 1)),
    Sample(normal(1, 2, 5, 6), normal(3, 2, 4, 3), padding="same"),
    Sample(normal(1, 1, 1, 1), normal(1, 1, 1, 1)),
    Sample(normal(0, 2, 5, 5), normal(3, 2, 3, 3), normal(3)),
    Sample(normal(1, 2, 19, 18), normal(2, 2, 17, 16), padding=3),
    Sample(normal(4, 33, 9, 9), normal(17, 33, 3, 3), normal(17), padding=1),
    Sample(normal(8, 3, 28, 28), normal(16, 3, 5, 5), normal(16)),
    Sample(normal(4, 16, 15, 17), normal(16, 16, 1, 1), normal(16), stride=2),
    # channels as vectors: their rows are no whole ones, the filter's are deep
    Sample(normal(2, 8, 11, 7), normal(13, 8, 3, 3), normal(13), padding=1),
    Sample(normal(1, 12, 12, 53), normal(16, 6, 3, 3), None, (2, 1), (3, 0), (2, 1), 2),
    # some channels of many rows want a larger frame than all channels of a few
    Sample(normal(1, 8, 83, 76), normal(8, 8, 9, 5), None, (3, 1)),
]
ERRORS_2D = [
    Bad(
        ValueError, "input has 3 channels, weight expects 2", normal(1, 3, 5, 5), normal(4, 2, 3, 3)
    ),
    Bad(ValueError, "must have 3 or 4 dimensions", normal(5, 5), normal(4, 2, 3, 3)),
    Bad(ValueError, "weight must have 4 dimensions", normal(1, 2, 5, 5), normal(4, 2, 3)),
    Bad(ValueError, "larger than the padded input", normal(1, 2, 2, 5), normal(4, 2, 3, 3)),
    Bad(
        ValueError,
        r"bias must have shape \(4,\)",
        normal(1, 2, 5, 5),
        normal(4, 2, 3, 3),
        normal(3),
    ),
    Bad(ValueError, "stride must be", normal(1, 2, 5, 5), normal(4, 2, 3, 3), stride=0),
    Bad(ValueError, "dilation must be", normal(1, 2, 5, 5), normal(4, 2, 3, 3), dilation=2**40),
    Bad(TypeError, "padding must be", normal(1, 2, 5, 5), normal(4, 2, 3, 3), padding=1.5),
    Bad(ValueError, "cut into 3 groups", normal(1, 2, 5, 5), normal(4, 2, 3, 3), groups=3),
    Bad(ValueError, "needs stride 1", normal(1, 2, 5, 5), normal(4, 2, 3, 3), None, 2, "same"),
    Bad(TypeError, "expected float32 or float64", integers(1, 2, 5, 5), normal(4, 2, 3, 3)),
]
TRANSPOSED_2D = [
    Sample(normal(2, 1, 4, 5), normal(1, 3, 3, 3), normal(3)),
    Sample(normal(2, 4, 4, 3), normal(4, 3, 3, 2), normal(3), 2, 1, 1),
    Sample(normal(1, 4, 5, 5), normal(4, 3, 3, 3), None, 2, 2, 1, 2, 2),
    Sample(normal(4, 3, 4), normal(4, 1, 2, 2), normal(4), stride=2, groups=4),
    Sample(normal(2, 3, 4, 4), normal(3, 5, 1, 1), stride=(2, 3)),
    Sample(normal(4, 20, 8, 8), normal(20, 9, 4, 4), normal(9), 2, 1),
]

ROWS = [
    Row("conv2d", reference(2), SHAPES_2D, ERRORS_2D, rtol=2e-4, rtol64=1e-10, torch_rtol=3e-4),
    Row(
        "conv1d",
        reference(1),
        [
            Sample(normal(2, 3, 9), normal(4, 3, 3), normal(4)),
            Sample(normal(3, 9), normal(4, 3, 2), stride=2, padding=1, dilation=2),
            Sample(normal(2, 4, 8), normal(4, 1, 3), padding="same", groups=4),
            Sample(normal(4, 16, 300), normal(32, 16, 5), normal(32), padding=2),
        ],
        [Bad(ValueError, "input has 2 channels", normal(1, 2, 5), normal(4, 3, 3))],
        rtol=2e-4,
        rtol64=1e-10,
        torch_rtol=3e-4,
    ),
    Row(
        "conv_transpose2d",
        reference_transposed(2),
        TRANSPOSED_2D,
        [
            Bad(
                ValueError, "output_padding", normal(1, 2, 3, 3), normal(2, 3, 3, 3), None, 1, 0, 1
            ),
            Bad(ValueError, "input has 3 channels", normal(1, 3, 3, 3), normal(2, 3, 3, 3)),
        ],
        rtol=2e-4,
        rtol64=1e-10,
        torch_rtol=3e-4,
    ),
    Row(
        "conv_transpose1d",
        reference_transposed(1),
        [
            Sample(normal(2, 4, 5), normal(4, 3, 3), normal(3), 2, 1, 1),
            Sample(normal(4, 5), normal(4, 3, 3), dilation=2),
        ],
        rtol=2e-4,
        rtol64=1e-10,
        torch_rtol=3e-4,
    ),
]
