"""Metrics: numbers that say how good predictions are. Arguments are (target, prediction).

Functions take all rows at once; the classes of the same names take them batch by batch.
"""

from fastnn.metrics.classification import (
    accuracy,
    confusion_matrix,
    f1,
    format_confusion_matrix,
    precision,
    recall,
)
from fastnn.metrics.ranking import perplexity, roc_auc, top_k_accuracy
from fastnn.metrics.regression import mae, r2, rmse
from fastnn.metrics.streaming import (
    F1,
    MAE,
    R2,
    RMSE,
    ROCAUC,
    Accuracy,
    ConfusionMatrix,
    Perplexity,
    Precision,
    Recall,
    Stream,
    TopKAccuracy,
)

__all__ = [
    "F1",
    "MAE",
    "R2",
    "RMSE",
    "ROCAUC",
    "Accuracy",
    "ConfusionMatrix",
    "Perplexity",
    "Precision",
    "Recall",
    "Stream",
    "TopKAccuracy",
    "accuracy",
    "confusion_matrix",
    "f1",
    "format_confusion_matrix",
    "mae",
    "perplexity",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k_accuracy",
]
