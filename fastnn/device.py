"""Where tensors are: on the CPU, always; for scripts that ask."""


class device(str):
    """The CPU: a string equal to ``"cpu"`` with PyTorch's attributes; ``torch.device``.

    Parameters
    ----------
    type : str
        "cpu" or "cpu:0". Default "cpu".

    Attributes
    ----------
    type : str
        "cpu".
    index : None

    Raises
    ------
    ValueError
        For any other device.

    Examples
    --------
    >>> import fastnn
    >>> device = fastnn.device("cuda" if fastnn.cuda.is_available() else "cpu")
    >>> fastnn.zeros(2, device=device).to(device)
    tensor([0., 0.])
    """

    type, index = "cpu", None

    def __new__(cls, type="cpu"):
        if type not in ("cpu", "cpu:0"):
            raise ValueError(f"device must be 'cpu', got {type!r}; fastnn computes on the CPU")
        return super().__new__(cls, "cpu")

    def __repr__(self):
        return "device(type='cpu')"
