"""Metrics of an epoch, by name or function, over all its rows at once."""

import difflib

import numpy as np

import fastnn
from fastnn import metrics
from fastnn.metrics.ranking import cross_entropies
from fastnn.ops.argument import _several as several

# what a metric looks at: predicted classes, scores per class, cross-entropies, or numbers
_NAMED = {
    "accuracy": ("classes", metrics.accuracy),
    "precision": ("classes", metrics.precision),
    "recall": ("classes", metrics.recall),
    "f1": ("classes", metrics.f1),
    "top_k_accuracy": ("scores", metrics.top_k_accuracy),
    "roc_auc": ("scores", metrics.roc_auc),
    "perplexity": ("losses", metrics.perplexity),
    "mae": ("values", metrics.mae),
    "rmse": ("values", metrics.rmse),
    "r2": ("values", metrics.r2),
}
_CHUNK = 4096  # rows that wait before they shrink to what the metrics look at
_IGNORED = -100  # the target that no loss counts, PyTorch's default


def named_metrics(given):
    """Name to (kind, function) of what the Trainer's `metrics` argument holds."""
    if isinstance(given, str) or callable(given):
        given = [given]
    pairs = (
        given.items()
        if isinstance(given, dict)
        else ((_name(m), m) for m in several(given, "Trainer: metrics"))
    )
    chosen = {}
    for name, metric in pairs:
        if isinstance(metric, str):
            if metric not in _NAMED:
                near = difflib.get_close_matches(metric, _NAMED, 1, 0.5)
                raise ValueError(
                    f"Trainer: no metric {metric!r}"
                    + (f"; did you mean {near[0]!r}?" if near else "")
                    + f" There are {list(_NAMED)}, and functions of (target, output)"
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

    Outputs shrink, as they come, to what the metrics look at: where that is classes alone, an epoch
    keeps one integer per row.

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
        self._chosen, self._threshold, self._copies = chosen, threshold, copies
        self._kinds = sorted({kind for kind, _ in chosen.values()})
        self.clear()

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
        if self._copies:
            output, target = np.array(output.numpy()), np.array(target.numpy())
        self._outputs.append(output)
        self._targets.append(target)
        if len(self._outputs) * len(target) >= _CHUNK:
            self._shrink()

    def compute(self):
        """Name to number."""
        if not self._chosen:
            return {}
        state, results = self.state_dict(), {}
        for name, (kind, function) in self._chosen.items():
            target, prediction = state[kind]
            if kind == "losses":
                results[name] = float(np.exp(prediction.mean()))
            else:
                results[name] = float(function(target, prediction))
        return results

    def clear(self):
        """Forget all rows."""
        self._outputs, self._targets = [], []  # of batches that wait
        self._kept = {kind: [] for kind in self._kinds}  # pairs (target, what the metrics look at)

    def state_dict(self):
        """The rows gathered so far: kind to two arrays."""
        self._shrink()
        return {
            kind: [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
            for kind, pairs in self._kept.items()
            if pairs
        }

    def load_state_dict(self, state):
        """Put back what `state_dict` gave."""
        self.clear()
        self._kept |= {kind: [tuple(pair)] for kind, pair in state.items()}

    def _shrink(self):
        """The batches that wait become one array per kind of metric."""
        if self._outputs:
            output = np.concatenate([np.asarray(y) for y in self._outputs])
            target = np.concatenate([np.asarray(t) for t in self._targets])
            self._outputs, self._targets = [], []
            for kind in self._kinds:
                self._kept[kind].append(self._looked_at(kind, output, target))

    def _looked_at(self, kind, output, target):
        """Target and prediction as metrics of this kind take them."""
        if kind in ("classes", "losses"):
            output, target = _by_place(output, target)
        if kind == "classes":
            labels, classes = _labels(target), self._classes(output)
            counts = labels != _IGNORED
            return (labels, classes) if counts.all() else (labels[counts], classes[counts])
        if kind == "losses":
            losses = cross_entropies(target, output, _IGNORED, "perplexity")
            return losses, losses
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

    def _classes(self, output):
        if output.dtype.kind != "f":
            return output
        if output.ndim == 2 and output.shape[1] > 1:
            return output.argmax(1)
        return (output.reshape(len(output)) > self._threshold).astype(np.int64)


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


def _by_place(output, target):
    """Logits (M, C) and classes (M) where every place of a row has its class, as in a text or an
    image: outputs (N, ..., C), or (N, C, ...) as CrossEntropyLoss takes them."""
    if target.dtype.kind in "iu" and target.ndim > 1:
        if output.ndim == target.ndim + 1:
            if output.shape[:-1] != target.shape:
                output = np.moveaxis(output, 1, -1)
            output = output.reshape(-1, output.shape[-1])
        if output.ndim == 2 and target.size == len(output):
            target = target.reshape(-1)
    return output, target


def _labels(target):
    """Targets of a classification as a vector of integers."""
    if target.ndim == 2 and target.shape[1] > 1:
        return target.argmax(1)  # class probabilities
    target = target.reshape(len(target))
    return target.astype(np.int64) if target.dtype.kind == "f" else target


def _name(metric):
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
