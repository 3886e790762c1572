# Parameters, and tensors that take over another's memory.

class Parameter(Tensor):
    """A tensor that a Module registers as its own and an optimizer trains: ``torch.nn.Parameter``.

    Parameters
    ----------
    data : Tensor or array_like
        A Tensor's memory is shared; anything else is copied.
    requires_grad : bool
        Default True.

    Raises
    ------
    TypeError
        If the data are no numbers, or require grad and are not float32 or float64.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Parameter(fastnn.zeros(2))
    Parameter(tensor([0., 0.], requires_grad=True))
    """
    __slots__ = ()

    def __new__(cls, data=None, requires_grad=True):
        return Tensor.__new__(cls)

    def __init__(self, data=(), requires_grad=True):
        _adopt(self, data if isinstance(data, Tensor) else from_data(data, -1, True))
        self.requires_grad = requires_grad

    def __repr__(self):
        return f"Parameter({describe(self)})"


def _adopt(Tensor self, Tensor data):
    self.adopt(data)


def _rebuild(cls, array, requires_grad):
    """Unpickling and copying."""
    cdef Tensor t = cls.__new__(cls)
    t.adopt(from_data(array, -1, True))
    t.wants_grad = requires_grad
    return t
