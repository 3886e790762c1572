"""``fastnn train digits`` and ``fastnn train mnist``: classifiers of handwritten digits."""

import argparse
import os
import time
from dataclasses import dataclass

from fastnn.cli.arguments import INTERRUPTED, OK, positive, seed, share, widths
from fastnn.cli.report import draw_confusion
from fastnn.cli.runs import epoch_lines, run_folder, save_results

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
  report.png          losses and confusion matrix, where matplotlib is installed

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


def add_recipe(sets, recipe):
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
    add("--epochs", type=positive(int), default=recipe.epochs, metavar="N",
        help="passes over the training images (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=positive(int), default=recipe.batch_size, metavar="N",
        help="images per step (default: %(default)s)")  # fmt: skip
    add("--lr", type=positive(float), default=recipe.lr, metavar="RATE",
        help="learning rate at the start (default: %(default)s)")  # fmt: skip
    add("--hidden", type=widths, default=recipe.hidden, metavar="N,N",
        help="units of the hidden layers "
        f"(default: {','.join(map(str, recipe.hidden))})")  # fmt: skip
    add("--dropout", type=share, default=recipe.dropout, metavar="P",
        help="share of hidden units dropped at each step (default: %(default)s)")  # fmt: skip
    add("--seed", type=seed, default=1, metavar="N",
        help="fixes split, weights, order and dropout (default: %(default)s)")  # fmt: skip
    add("--threads", type=positive(int), metavar="N",
        help="most threads to use (default: the CPUs that this process may use)")  # fmt: skip
    add("--out", metavar="DIR", help="folder for the results (default: a new one in runs/)")
    parser.set_defaults(run=_train, recipe=recipe)


def _train(arguments):
    import fastnn
    from fastnn import nn, optim
    from fastnn.data import train_test_split
    from fastnn.metrics import confusion_matrix, format_confusion_matrix
    from fastnn.training import EarlyStopping, Trainer, save_checkpoint

    start = time.perf_counter()
    recipe, epochs = arguments.recipe, arguments.epochs
    if arguments.threads:
        fastnn.set_num_threads(arguments.threads)
    folder = run_folder(recipe.name, arguments.out)
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
        callbacks=[EarlyStopping("val_loss", patience=epochs), epoch_lines()],
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
    facts = {
        "data": recipe.name,
        "settings": settings,
        "layers": layers,
        **result,
        "confusion_matrix": matrix.tolist(),
        "stopped": history.stopped,
        "seconds": seconds,
    }
    save_checkpoint(os.path.join(folder, "model.safetensors"), model, **facts)
    names = [str(label) for label in range(classes)]
    save_results(folder, history, facts, lambda ax: draw_confusion(ax, matrix, names, "digit"))
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


def _layers(features, hidden, classes=10):
    return "-".join(map(str, (features, *hidden, classes)))
