"""The benchmarks' tasks in PyTorch: eager with fused Adam, or under torch.compile."""

import torch

from . import by_modules, modules, nets

MODES = ("eager", "compile")


def version():
    return torch.__version__


def setup(threads):
    torch.set_num_threads(threads)


def _trainer(net, mode):
    model = by_modules.model_of(torch, net)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    train = by_modules.trainer(torch, torch.compile(model) if mode == "compile" else model, adam)
    return model, train


def step(net, mode):
    x, y = (torch.from_numpy(a) for a in nets.data(net))
    if not net.training:
        model = by_modules.model_of(torch, net).eval()
        model = torch.compile(model) if mode == "compile" else model

        def infer():
            with torch.inference_mode():
                return model(x)

        return infer, None
    _, train = _trainer(net, mode)
    return (lambda: train(x, y)), None


def value(result):
    return result.detach().square().sum().item() if result.ndim else result.item()


def small_op(name, mode):
    return by_modules.small_ops(torch, name), None


def module(name, mode):
    step, inputs, comparable = modules.build(torch, name)
    step = torch.compile(step) if mode == "compile" else step
    return (lambda: step(*inputs)), comparable


def epoch(folder, mode):
    x, y, x_test, y_test = (torch.from_numpy(a) for a in nets.mnist(folder))
    model, train = _trainer(nets.MNIST, mode)

    def run():
        # index_select on the whole array: much faster than torch's DataLoader
        for part in torch.randperm(len(x)).split(nets.MNIST.batch):
            train(x[part], y[part])

    def accuracy():
        with torch.inference_mode():
            return (model(x_test).argmax(1) == y_test).float().mean().item()

    return run, accuracy
