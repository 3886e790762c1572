"""The benchmarks' tasks in fastnn: eager, and recorded by fastnn.compile."""

import fastnn

from . import by_modules, modules, nets

MODES = ("recorded", "eager")


def version():
    return fastnn.__version__


def setup(threads):
    fastnn.set_num_threads(threads)


def _trainer(net, mode):
    model = by_modules.model_of(fastnn, net)
    adam = fastnn.optim.Adam(model.parameters(), lr=1e-3)
    train = by_modules.trainer(fastnn, model, adam)
    return model, fastnn.compile(train) if mode == "recorded" else train


def step(net, mode):
    x, y = (fastnn.from_numpy(a) for a in nets.data(net))
    if not net.training:
        model = by_modules.model_of(fastnn, net).eval()
        model = fastnn.compile(model) if mode == "recorded" else model

        def infer():
            with fastnn.no_grad():
                return model(x)

        return infer, None
    _, train = _trainer(net, mode)
    return (lambda: train(x, y)), None


def value(result):
    return (result.detach() ** 2).sum().item() if result.ndim else result.item()


def small_op(name, mode):
    return by_modules.small_ops(fastnn, name), None


def module(name, mode):
    step, inputs, comparable = modules.build(fastnn, name)
    step = fastnn.compile(step) if mode == "recorded" else step
    return (lambda: step(*inputs)), comparable


def epoch(folder, mode):
    x, y, x_test, y_test = (fastnn.from_numpy(a) for a in nets.mnist(folder))
    model, train = _trainer(nets.MNIST, mode)
    dataset = fastnn.data.TensorDataset(x, y)
    loader = fastnn.data.DataLoader(dataset, batch_size=nets.MNIST.batch, shuffle=True)

    def run():
        for batch in loader:
            train(*batch)

    def accuracy():
        with fastnn.no_grad():
            return (model(x_test).argmax(1) == y_test).float().mean().item()

    return run, accuracy
