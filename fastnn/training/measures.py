"""Metrics of an epoch, by name or function, over all its rows at once."""

import numpy as np

import fastnn
from fastnn import metrics

# what a metric looks at: predicted classes, scores per class, or numbers
_NAMED = {
    "accuracy": ("classes", metrics.accuracy),
    "precision": ("classes", metrics.precision),
    "recall": ("classes", metrics.recall),
    "f1": ("classes", metrics.f1),
    "top_k_accuracy": ("scores", metrics.top_k_accuracy),
    "roc_auc": ("scores", metrics.roc_auc),
    "mae": ("values", metrics.mae),
    "rmse": ("values", metrics.rmse),
    "r2": ("values", metrics.r2),
}
_CHUNK = 4096  # rows of scores that wait before they shrink to classes


def named_metrics(given):
    """Name to (kind, function) of what the Trainer's `metrics` argument holds."""
    if isinstance(given, str) or callable(given):
        given = [given]
    pairs = given.items() if isinstance(given, dict) else ((_name(m), m) for m in given)
    chosen = {}
    for name, metric in pairs:
        if isinstance(metric, str):
            if metric not in _NAMED:
                raise ValueError(
                    f"Trainer: no metric {metric!r}; there are {list(_NAMED)}, "
                    "or give a function of (target, output)"
                )
            metric = _NAMED[metric]
        elif callable(metric):
            metric = next((m for m in _NAMED.values() if m[1] is metric), ("output", metric))
        else:
            raise TypeError(f"Trainer: a metric is a name or a function, got {metric!r}")
        chosen[name] = metric
    return chosen


class Measures:
    """Gathers outputs and targets of an epoch and computes the metrics at its end.

    Where all metrics look at classes alone, scores are reduced to classes as they come, so that an
    epoch keeps one integer per row.

    Parameters
    ----------
    chosen : dict
        As `named_metrics` gives it.
    threshold : float
        With one output per row, above which it means class 1: 0 for logits, 0.5 for probabilities.
    copies : bool
        Whether batches may lie in memory that is used again, so that their values must be copied.
    """

    def __init__(self, chosen, threshold, copies=True):
        self._chosen, self._copies = chosen, copies
        self._threshold = threshold
        self._only_classes = all(kind == "classes" for kind, _ in chosen.values())
        self._outputs, self._targets, self._waiting = [], [], 0

    def __bool__(self):
        """Whether there is anything to measure."""
        return bool(self._chosen)

    def update(self, output, target):
        """Add a batch."""
        if not self._chosen:
            return
        if not isinstance(output, fastnn.Tensor):
            raise TypeError(
                f"Trainer: metrics need a model with one output, a Tensor; got {type(output).__name__}"
            )
        output = output.detach()
        self._outputs.append(np.array(output.numpy()) if self._copies else output)
        self._targets.append(np.array(target.numpy()) if self._copies else target)
        self._waiting += 1
        if self._waiting * len(target) >= _CHUNK:
            self._shrink()

    def compute(self):
        """Name to number."""
        if not self._chosen:
            return {}
        self._shrink()
        output, target = np.concatenate(self._outputs), np.concatenate(self._targets)
        results = {}
        for name, (kind, function) in self._chosen.items():
            results[name] = float(function(*self._arguments(kind, output, target)))
        return results

    def clear(self):
        """Forget all rows."""
        self._outputs, self._targets, self._waiting = [], [], 0

    def state_dict(self):
        """The rows gathered so far, in two arrays."""
        if not self._outputs:
            return {}
        self._shrink()
        return {"outputs": np.concatenate(self._outputs), "targets": np.concatenate(self._targets)}

    def load_state_dict(self, state):
        """Put back what `state_dict` gave."""
        self.clear()
        if state:
            self._outputs, self._targets = [state["outputs"]], [state["targets"]]

    def _shrink(self):
        """What came since the last time becomes one array, of classes where they are enough."""
        if self._waiting:
            fresh = np.concatenate([np.asarray(y) for y in self._outputs[-self._waiting :]])
            targets = np.concatenate([np.asarray(t) for t in self._targets[-self._waiting :]])
            self._outputs[-self._waiting :] = [
                self._classes(fresh) if self._only_classes else fresh
            ]
            self._targets[-self._waiting :] = [targets]
            self._waiting = 0

    def _classes(self, output):
        if output.dtype.kind != "f":
            return output
        if output.ndim == 2 and output.shape[1] > 1:
            return output.argmax(1)
        return (output.reshape(len(output)) > self._threshold).astype(np.int64)

    def _arguments(self, kind, output, target):
        if kind == "classes":
            return _labels(target), self._classes(output)
        if kind == "scores":
            if output.ndim == 2 and output.shape[1] == 1:
                output = output[:, 0]
            elif output.ndim == 2 and output.shape[1] == 2:
                output = output[:, 1] - output[:, 0]
            elif output.ndim == 2:  # one class against the rest compares rows: normalize them
                output = np.exp(output - output.max(1, keepdims=True))
                output /= output.sum(1, keepdims=True)
            return _labels(target), output
        return target, output


class EpochSums:
    """What an epoch's record is made of, batch by batch: the loss's sum, rows, time, measures;
    the learning rate that it began with."""

    def __init__(self, measures):
        self.measures = measures
        self.clear()

    def clear(self):
        """Before the first batch."""
        self.total = self.first = self.last = self.lr = self.seconds = 0.0
        self.rows = 0
        self.measures.clear()

    def add(self, value, output, target):
        """The loss of a batch, and what its metrics look at."""
        rows = len(target)
        if self.rows == 0:
            self.first = value
        self.last = value
        self.total += value * rows
        self.rows += rows
        if self.measures:
            self.measures.update(output, target)

    def compute(self):
        """The epoch's numbers."""
        return {"loss": self.total / self.rows, **self.measures.compute()}

    def state_dict(self):
        """All sums, for a checkpoint within the epoch."""
        names = ("total", "first", "last", "lr", "seconds", "rows")
        return {n: getattr(self, n) for n in names} | {"measures": self.measures.state_dict()}

    def load_state_dict(self, state):
        """Put back what `state_dict` gave."""
        self.measures.load_state_dict(state["measures"])
        self.__dict__.update({n: v for n, v in state.items() if n != "measures"})


def _labels(target):
    """Targets of a classification as a vector of integers."""
    if target.ndim == 2 and target.shape[1] > 1:
        return target.argmax(1)  # class probabilities
    target = target.reshape(len(target))
    return target.astype(np.int64) if target.dtype.kind == "f" else target


def _name(metric):
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
