"""Bad input of any kind, one argument after the other: an exception that says what was wrong, or a
result; never a crash, a hang or an error from inside."""

import inspect
import itertools
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import data, metrics, nn, optim, training
from fastnn.optim import lr_scheduler
from fastnn.tabular import TableModel, task_of

# an op's error names the op, an argument, or the op that it is made of; these name what was given
SELF_EXPLANATORY = ("broadcast together", "truth of", "truth value", "does not fit", "input:")
# what Python says when nobody looked at an argument
FROM_INSIDE = re.compile(
    r"has no attribute|not supported between|object is not|must be real number|integer is required|"
    r"float\(\) argument|convert string to float|unhashable|too large to convert|unsupported operand|"
    r"0-d array|cannot be interpreted|bad operand type|valid indices|"
    r"can't multiply|ufunc|__array_"
)
VALID = {
    "in_features": 4, "out_features": 3, "in1_features": 4, "in2_features": 4, "num_features": 4,
    "num_embeddings": 5, "embedding_dim": 3, "in_channels": 2, "out_channels": 4, "kernel_size": 2,
    "num_groups": 2, "num_channels": 4, "normalized_shape": 4, "output_size": 2, "norm_type": 2,
    "unflattened_size": (2, 2), "dim": 1, "threshold": 0.5, "value": 0.1, "input_size": 4,
    "hidden_size": 4, "d_model": 4, "nhead": 2, "embed_dim": 4, "num_heads": 2,
}  # fmt: skip

SMALL = {"dim_feedforward": 8, "num_encoder_layers": 1, "num_decoder_layers": 1}


def bad_values():
    return [
        None, True, 0, -1, 3, 2**31, -(2**31), 2**62, -(2**63), 2**63, 2**100, 0.5, 1e300,
        float("nan"), float("inf"), 1j, "text", "", b"x", (), [], {}, set(), [[1.0], [2.0, 3.0]],
        (1, 2), (0,), (-1, -1), [2**62, 2**62], ("a",), object(), abs, int, np.float32,
        np.zeros((0, 3)), np.array(None), np.array("x"), np.zeros(3, complex), np.zeros((1,) * 9),
        slice(None), Ellipsis,
    ]  # fmt: skip


def bad_tensors():
    shapes = [(), (0,), (1,), (3,), (2, 3), (5, 0, 2), (1,) * 8]
    dtypes = [np.float32, np.float64, np.int64, np.int32, bool]
    return [fastnn.as_tensor(np.zeros(s, d)) for s in shapes for d in dtypes]


class Hunt:
    """Calls with one argument after the other replaced, and what came that should not have come."""

    def __init__(self):
        from op_calls import OPS

        self.calls, self.found, self.ops = 0, {}, {*OPS, "as_tensor"}

    def report(self, where, error):
        """The first for each argument."""
        self.found.setdefault(
            re.split(": |=", where)[0], f"{type(error).__name__}: {error!s:.120} [{where}]"
        )

    def call(self, function, where, args, kwargs, names=None):
        """An exception must be of a kind for bad input, and its text about the input."""
        self.calls += 1
        try:
            function(*args, **kwargs)
        except (ValueError, TypeError, IndexError, RuntimeError, OverflowError) as error:
            text = str(error)
            known = names is None or any(name in text for name in (*names, *SELF_EXPLANATORY))
            if FROM_INSIDE.search(text) or not (known or text.split(":")[0] in self.ops):
                self.report(where, error)
        except (MemoryError, OSError, training.CheckpointError):
            pass
        except Exception as error:
            as_told = (": last_epoch=", ": no column ")  # the former as PyTorch
            if not (isinstance(error, KeyError) and any(words in str(error) for words in as_told)):
                self.report(where, error)


