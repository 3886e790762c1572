"""The command line: ``fastnn train``, ``fastnn info``. Everything heavy is imported when used."""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass

OK, FAILED, INTERRUPTED = 0, 1, 130

_OVERVIEW = """\
Train neural networks on a CPU, fast.

  fastnn train digits              a first run: handwritten digits, in the package, in seconds
  fastnn train mnist --data DIR    70,000 digits from MNIST's IDX files (downloaded without --data)
  fastnn info                      version, instruction set, threads, build

'fastnn train digits --help' explains the options. In Python: see the script in the README.
"""

_TRAINING = """\
what happens:
  A tenth of the {size} training images is held back to watch for overfitting. On the others
  a perceptron ({layers}, ReLU, dropout {dropout:g}, label smoothing {label_smoothing:g}) is
  trained with Adam (lr {lr:g}, falling along a cosine to 0), {batch_size} images per step, for
  {epochs} epochs. The weights of the epoch with the lowest loss on the held-back images are kept,
  and tested once on the {test} test images. The same seed gives the same numbers, whatever the
  number of threads.

what is saved (in --out, by default a new folder runs/{name}-DATE-TIME):
  model.safetensors   the weights, for model.load_state_dict or any other reader of the format
  history.csv         loss and accuracy of every epoch
  run.json            settings, test results, confusion matrix

exit codes: 0 done, 1 failed (the message says why), 2 wrong usage, 130 stopped by Ctrl-C
(then, too, the weights and the history so far are saved)
"""


@dataclass(frozen=True)
class Recipe:
    """A data set and the settings that are known to suit it."""

    name: str
    help: str
    size: str
    test: str
    features: int
    hidden: tuple
    dropout: float
    input_dropout: float
    label_smoothing: float
    lr: float
    batch_size: int
    epochs: int


RECIPES = (
    Recipe(
        name="digits",
        help="UCI's handwritten digits, 8 x 8 pixels, shipped with the package",
        size="1,437",
        test="360",
        features=64,
        hidden=(512, 256),
        dropout=0.3,
        input_dropout=0.1,
        label_smoothing=0.1,
        lr=3e-3,
        batch_size=64,
        epochs=60,
    ),
    Recipe(
        name="mnist",
        help="MNIST's handwritten digits, 28 x 28 pixels",
        size="60,000",
        test="10,000",
        features=784,
        hidden=(512, 256),
        dropout=0.2,
        input_dropout=0.0,
        label_smoothing=0.0,
        lr=1e-3,
        batch_size=128,
        epochs=8,
    ),
)


def main(argv=None):
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("fastnn: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: `fastnn info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ValueError, TypeError, ArithmeticError, OSError, MemoryError) as error:
        print(f"fastnn: error: {error}", file=sys.stderr)
        return FAILED


def _parser():
    from fastnn.version import __version__

    parser = argparse.ArgumentParser(
        prog="fastnn", description=_OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    train = commands.add_parser(
        "train",
        help="train a classifier on a data set and save it",
        description="Train a classifier on a data set, test it, and save it with its history.",
        epilog="'fastnn train digits --help' tells what happens and what is saved.",
    )
    sets = train.add_subparsers(title="data sets", required=True, metavar="DATA")
    for recipe in RECIPES:
        _add_recipe(sets, recipe)
    info = commands.add_parser("info", help="version, instruction set, threads, build")
    info.set_defaults(run=_info)
    return parser


def _add_recipe(sets, recipe):
    layers = _layers(recipe.features, recipe.hidden)
    parser = sets.add_parser(
        recipe.name,
        help=recipe.help,
        description=f"Train a classifier on {recipe.help}.",
        epilog=_TRAINING.format(**vars(recipe), layers=layers),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    if recipe.name == "mnist":
        add(
            "--data",
            metavar="DIR",
            help="folder with the four IDX files, gzipped or not "
            "(default: download once from a public mirror, checked against SHA-256)",
        )
    add("--epochs", type=_positive(int), default=recipe.epochs, metavar="N",
        help="passes over the training images (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=_positive(int), default=recipe.batch_size, metavar="N",
        help="images per step (default: %(default)s)")  # fmt: skip
    add("--lr", type=_positive(float), default=recipe.lr, metavar="RATE",
        help="learning rate at the start (default: %(default)s)")  # fmt: skip
    add("--hidden", type=_widths, default=recipe.hidden, metavar="N,N",
        help="units of the hidden layers "
        f"(default: {','.join(map(str, recipe.hidden))})")  # fmt: skip
    add("--dropout", type=_share, default=recipe.dropout, metavar="P",
        help="share of hidden units dropped at each step (default: %(default)s)")  # fmt: skip
    add("--seed", type=_seed, default=1, metavar="N",
        help="fixes split, weights, order and dropout (default: %(default)s)")  # fmt: skip
    add("--threads", type=_positive(int), metavar="N",
        help="most threads to use (default: the CPUs that this process may use)")  # fmt: skip
    add("--out", metavar="DIR", help="folder for the results (default: a new one in runs/)")
    parser.set_defaults(run=_train, recipe=recipe)


def _train(arguments):
    import fastnn
    from fastnn import nn, optim
    from fastnn.data import train_test_split
    from fastnn.metrics import confusion_matrix, format_confusion_matrix
    from fastnn.training import EarlyStopping, Trainer

    start = time.perf_counter()
    recipe, epochs = arguments.recipe, arguments.epochs
    if arguments.threads:
        fastnn.set_num_threads(arguments.threads)
    folder = _run_folder(recipe.name, arguments.out)
    x, y, x_test, y_test = _load(arguments)
    classes = int(y.max()) + 1
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.1, stratify=y, seed=arguments.seed)
    sizes = f"{len(x):,} images to train, {len(x_val):,} to watch, {len(x_test):,} to test"
    print(f"{recipe.name}: {sizes}")

    fastnn.manual_seed(arguments.seed)
    model = _perceptron(nn, x.shape[1], classes, arguments, recipe.input_dropout)
    optimizer = optim.Adam(model.parameters(), lr=arguments.lr)
    count = sum(p.numel() for p in model.parameters())
    layers = _layers(x.shape[1], arguments.hidden, classes)
    threads = fastnn.get_num_threads()
    print(f"model: {layers}, {count:,} parameters; at most {threads} threads", flush=True)
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        optimizer,
        metrics=["accuracy"],
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs),
        callbacks=[EarlyStopping("val_loss", patience=epochs), _lines()],
        seed=arguments.seed,
    )
    history = trainer.fit((x, y), (x_val, y_val), epochs, batch_size=arguments.batch_size)
    seconds = time.perf_counter() - start

    result = trainer.test((x_test, y_test))
    matrix = confusion_matrix(y_test, trainer.predict(x_test).numpy(), classes)
    print(f"\n{format_confusion_matrix(matrix)}\n")
    right = int(matrix.trace())
    print(
        f"test accuracy {100 * result['test_accuracy']:.2f}% ({right:,} of {len(y_test):,}), "
        f"{history.num_epochs} epochs in {seconds:.1f} s"
    )
    settings = {k: v for k, v in vars(arguments).items() if k not in ("run", "recipe", "out")}
    _save(
        folder,
        model,
        history,
        {
            "data": recipe.name,
            "settings": settings,
            "layers": layers,
            **result,
            "confusion_matrix": matrix.tolist(),
            "stopped": history.stopped,
            "seconds": seconds,
        },
    )
    print(f"saved: {os.path.join(folder, 'model.safetensors')}, history.csv, run.json")
    return INTERRUPTED if "Ctrl-C" in history.stopped else OK


