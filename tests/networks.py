"""Small modules that several files of tests walk, copy and hook."""

import fastnn
from fastnn import nn


class Scale(nn.Module):
    def __init__(self, n=2):
        super().__init__()
        self.weight = nn.Parameter(fastnn.ones(n))
        self.register_buffer("seen", fastnn.zeros(1))
        self.register_buffer("scratch", fastnn.zeros(1), persistent=False)
        self.register_parameter("bias", None)

    def forward(self, x, factor=1.0):
        return x * self.weight * factor

    def extra_repr(self):
        return f"n={self.weight.shape[0]}"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.rest = nn.Sequential(nn.Identity(), Scale())
        self.tied = self.first

    def forward(self, x):
        return self.rest(self.first(x))
