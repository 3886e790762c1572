"""The operations, one file per family; `methods` makes them methods of Tensor.

Each family names its public functions in ``__all__``; all of them are also ``fastnn.<name>``.
"""

from fastnn.ops import methods as methods

__all__ = []