def _load(arguments):
    from fastnn.data import load_digits, load_mnist

    if arguments.recipe.name == "digits":
        return *load_digits("train", arguments.seed), *load_digits("test", arguments.seed)
    return *load_mnist(arguments.data, "train"), *load_mnist(arguments.data, "test")


def _perceptron(nn, features, classes, arguments, input_dropout):
    layers = [nn.Dropout(input_dropout)] if input_dropout else []
    for width in arguments.hidden:
        layers += [nn.Linear(features, width), nn.ReLU()]
        if arguments.dropout:
            layers.append(nn.Dropout(arguments.dropout))
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


def _lines():
    """A callback that prints a line per epoch where there is no terminal for a progress bar."""
    from fastnn.training import Callback

    class Lines(Callback):
        def on_epoch_end(self, trainer, record):
            every = max(1, trainer.epochs // 10)
            if not sys.stderr.isatty() and (trainer.epoch % every == 0 or trainer.epoch == 1):
                print(
                    f"epoch {trainer.epoch:3}/{trainer.epochs}: loss {record['loss']:.4f}, "
                    f"accuracy {record['accuracy']:.4f}, val_loss {record['val_loss']:.4f}, "
                    f"val_accuracy {record['val_accuracy']:.4f}",
                    flush=True,
                )

    return Lines()


def _run_folder(name, out):
    """A folder that holds no other run's results; made here, so that a wrong path fails early."""
    if out is not None:
        if os.path.exists(os.path.join(out, "model.safetensors")):
            raise ValueError(f"--out {out} holds a trained model already; give another folder")
        os.makedirs(out, exist_ok=True)
        return out
    stem = os.path.join("runs", time.strftime(f"{name}-%Y%m%d-%H%M%S"))
    os.makedirs("runs", exist_ok=True)
    number = 1
    while True:
        folder = stem if number == 1 else f"{stem}-{number}"
        try:
            os.mkdir(folder)
            return folder
        except FileExistsError:
            number += 1


def _save(folder, model, history, facts):
    from fastnn.data.atomic import replacing
    from fastnn.training import save_checkpoint

    save_checkpoint(os.path.join(folder, "model.safetensors"), model, **facts)
    history.to_csv(os.path.join(folder, "history.csv"))
    with replacing(os.path.join(folder, "run.json")) as file:
        file.write(json.dumps(facts, indent=2).encode() + b"\n")


def _info(arguments):
    import numpy

    import fastnn

    info = fastnn.config_info()
    rows = {
        "fastnn": f"{info['version']} in {os.path.dirname(fastnn.__file__)}",
        "instruction set": f"{info['isa']} ({8 * info['vector_bytes']}-bit vectors); "
        f"usable: {', '.join(info['isas'])} (FASTNN_ISA chooses)",
        "threads": f"{info['threads']}, for {info['cpus']} usable CPUs "
        "(FASTNN_NUM_THREADS or OMP_NUM_THREADS limits)",
        "OpenMP": str(info["openmp"]) if info["openmp"] else "none: built for one thread",
        "compiler": info["compiler"],
        "build flags": info["flags"],
        "Python, NumPy": f"{info['python']}, {numpy.__version__}",
        "system": info["platform"],
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
    return OK


def _layers(features, hidden, classes=10):
    return "-".join(map(str, (features, *hidden, classes)))


def _positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
        return value

    parse.__name__ = "integer" if kind is int else "number"  # argparse names it in its messages
    return parse


def _share(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to below 1, got {text}")
    return value


def _seed(text):
    value = int(text)
    if not 0 <= value < 2**64:
        raise argparse.ArgumentTypeError(f"must be from 0 to 2**64 - 1, got {text}")
    return value


def _widths(text):
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of units such as 512,256, got {text!r}")
    return widths


if __name__ == "__main__":
    sys.exit(main())
