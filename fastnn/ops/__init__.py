"""The operations, one file per family; `methods` makes them methods of Tensor."""

__all__ = []
