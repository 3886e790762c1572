"""Line search for a step that meets the strong Wolfe conditions."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

DECREASE, CURVATURE = 1e-4, 0.9  # Nocedal and Wright, section 3.1
LEAST_WIDTH = 1e-9


class Point(NamedTuple):
    """A step length, and the loss, its gradient and its slope along the direction there."""

    t: float
    loss: float
    gradient: Any
    slope: float


def minimum_between(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through both losses and slopes is least, cut to [low, high]."""
    if a.t > b.t:
        a, b = b, a
    first = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = first * first - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    width = b.slope - a.slope + 2 * root
    if width == 0:
        return (low + high) / 2
    t = b.t - (b.t - a.t) * ((b.slope + root - first) / width)
    return min(max(t, low), high)


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, size: float, max_evals: int
) -> tuple[Point, int]:
    """Search along a direction, from `start` (at t = 0), first at `t`.

    Parameters
    ----------
    evaluate : callable
        Gives the Point at a step length.
    start : Point
        Where the search begins.
    t : float
        The first length to try.
    size : float
        Largest element of the direction: tells when a bracket is too small to matter.
    max_evals : int
        Most refinements.

    Returns
    -------
    tuple
        The best Point, and how many times the loss was evaluated.

    Notes
    -----
    Nocedal and Wright (2006), algorithms 3.5 and 3.6, with cubic interpolation and the safeguards of
    ``torch.optim.LBFGS``, whose steps it takes.
    """
    last, here, evals, rounds = start, evaluate(t), 1, 0
    while rounds < max_evals:  # make steps longer until they enclose a minimum
        if too_high(here, start) or (rounds > 1 and here.loss >= last.loss):
            break
        if abs(here.slope) <= -CURVATURE * start.slope:
            return here, evals
        if here.slope >= 0:
            break
        longer = minimum_between(last, here, here.t + 0.01 * (here.t - last.t), 10 * here.t)
        last, here = here, evaluate(longer)
        evals, rounds = evals + 1, rounds + 1
    else:
        last = start
    low, high = (last, here) if last.loss <= here.loss else (here, last)
    stuck = False
    while rounds < max_evals and abs(high.t - low.t) * size >= LEAST_WIDTH:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = minimum_between(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # twice close to an end: go away from it
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        here = evaluate(t)
        evals, rounds = evals + 1, rounds + 1
        if too_high(here, start) or here.loss >= low.loss:
            low, high = (low, here) if low.loss <= here.loss else (here, low)
            continue
        if abs(here.slope) <= -CURVATURE * start.slope:
            return here, evals
        if here.slope * (high.t - low.t) >= 0:
            high = low
        low = here
    return low, evals


def too_high(here: Point, start: Point) -> bool:
    """Whether the loss has not fallen as far as the first slope lets one expect."""
    return here.loss > start.loss + DECREASE * here.t * start.slope
