"""Metrics: equal to scikit-learn's on random data, and exact on small cases by hand."""

import numpy as np
import pytest

from fastnn import metrics


def classification(seed, rows=200, classes=5):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, rows)
    prediction = np.where(
        generator.random(rows) < 0.6, target, generator.integers(0, classes, rows)
    )
    scores = generator.random((rows, classes)).round(1)  # with ties
    return target, prediction, scores


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_classification_equals_scikit_learn(seed):
    theirs = pytest.importorskip("sklearn.metrics")
    target, prediction, scores = classification(seed)
    close(metrics.accuracy(target, prediction), theirs.accuracy_score(target, prediction))
    np.testing.assert_array_equal(
        metrics.confusion_matrix(target, prediction), theirs.confusion_matrix(target, prediction)
    )
    for average in ("micro", "macro", "weighted", None):
        options = {"average": average, "zero_division": 0}
        for ours, name in (
            (metrics.precision, "precision_score"),
            (metrics.recall, "recall_score"),
            (metrics.f1, "f1_score"),
        ):
            expected = getattr(theirs, name)(target, prediction, **options)
            close(ours(target, prediction, average), expected)
    for k in (1, 2, 4):
        expected = theirs.top_k_accuracy_score(target, scores, k=k, labels=range(5))
        close(metrics.top_k_accuracy(target, scores, k), expected)
    rows = scores / scores.sum(1, keepdims=True)
    close(metrics.roc_auc(target, rows), theirs.roc_auc_score(target, rows, multi_class="ovr"))
    positive = (target > 2).astype(int)
    close(metrics.roc_auc(positive, scores[:, 0]), theirs.roc_auc_score(positive, scores[:, 0]))


def test_classes_that_never_occur_do_not_count():
    theirs = pytest.importorskip("sklearn.metrics")
    target, prediction = np.array([0, 0, 7, 7, 3]), np.array([0, 7, 7, 7, 9])
    for average in ("micro", "macro", "weighted"):
        expected = theirs.f1_score(target, prediction, average=average, zero_division=0)
        close(metrics.f1(target, prediction, average), expected)


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_regression_equals_scikit_learn(shape):
    theirs = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    target = generator.normal(size=shape)
    prediction = target + generator.normal(size=shape)
    close(metrics.mae(target, prediction), theirs.mean_absolute_error(target, prediction))
    close(metrics.rmse(target, prediction), theirs.root_mean_squared_error(target, prediction))
    close(metrics.r2(target, prediction), theirs.r2_score(target, prediction))
    if len(shape) == 2:
        target[:, 1] = 4.0  # a column that never varies
        close(metrics.r2(target, prediction), theirs.r2_score(target, prediction))


def test_by_hand():
    target = [0, 0, 1, 1, 1, 2]
    prediction = [0, 1, 1, 1, 2, 2]
    assert metrics.accuracy(target, prediction) == 4 / 6
    assert metrics.confusion_matrix(target, prediction).tolist() == [
        [1, 1, 0],
        [0, 2, 1],
        [0, 0, 1],
    ]
    close(metrics.precision(target, prediction, None), [1, 2 / 3, 1 / 2])
    close(metrics.recall(target, prediction, None), [1 / 2, 2 / 3, 1])
    close(metrics.f1(target, prediction, "micro"), 4 / 6)
    assert metrics.r2([1, 1], [1, 1]) == 1
    assert metrics.r2([1, 1], [1, 2]) == 0
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5


