"""What PyTorch and fastnn share: the same code, with another `nn`, runs in both."""

from . import nets


def build(nn, layers):
    """An nn.Sequential of the layers."""

    class Residual(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return x + self.inner(x)

    class Block(nn.Module):
        def __init__(self, inner, shortcut):
            super().__init__()
            self.inner, self.shortcut, self.relu = inner, shortcut, nn.ReLU()

        def forward(self, x):
            return self.relu(self.inner(x) + self.shortcut(x))

    class LSTM(nn.LSTM):
        def __init__(self, inputs, hidden):
            super().__init__(inputs, hidden, batch_first=True)

        def forward(self, x):
            return super().forward(x)[0]

    class Last(nn.Module):
        def forward(self, x):
            return x[:, -1]

    class Position(nn.Module):
        def __init__(self, width, time):
            super().__init__()
            self.table = nn.Embedding(time, width)

        def forward(self, x):
            return x + self.table.weight

    class Causal(nn.TransformerEncoderLayer):
        def __init__(self, width, heads):
            sizes = width, heads, 4 * width, 0.0
            super().__init__(*sizes, activation="gelu", batch_first=True, norm_first=True)
            self.mask = None

        def forward(self, x):
            if self.mask is None:  # both libraries take the hint and never read it
                self.mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            return super().forward(x, self.mask, is_causal=True)

    kinds = {
        "lstm": LSTM,
        "last": Last,
        "embedding": nn.Embedding,
        "position": Position,
        "transformer": Causal,
        "tokens": lambda: nn.Flatten(0, 1),
        "linear": nn.Linear,
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "gelu": nn.GELU,
        "batchnorm": nn.BatchNorm1d,
        "layernorm": nn.LayerNorm,
        "dropout": nn.Dropout,
        "conv": lambda i, o, k, stride, pad, bias: nn.Conv2d(i, o, k, stride, pad, bias=bias),
        "batchnorm2d": nn.BatchNorm2d,
        "maxpool": nn.MaxPool2d,
        "avgpool": lambda: nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten,
        "block": lambda inner, shortcut: Block(build(nn, inner), build(nn, shortcut)),
        "residual": lambda inner: Residual(build(nn, inner)),
    }
    return nn.Sequential(*(kinds[kind](*args) for kind, *args in layers))


def model_of(lib, net):
    """The network with the common initial weights."""
    model = build(lib.nn, net.layers)
    with lib.no_grad():
        for p, w in zip(model.parameters(), nets.weights(net), strict=True):
            p.copy_(lib.from_numpy(w))
    return model


def trainer(lib, model, adam):
    """The training step that everybody writes."""
    loss_fn = lib.nn.CrossEntropyLoss()

    def step(x, y):
        adam.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        adam.step()
        return loss

    return step


def small_ops(lib, name):
    """A small operation, forward and backward; "chain": 100 of them in one graph."""
    x = lib.ones(32, 64)
    x.requires_grad_()
    other = lib.ones(32, 64)
    dy = lib.ones(32, 64)
    relu = lib.relu

    def one_relu():
        x.grad = None
        relu(x).backward(dy)

    def one_add():
        x.grad = None
        (x + other).backward(dy)

    def chain():
        x.grad = None
        y = x
        for _ in range(50):
            y = relu(y) + other
        y.backward(dy)

    def forward():
        with lib.no_grad():
            relu(x)

    return {"relu": one_relu, "add": one_add, "chain": chain, "relu, forward only": forward}[name]
