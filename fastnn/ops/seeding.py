"""Seeding of the default generator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fastnn._engine.engine import get_default_generator

if TYPE_CHECKING:
    from fastnn._engine.engine import Generator, Tensor


__all__ = ["get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and start from its first draw again.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.

    Returns
    -------
    Generator
        The default generator.

    Raises
    ------
    TypeError, ValueError
        If the seed is no such integer.

    Notes
    -----
    Has the behaviour of ``torch.manual_seed``; the numbers differ from PyTorch's.

    Examples
    --------
    >>> import fastnn
    >>> generator = fastnn.manual_seed(1)
    >>> a = fastnn.rand(3)
    >>> generator = fastnn.manual_seed(1)
    >>> bool((a == fastnn.rand(3)).all())
    True
    """
    return get_default_generator().manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system's entropy; returns the seed, an int.

    Notes
    -----
    Has the behaviour of ``torch.seed``.
    """
    value = int.from_bytes(os.urandom(8), "little")
    get_default_generator().manual_seed(value)
    return value


def initial_seed() -> int:
    """The seed of the default generator, an int: ``torch.initial_seed``."""
    return get_default_generator().initial_seed()


def get_rng_state() -> Tensor:
    """State of the default generator, (seed, draws so far): ``torch.get_rng_state``."""
    return get_default_generator().get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default generator from `new_state`, which `get_rng_state` returned.

    ``torch.set_rng_state``. ValueError where it is no (seed, draws), two ints from 0 to 2**64 - 1.

    Examples
    --------
    >>> import fastnn
    >>> state = fastnn.get_rng_state()
    >>> a = fastnn.randn(2)
    >>> fastnn.set_rng_state(state)
    >>> bool((a == fastnn.randn(2)).all())
    True
    """
    get_default_generator().set_state(new_state)