def hunt_ops(hunt):
    from op_calls import OPS, typed
    from op_table import ROWS

    values = bad_values() + bad_tensors()
    for row in ROWS:
        small = [s for s in row.samples if sum(a.size for a in s.arrays()) < 3000]
        for sample in small[:1]:
            arrays = typed(sample.arrays(), np.float32)

            op = OPS[row.name]
            parameters = inspect.signature(op).parameters
            names = [row.name, *parameters]
            left = [] if row.call else [p.name for p in parameters.values() if p.kind in (1, 3)]
            places = [*range(len(sample.args)), *{*sample.kwargs, *left[len(sample.args) :]}]
            for place, value in itertools.product(places, values):
                if place == "distance_function" and callable(value):
                    continue  # then the errors are the function's own
                args, kwargs = sample.arguments([fastnn.as_tensor(a.copy()) for a in arrays])
                (args if isinstance(place, int) else kwargs)[place] = value
                where = f"{row.name}, argument {place}: {value!s:.60}"
                hunt.call(row.call or op, where, args, kwargs, names)


def public(room):
    """The classes of a room."""
    for name, value in vars(room).items():
        if inspect.isclass(value) and not name.startswith("_"):
            yield name, value


def hunt_layers(hunt):
    for name, layer in public(nn):
        if not issubclass(layer, nn.Module) or layer is nn.Module:
            continue
        parameters = inspect.signature(layer).parameters
        wanted = [p.name for p in parameters.values() if p.default is p.empty and p.kind < 2]
        if not all(w in VALID for w in wanted):
            continue
        named = [p.name for p in parameters.values() if p.kind in (1, 3)]
        valid = {w: VALID[w] for w in wanted} | {n: SMALL[n] for n in SMALL if n in parameters}
        for key in named:
            for value in bad_values():
                where = f"nn.{name}({key}={value!r:.60})"
                hunt.call(layer, where, (), valid | {key: value})
        made = layer(**valid)
        for value in bad_values() + bad_tensors():
            hunt.call(made, f"nn.{name}(...)({value!s:.60})", (value,), {})


def hunt_settings(hunt, where, function, valid, skip=(), after=None):
    """One keyword after the other; then what was made is used once, by its method `after`."""

    def made_and_used(**settings):
        made = function(**settings)
        if after is not None:
            getattr(made, after)()

    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (1, 3) or key in skip:
            continue
        for value in bad_values():
            if callable(value) and key in ("collate_fn", "transform"):
                continue  # then the errors are the function's own
            hunt.call(made_and_used, f"{where}({key}={value!r:.60})", (), valid() | {key: value})


def hunt_optimizers(hunt):
    def parameters():
        return {"params": [nn.Parameter(fastnn.ones(3))]}

    def used():
        model = nn.Linear(2, 1)
        return optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    for name, kind in public(optim):
        if issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer:
            hunt_settings(hunt, f"optim.{name}", kind, parameters)
    wanted = {
        "step_size": 2, "milestones": [1, 2], "gamma": 0.9, "T_max": 4, "T_0": 2, "total_iters": 4,
        "lr_lambda": lambda epoch: 0.9, "base_lr": 0.01, "max_lr": 0.1, "total_steps": 9,
    }  # fmt: skip
    for name, kind in public(lr_scheduler):
        needed = [
            p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty
        ]
        plateau = issubclass(kind, lr_scheduler.ReduceLROnPlateau)
        if kind is not lr_scheduler.LRScheduler and all(
            n in wanted or n == "optimizer" for n in needed
        ):

            def valid(needed=needed):
                return {n: wanted[n] for n in needed if n in wanted} | {"optimizer": used()}

            hunt_settings(
                hunt, f"lr_scheduler.{name}", kind, valid, after=None if plateau else "step"
            )


