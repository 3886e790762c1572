"""Softmax layers: a distribution over the classes from scores."""

from fastnn.nn.module import Module
from fastnn.ops.probability import log_softmax, softmax, softmin


class _Along(Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_Along):
    """exp(x_i) / sum_j exp(x_j) along `dim`: ``torch.nn.Softmax``. Not before CrossEntropyLoss.

    Parameters
    ----------
    dim : int
        Along which dimension.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softmax(0)(fastnn.tensor([5.0, 2.0, -1.0, 3.0]))
    tensor([0.842 , 0.0419, 0.0021, 0.114 ])
    """

    def forward(self, x):
        """Numbers from 0 to 1 that sum to 1 along `dim`."""
        return softmax(x, self.dim)


class LogSoftmax(_Along):
    """log(softmax(x)) along `dim`: ``torch.nn.LogSoftmax``.

    Parameters
    ----------
    dim : int
        Along which dimension.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.LogSoftmax(0)(fastnn.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, x):
        """Log-probabilities."""
        return log_softmax(x, self.dim)


class Softmin(_Along):
    """softmax(-x) along `dim`: ``torch.nn.Softmin``.

    Parameters
    ----------
    dim : int
        Along which dimension.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.nn.Softmin(0)(fastnn.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """

    def forward(self, x):
        """Numbers from 0 to 1 that sum to 1 along `dim`."""
        return softmin(x, self.dim)
