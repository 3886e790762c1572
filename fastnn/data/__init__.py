"""Datasets, loaders, splits and preprocessing: what happens to rows before a model sees them."""

from fastnn.data.arrays import MappedDataset, read_npy, read_npz
from fastnn.data.augment import Augment, Crop, Flip, Mixup, Noise, Shift
from fastnn.data.columns import Columns, Pipeline
from fastnn.data.csvfile import read_csv, write_csv
from fastnn.data.dataset import Dataset, Subset, TensorDataset, collate, random_split
from fastnn.data.digits import load_digits
from fastnn.data.fill import Imputer, OneHot
from fastnn.data.idx import read_idx
from fastnn.data.loader import DataLoader
from fastnn.data.mnist import load_mnist
from fastnn.data.packing import pack_transform, unpack_transform
from fastnn.data.pca import PCA
from fastnn.data.preprocess import MinMax, Standardizer, Transform
from fastnn.data.sampler import Sampler, StratifiedSampler, WeightedRandomSampler
from fastnn.data.split import kfold, stratified_kfold, train_test_split
from fastnn.data.table import Table

__all__ = [
    "PCA",
    "Augment",
    "Columns",
    "Crop",
    "DataLoader",
    "Dataset",
    "Flip",
    "Imputer",
    "MappedDataset",
    "MinMax",
    "Mixup",
    "Noise",
    "OneHot",
    "Pipeline",
    "Sampler",
    "Shift",
    "Standardizer",
    "StratifiedSampler",
    "Subset",
    "Table",
    "TensorDataset",
    "Transform",
    "WeightedRandomSampler",
    "collate",
    "kfold",
    "load_digits",
    "load_mnist",
    "pack_transform",
    "random_split",
    "read_csv",
    "read_idx",
    "read_npy",
    "read_npz",
    "stratified_kfold",
    "train_test_split",
    "unpack_transform",
    "write_csv",
]
