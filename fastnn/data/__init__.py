"""Datasets, loaders, splits and preprocessing: what happens to rows before a model sees them."""

from fastnn.data.augment import Augment, Crop, Flip, Mixup, Noise, Shift
from fastnn.data.dataset import Dataset, Subset, TensorDataset, collate, random_split
from fastnn.data.digits import load_digits
from fastnn.data.idx import read_idx
from fastnn.data.loader import DataLoader
from fastnn.data.mnist import load_mnist
from fastnn.data.preprocess import Standardizer
from fastnn.data.sampler import Sampler, StratifiedSampler, WeightedRandomSampler
from fastnn.data.split import stratified_kfold, train_test_split

__all__ = [
    "Augment",
    "Crop",
    "DataLoader",
    "Dataset",
    "Flip",
    "Mixup",
    "Noise",
    "Sampler",
    "Shift",
    "Standardizer",
    "StratifiedSampler",
    "Subset",
    "TensorDataset",
    "WeightedRandomSampler",
    "collate",
    "load_digits",
    "load_mnist",
    "random_split",
    "read_idx",
    "stratified_kfold",
    "train_test_split",
]