def hunt_data(hunt):
    x, y = np.ones((12, 3), np.float32), np.arange(12) % 2

    def first(**settings):
        return list(data.DataLoader(**settings))

    first.__signature__ = inspect.signature(data.DataLoader)
    # (a prefetch of 2**31 batches is a wish, not a mistake)
    hunt_settings(
        hunt, "DataLoader", first, lambda: {"dataset": data.TensorDataset(x, y)}, ["prefetch"]
    )
    hunt_settings(
        hunt, "random_split", data.random_split, lambda: {"dataset": x, "lengths": [6, 6]}
    )
    hunt_settings(hunt, "kfold", data.kfold, lambda: {"rows": 12})
    hunt_settings(hunt, "stratified_kfold", data.stratified_kfold, lambda: {"labels": y})
    given = {"size": 4, "std": 0.1, "pixels": 1, "indices": [1], "dataset": x, "weights": y}
    for name, kind in public(data):
        parameters = inspect.signature(kind).parameters.values()
        needed = [p.name for p in parameters if p.default is p.empty and p.kind < 2]
        if kind is not data.DataLoader and all(n in given for n in needed):
            hunt_settings(hunt, name, kind, lambda needed=needed: {n: given[n] for n in needed})
    for value in bad_values() + bad_tensors():
        where = f"({value!s:.60})"
        hunt.call(data.TensorDataset, "TensorDataset" + where, (x, value), {})
        hunt.call(data.train_test_split, "train_test_split" + where, (x, value), {})
        for name, kind in public(data):
            if issubclass(kind, data.Transform) and kind is not data.Transform:
                wanted = inspect.signature(kind).parameters.values()
                if all(p.default is not p.empty for p in wanted if p.kind < 2):
                    hunt.call(lambda k, v: k().fit(v), f"{name}().fit{where}", (kind, value), {})
    hunt_settings(
        hunt, "train_test_split", lambda test_size=0.25, seed=None, stratify=None:
        data.train_test_split(x, y, test_size=test_size, seed=seed, stratify=stratify), dict
    )  # fmt: skip


def hunt_training(hunt):
    x, y = np.ones((12, 3), np.float32), np.arange(12) % 2

    def made(**settings):
        model = nn.Linear(3, 2)
        valid = {"model": model, "loss": nn.CrossEntropyLoss(), "progress": False}
        return training.Trainer(**valid | {"optimizer": optim.SGD(model.parameters())} | settings)

    def fit(**settings):
        made(**settings).fit((x, y), epochs=1)

    fit.__signature__ = inspect.signature(training.Trainer)
    hunt_settings(hunt, "Trainer", fit, dict, ["progress"])

    def fitted(**settings):
        made().fit(**{"train": (x, y), "epochs": 1} | settings)

    signature = inspect.signature(training.Trainer.fit)
    fitted.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    hunt_settings(hunt, "Trainer.fit", fitted, dict, ["epochs"])
    for value in bad_values():
        if not (isinstance(value, int) and value > 3):  # that many epochs take their time
            hunt.call(fitted, f"Trainer.fit(epochs={value!r:.60})", (), {"epochs": value})
    for name, kind in public(training):
        if issubclass(kind, training.Callback) and kind is not training.Callback:
            wanted = {
                "path": "a",
                "seconds": 1,
                "monitor": "loss",
                "value": 1,
                "dirpath": "a",
                "logdir": "a",
            }
            needed = [
                p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty
            ]
            if all(n in wanted for n in needed):
                hunt_settings(
                    hunt, name, kind, lambda needed=needed: {n: wanted[n] for n in needed}
                )


def hunt_metrics(hunt):
    scores, y = np.eye(4, 3, dtype=np.float32), np.arange(4) % 3
    for name, function in vars(metrics).items():
        if inspect.isfunction(function) and not name.startswith("_"):
            names = list(inspect.signature(function).parameters)[:2]
            for value, place in itertools.product(bad_values() + bad_tensors(), (0, 1)):
                args = [scores, y]
                args[place] = value
                hunt.call(function, f"{name}({names[place]}={value!s:.60})", args, {})


def hunt_options(hunt):
    """What keeps options for later says at once that one is wrong: activations, batched metrics."""
    rooms = ("activation", "rectifier", "gate", "softmax", "noise", "streaming")
    for name, kind in (*public(nn), *public(metrics)):
        if kind.__module__.split(".")[-1] not in rooms:
            continue
        parameters = inspect.signature(kind).parameters
        valid = {n: VALID[n] for n, p in parameters.items() if p.default is p.empty}
        for key in {*parameters} - {"inplace", "device", "dtype"}:
            for value in (object(), "text", [], 1j):
                hunt.calls += 1
                try:
                    kind(**valid | {key: value})
                    hunt.report(f"{name}({key}={value!r:.20})", "accepted")
                except (TypeError, ValueError) as error:
                    if key not in str(error):
                        hunt.report(f"{name}({key}={value!r:.20})", error)


