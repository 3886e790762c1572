"""What scripts ask of GPUs, answered as PyTorch does on a machine that has none: ``torch.cuda``."""

__all__ = ["device_count", "is_available", "manual_seed", "manual_seed_all"]


def is_available():
    """False: fastnn computes on the CPU.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cuda.is_available()
    False
    """
    return False


def device_count():
    """0: fastnn uses no GPU.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.cuda.device_count()
    0
    """
    return 0


def manual_seed(seed):
    """There is no GPU to seed; `fastnn.manual_seed` seeds everything."""


def manual_seed_all(seed):
    """There is no GPU to seed; `fastnn.manual_seed` seeds everything."""
