"""Rows of fastnn.ops.warp."""

import numpy as np

from .row import Bad, Row, Sample, drawn, normal, uniform


def grid_of(theta, size, align_corners=False):
    _, _, H, W = size
    grid = np.empty((len(theta), H, W, 2))
    for i in range(H):
        for k in range(W):
            place = [
                (2 * at / (n - 1) - 1 if n > 1 else 0) if align_corners else (2 * at + 1) / n - 1
                for at, n in ((k, W), (i, H))
            ]
            grid[:, i, k] = theta @ np.array([*place, 1.0])
    return grid


def kept(at, size, padding, align):
    """A place beyond the border, brought back."""
    low, high = (0, size - 1) if align else (-0.5, size - 0.5)
    if padding == "reflection":
        if high == low:
            return 0.0
        while not low <= at <= high:
            at = 2 * low - at if at < low else 2 * high - at
    return at if padding == "zeros" else min(max(at, 0), size - 1)


def weights(at, mode):
    """(whole place, weight) of the pixels around `at`."""
    if mode == "nearest":
        return [(int(np.rint(at)), 1.0)]
    first = int(np.floor(at))
    if mode == "bilinear":
        return [(first, 1 - (at - first)), (first + 1, at - first)]
    a, found = -0.75, []
    for place in range(first - 1, first + 3):
        s = abs(at - place)
        near = (a + 2) * s**3 - (a + 3) * s**2 + 1
        far = a * s**3 - 5 * a * s**2 + 8 * a * s - 4 * a
        found.append((place, near if s <= 1 else far))
    return found


def sampled(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    N, C, H, W = x.shape
    y = np.zeros((N, C, *grid.shape[1:3]))
    for n, i, k in np.ndindex(N, *grid.shape[1:3]):
        ways = []
        for g, size in zip(grid[n, i, k], (W, H)):
            at = (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
            if mode != "bicubic":
                at = kept(at, size, padding_mode, align_corners)
            pairs = weights(at, mode)
            if mode == "bicubic":
                pairs = [(kept(p, size, padding_mode, align_corners), w) for p, w in pairs]
            ways.append(pairs)
        for column, u in ways[0]:
            for row, v in ways[1]:
                if 0 <= row < H and 0 <= column < W:
                    y[n, :, i, k] += x[n, :, int(row), int(column)] * u * v
    return y


def places(*shape):
    """Beyond the border, too."""
    return uniform(*shape, low=-1.6, high=1.6)


SAMPLES = [
    Sample(normal(2, 3, 4, 5), places(2, 3, 2, 2), mode=mode, padding_mode=padding, align_corners=align)
    for mode in ("bilinear", "nearest", "bicubic")
    for padding in ("zeros", "border", "reflection")
    for align in (False, True)
] + [
    Sample(normal(1, 2, 1, 1), places(1, 2, 2, 2), padding_mode="reflection", align_corners=True),
    Sample(normal(0, 2, 3, 3), places(0, 2, 2, 2)),
    Sample(normal(2, 2, 3, 3), places(2, 0, 2, 2)),
    Sample(normal(1, 2, 3, 3), drawn(lambda rng: np.full((1, 2, 2, 2), 0.25) * [1, -1], grad=False)),
]  # fmt: skip
ROWS = [
    Row(
        "affine_grid",
        grid_of,
        [
            Sample(normal(2, 2, 3), (2, 1, 3, 4), align_corners=False),
            Sample(normal(1, 2, 3), (1, 2, 1, 5), align_corners=True),
        ],
        errors=[
            Bad(ValueError, "theta must be", normal(2, 3), (1, 1, 2, 2)),
            Bad(ValueError, "size must be", normal(2, 2, 3), (1, 1, 2, 2)),
        ],
    ),
    Row(
        "grid_sample",
        sampled,
        SAMPLES,
        errors=[
            Bad(ValueError, "have shapes", normal(2, 3, 4), places(2, 2, 2, 2)),
            Bad(ValueError, "have shapes", normal(2, 3, 4, 4), places(1, 2, 2, 2)),
            Bad(ValueError, "no pixels", normal(2, 3, 0, 4), places(2, 2, 2, 2)),
            Bad(ValueError, "mode must be", normal(1, 3, 4, 4), places(1, 2, 2, 2), mode="cubic"),
            Bad(ValueError, "padding_mode must be", normal(1, 3, 4, 4), places(1, 2, 2, 2), padding_mode="x"),
        ],
        rtol64=1e-10,
    ),
]  # fmt: skip