def hunt_tables(hunt):
    table = data.Table({"x": np.arange(20.0), "y": ["a", "b"] * 10})
    fitted = TableModel("y", hidden=(2,))
    fitted.fit(table, epochs=1, progress=False)
    data.write_csv("a.csv", table.columns)
    for method in ("predict", "scores", "arrays", "evaluate", "build"):
        for value in bad_values():
            hunt.call(getattr(fitted, method), f"TableModel.{method}({value!s:.60})", (value,), {})
    hunt_settings(hunt, "TableModel.split", fitted.split, lambda: {"table": table, "share": 0.2})
    hunt_settings(hunt, "task_of", task_of, lambda: {"table": table, "target": "y"})
    hunt_settings(hunt, "read_csv", data.read_csv, lambda: {"path": "a.csv"})
    hunt_settings(
        hunt, "write_csv", data.write_csv, lambda: {"path": "b.csv", "columns": table.columns}
    )
    hunt_settings(
        hunt, "Table", data.Table, lambda: {"columns": table.columns}, ["lines", "source"]
    )
    features = table.drop("y")
    hunt_settings(hunt, "Columns.for_table", data.Columns.for_table, lambda: {"table": features})

    def trained(target="y", task=None, hidden=(2,), dropout=0.1, scale="standard", seed=0):
        given = {"task": task, "hidden": hidden, "dropout": dropout, "scale": scale, "seed": seed}
        TableModel(target, **given).build(table)

    hunt_settings(hunt, "TableModel", trained, dict)


def hunt_finders(hunt):
    x, y = np.ones((6, 3), np.float32), np.arange(6) % 2

    def made():
        model = nn.Linear(3, 2)
        return training.Trainer(model, nn.CrossEntropyLoss(), progress=False)

    def rate(train=(x, y), min_lr=1e-5, max_lr=1.0, num_training=3, early_stop_threshold=4.0):
        sweep = {"min_lr": min_lr, "max_lr": max_lr, "num_training": num_training}
        made().lr_find(train, early_stop_threshold=early_stop_threshold, **sweep)

    def size(train=(x, y), memory=1 << 20, init_val=32, max_batch=1):
        made().scale_batch_size(train, memory=memory, init_val=init_val, max_batch=max_batch)

    huge = ["num_training"]  # 2**31 rates take their time
    hunt_settings(hunt, "lr_find", rate, dict, huge)
    for value in bad_values():
        if not (isinstance(value, int) and value > 3):
            hunt.call(rate, f"lr_find(num_training={value!r:.60})", (), {"num_training": value})
    hunt_settings(hunt, "scale_batch_size", size, dict)


HUNTS = {
    "options": hunt_options,
    "tables": hunt_tables,
    "finders": hunt_finders,
    "ops": hunt_ops,
    "layers": hunt_layers,
    "optimizers": hunt_optimizers,
    "data": hunt_data,
    "training": hunt_training,
    "metrics": hunt_metrics,
}


def main(which):
    import faulthandler
    import resource

    faulthandler.enable()
    warnings.simplefilter("ignore")
    with open("/proc/self/statm") as f:
        now = int(f.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (2 << 30),) * 2)  # huge sizes fail at once
    hunt = Hunt()
    HUNTS[which](hunt)
    print(hunt.calls, "calls")
    for found in hunt.found.values():
        print(found)
    return 1 if hunt.found else 0


@pytest.mark.skipif(sys.platform != "linux", reason="huge sizes need a limit on memory")
@pytest.mark.parametrize("which", HUNTS)
def test_bad_arguments_meet_an_exception_that_names_them(which, tmp_path):
    folder = os.path.dirname(__file__)
    path = os.pathsep.join([os.path.dirname(os.path.dirname(fastnn.__file__)), folder])
    run = subprocess.run(
        [sys.executable, __file__, which],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.returncode == 0, (
        f"exit code {run.returncode}\n{run.stdout[-8000:]}{run.stderr[-3000:]}"
    )
    assert int(run.stdout.split()[0]) > 100


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