def test_scores_count_by_their_largest():
    scores = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert metrics.accuracy([1, 0], scores) == 1
    assert metrics.confusion_matrix([1, 1], scores).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.accuracy([0, 1], [0]), ValueError, r"\(2,\) and \(1,\)"),
        (lambda: metrics.accuracy([], []), (TypeError, ValueError), "accuracy"),
        (lambda: metrics.accuracy(["a"], ["a"]), TypeError, "integer classes"),
        (lambda: metrics.accuracy([0.5], [0]), TypeError, "integer classes"),
        (lambda: metrics.confusion_matrix([0, 3], [0, 1], 3), ValueError, "0 to 2, got 3"),
        (lambda: metrics.confusion_matrix([-1], [0]), ValueError, "got -1"),
        (lambda: metrics.confusion_matrix([10**6], [0]), ValueError, "number the classes from 0"),
        (lambda: metrics.f1([0], [0], "binary"), ValueError, "'macro', 'micro'"),
        (lambda: metrics.top_k_accuracy([0], [[0.1, 0.2]], 3), ValueError, "1 to 2, got 3"),
        (lambda: metrics.top_k_accuracy([2], [[0.1, 0.2]], 1), ValueError, "0 to 1, got 2"),
        (lambda: metrics.roc_auc([1, 1], [0.1, 0.2]), ValueError, "not defined"),
        (lambda: metrics.roc_auc([0, 2], [0.1, 0.2]), ValueError, "0 or 1"),
        (lambda: metrics.mae([1.0], [[1.0]]), ValueError, r"\(1,\), prediction \(1, 1\)"),
        (lambda: metrics.mae([1.0], [np.nan]), ValueError, "finite"),
        (lambda: metrics.r2([1.0], [1.0]), ValueError, "at least 2 rows"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_table_of_the_confusion_matrix():
    lines = metrics.format_confusion_matrix([[5, 0, 0], [1, 3, 0], [0, 0, 0]]).splitlines()
    assert lines[0].split() == ["true", "\\", "predicted", "0", "1", "2", "recall"]
    assert lines[1].split() == ["0", "5", ".", ".", "100.0%"]
    assert lines[2].split() == ["1", "1", "3", ".", "75.0%"]
    assert lines[3].split() == ["2", ".", ".", ".", "-"]
    assert len({len(line) for line in lines}) == 1
    with pytest.raises(ValueError, match="expected 2 names, got 3"):
        metrics.format_confusion_matrix(np.eye(2, dtype=int), "abc")


# --- batch by batch ---


def streams():
    m = metrics
    yield m.Accuracy(), m.accuracy, "classes"
    yield m.Accuracy(), m.accuracy, "scores"
    yield m.ConfusionMatrix(), m.confusion_matrix, "classes"
    yield m.ConfusionMatrix(7), lambda t, p: m.confusion_matrix(t, p, 7), "classes"
    for average in ("macro", "micro", "weighted", None):
        for kind, function in ((m.Precision, m.precision), (m.Recall, m.recall), (m.F1, m.f1)):
            yield kind(average), lambda t, p, f=function, a=average: f(t, p, a), "classes"
    yield m.TopKAccuracy(2), lambda t, s: m.top_k_accuracy(t, s, 2), "scores"
    yield m.ROCAUC(), m.roc_auc, "scores"
    yield m.Perplexity(), m.perplexity, "scores"
    for kind, function in ((m.MAE, m.mae), (m.RMSE, m.rmse), (m.R2, m.r2)):
        yield kind(), function, "numbers"
        yield kind(), function, "columns"


@pytest.mark.parametrize(
    ("stream", "function", "kind"),
    [pytest.param(*s, id=f"{s[0].__class__.__name__}-{i}") for i, s in enumerate(streams())],
)
def test_streams_equal_the_functions_whatever_the_batches(stream, function, kind):
    target, prediction, scores = classification(1, rows=203, classes=5)
    if kind == "scores":
        prediction = scores / scores.sum(1, keepdims=True)
    elif kind != "classes":
        generator = np.random.default_rng(0)
        shape = (203,) if kind == "numbers" else (203, 3)
        target = generator.normal(1e4, 1, shape)  # a difference of sums of squares would cancel
        prediction = target + generator.normal(0, 0.1, shape)
    for size in (203, 50, 1):
        stream.reset()
        for start in range(0, 203, size):
            stream.update(target[start : start + size], prediction[start : start + size])
        expected = function(target, prediction)
        if kind == "classes" and "Confusion" in type(stream).__name__:
            np.testing.assert_array_equal(stream.compute(), expected)
        np.testing.assert_allclose(stream.compute(), expected, rtol=1e-11)
    stream.reset()
    if not isinstance(stream, metrics.ConfusionMatrix) or hasattr(stream, "average"):
        with pytest.raises(ValueError, match="no rows|at least 2 rows"):
            stream.compute()


def test_perplexity():
    theirs = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 5, (3, 40, 6)).astype(np.float32)
    target = generator.integers(0, 6, (3, 40))
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(-1, keepdims=True)
    expected = np.exp(theirs.log_loss(target.ravel(), p.reshape(-1, 6), labels=range(6)))
    close(metrics.perplexity(target, logits), expected)
    close(metrics.perplexity(target, np.zeros((3, 40, 6))), 6)  # at chance
    target[0, 3] = -100
    kept = target.ravel() != -100
    close(
        metrics.perplexity(target, logits, ignore_index=-100),
        metrics.perplexity(target.ravel()[kept], logits.reshape(-1, 6)[kept]),
    )
    with pytest.raises(ValueError, match="classes must be 0 to 5, got -100"):
        metrics.perplexity(target, logits)
    with pytest.raises(ValueError, match=r"expected target \(...\) and logits"):
        metrics.perplexity(target, logits[:2])
    assert metrics.perplexity([0], [[1e4, -1e4]]) == 1.0


def test_streams_refuse():
    with pytest.raises(ValueError, match="average must be"):
        metrics.F1("mean")
    with pytest.raises(ValueError, match="classes must be 0 to 2, got 3"):
        metrics.ConfusionMatrix(3).update([3], [0])
    with pytest.raises(ValueError, match="number the classes from 0"):
        metrics.F1().update([10**6], [0])
    with pytest.raises(ValueError, match="got -1"):
        metrics.Recall().update([-1], [0])
