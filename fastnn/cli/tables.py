"""``fastnn train data.csv``, ``predict``, ``evaluate``, ``find-lr``: models of tables."""

import argparse
import contextlib
import difflib
import os
import sys
import time
import warnings

from fastnn.cli import report
from fastnn.cli.arguments import INTERRUPTED, OK, positive, seed, share, widths
from fastnn.cli.runs import epoch_lines, run_folder, save_results

_TRAIN = """\
what happens:
  1. The file is read; each column is found to hold numbers or categories, empty cells are gaps.
  2. The target decides the task: text, or few different whole numbers, means classification,
     other numbers regression (--task says otherwise).
  3. A part of the rows is held back for the test, another to watch for overfitting, with every
     class's share in both.
  4. Gaps are filled by the median, numbers scaled to mean 0 and variance 1, categories become
     columns of 0 and 1: all fitted on the training rows alone. Columns that tell nothing
     (the same in every row, or text that differs in nearly every row) are left out, and named.
  5. A perceptron is trained with Adam until the loss on the watched rows stops falling; the weights
     of its best epoch are kept and tested once on the test rows.

what is saved (in --out, by default a new folder runs/NAME-DATE-TIME):
  model.safetensors   network and preprocessing, all that 'fastnn predict' needs
  history.csv         the numbers of every epoch
  run.json            settings, test results
  report.png          curves and results, where matplotlib is installed

examples:
  fastnn train houses.csv --target price
  fastnn train patients.csv --target diagnosis --drop patient_id --category ward
  fastnn train german.csv --target preis --decimal ,

exit codes: 0 done, 1 failed (the message says why), 2 wrong usage, 130 stopped by Ctrl-C
(then, too, the model and the history so far are saved)
"""
_PREDICT = """\
The file needs the columns that the model was trained on, in any order; others are left alone.
Predictions come in the order of the rows.

examples:
  fastnn predict runs/houses-20260102-101112 new.csv -o predictions.csv
  fastnn predict model.safetensors new.csv --keep id --probabilities
"""
_EVALUATE = """\
The file needs the columns that the model was trained on, and the target.

example:
  fastnn evaluate runs/houses-20260102-101112 more-houses.csv
"""
_FIND_LR = """\
Training steps with a rate that grows from --min-lr to --max-lr, until the loss runs away; the
suggestion lies where it falls fastest. Nothing is saved, unless --plot names a file.

example:
  fastnn find-lr houses.csv --target price      then: fastnn train houses.csv ... --lr RATE
"""


def add_commands(commands, sets):
    """Add these commands to the parsers of `fastnn` and of `fastnn train`."""
    train = _command(
        sets, "csv", "a table of your own: fastnn train FILE.csv --target COLUMN", _TRAIN
    )
    _add_data(train)
    _add_learning(train)
    add = train.add_argument
    add("--epochs", type=positive(int), default=200, metavar="N",
        help="most passes over the training rows (default: %(default)s)")  # fmt: skip
    add("--patience", type=positive(int), default=20, metavar="N",
        help="epochs without progress on the watched rows before the end (default: %(default)s)")  # fmt: skip
    add("--lr", type=positive(float), default=2e-3, metavar="RATE",
        help="learning rate (default: %(default)s)")  # fmt: skip
    add("--test", type=_test_share, default=0.2, metavar="P",
        help="share of the rows that is held back for the test (default: %(default)s)")  # fmt: skip
    add("--out", metavar="DIR", help="folder for the results (default: a new one in runs/)")
    train.set_defaults(run=_train)

    predict = _command(commands, "predict", "apply a model to a table", _PREDICT)
    _add_model(predict)
    predict.add_argument(
        "-o", "--out", metavar="FILE", help="where to write (default: the terminal)"
    )
    predict.add_argument("--keep", action="append", default=[], metavar="COLUMN",
        help="a column of the file to repeat beside the prediction (can be given several times)")  # fmt: skip
    predict.add_argument("--probabilities", action="store_true",
        help="also the probability of every class")  # fmt: skip
    predict.set_defaults(run=_predict)

    find = _command(commands, "find-lr", "look for a learning rate for a table", _FIND_LR)
    _add_data(find)
    _add_learning(find)
    find.add_argument("--min-lr", type=positive(float), default=1e-6, metavar="RATE",
        help="the first rate (default: %(default)s)")  # fmt: skip
    find.add_argument("--max-lr", type=positive(float), default=1.0, metavar="RATE",
        help="the last rate (default: %(default)s)")  # fmt: skip
    find.add_argument("--steps", type=positive(int), default=100, metavar="N",
        help="how many rates (default: %(default)s)")  # fmt: skip
    find.add_argument("--plot", metavar="FILE.png", help="draw loss over rate into this file")
    find.set_defaults(run=_find_lr)

    evaluate = _command(
        commands, "evaluate", "measure a model on a table with the target", _EVALUATE
    )
    _add_model(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _command(commands, name, short, epilog):
    return commands.add_parser(
        name,
        help=short,
        description=f"{short[0].upper()}{short[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_data(parser):
    add = parser.add_argument
    add("file", metavar="FILE.csv", help="the table, with the columns' names in its first line")
    add("--target", required=True, metavar="COLUMN", help="the column to predict")
    add("--drop", action="append", default=[], metavar="COLUMN",
        help="a column not to learn from, such as an id (can be given several times)")  # fmt: skip
    add("--category", action="append", default=[], metavar="COLUMN",
        help="a column of numbers that stand for categories, such as a postcode")  # fmt: skip
    add("--task", choices=("classification", "regression"), help="default: found out by the target")
    _add_format(parser)


def _add_format(parser):
    group = parser.add_argument_group("how the file is written")
    add = group.add_argument
    add("--delimiter", metavar="C", help="between cells (default: found out)")
    add("--decimal", choices=(".", ","), help="decimal point or comma (default: point)")
    add("--missing", action="append", metavar="TEXT",
        help="what stands for a missing cell (default: nothing, ?, -, NA, N/A, NaN, null, None)")  # fmt: skip
    add("--no-header", action="store_true", help="the first line is data; columns are c0, c1, ...")
    add("--encoding", metavar="NAME", help="default: utf-8")


def _add_learning(parser):
    add = parser.add_argument
    add("--hidden", type=widths, default=(128, 64), metavar="N,N",
        help="units of the hidden layers (default: 128,64)")  # fmt: skip
    add("--dropout", type=share, default=0.1, metavar="P",
        help="share of hidden units dropped at each step (default: %(default)s)")  # fmt: skip
    add("--scale", choices=("standard", "minmax", "whiten", "none"), default="standard",
        help="what is done with numbers (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=positive(int), metavar="N",
        help="rows per step (default: 32, from 5,000 rows on 128)")  # fmt: skip
    add("--seed", type=seed, default=1, metavar="N",
        help="fixes split, weights, order and dropout (default: %(default)s)")  # fmt: skip
    add("--threads", type=positive(int), metavar="N",
        help="most threads to use (default: the CPUs that this process may use)")  # fmt: skip


def _add_model(parser):
    parser.add_argument("model", metavar="MODEL", help="model.safetensors, or the folder with it")
    parser.add_argument("file", metavar="FILE.csv", help="the table")
    _add_format(parser)


def _test_share(text):
    value = float(text)
    if not 0 < value < 0.9:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 0.9, got {text}")
    return value


def _train(arguments):
    start = time.perf_counter()
    table, model = _table_and_model(arguments)
    train, test = model.split(table, arguments.test)
    if arguments.batch_size and arguments.batch_size > len(train):
        raise ValueError(
            f"--batch-size {arguments.batch_size} is larger than the {len(train)} training rows; "
            f"give {len(train)} or less"
        )
    folder = run_folder(_stem(arguments.file), arguments.out)
    print(report.about(table, model, len(train), len(test)), flush=True)
    try:
        history = model.fit(
            train,
            epochs=arguments.epochs,
            lr=arguments.lr,
            batch_size=arguments.batch_size,
            patience=arguments.patience,
            callbacks=[epoch_lines()],
        )
    except BaseException:
        with contextlib.suppress(OSError):
            os.rmdir(folder)  # only where it is still empty
        raise
    seconds = time.perf_counter() - start
    result = model.evaluate(test)
    print(f"\nstopped: {history.stopped}; {history.num_epochs} epochs in {seconds:.1f} s")
    print(f"\n{report.results(model, result)}\n")
    _save(arguments, folder, model, table, test, history, result)
    print(f"apply it: fastnn predict {folder} NEW.csv")
    return INTERRUPTED if "Ctrl-C" in history.stopped else OK


def _save(arguments, folder, model, table, test, history, result):
    facts = report.jsonable(result)
    model.facts = {"csv": _reading(arguments), "test": facts, "rows": len(table)}
    model.save(os.path.join(folder, "model.safetensors"))
    settings = {k: v for k, v in vars(arguments).items() if k not in ("run", "out")}
    summary = {"settings": settings, "test": facts, "left_out": model.left_out}
    summary |= {"features": model.prepare.names, "classes": model.classes}
    summary |= {"stopped": history.stopped}

    def draw(ax):
        if model.classes:
            report.draw_confusion(ax, result["confusion_matrix"], model.classes, model.target)
        else:
            report.draw_predictions(ax, test[model.target], result, model.target)

    save_results(folder, history, summary, draw)


def _predict(arguments):
    from fastnn.data.csvfile import print_csv, write_csv

    out = os.path.dirname(arguments.out or "") or "."
    if not os.path.isdir(out):
        raise ValueError(f"--out {arguments.out}: there is no folder {out}")
    model = _load(arguments.model)
    table = _read(arguments, model, keep=arguments.keep)
    scores = model.scores(table)
    columns = {name: table[name].tolist() for name in arguments.keep}
    if model.classes:
        columns[f"predicted {model.target}"] = [model.classes[i] for i in scores.argmax(1)]
        if arguments.probabilities:
            for i, name in enumerate(model.classes):
                columns[f"probability of {name}"] = [f"{p:.6g}" for p in scores[:, i]]
    elif arguments.probabilities:
        raise ValueError("--probabilities: the model predicts numbers, not classes")
    else:
        columns[f"predicted {model.target}"] = [f"{v:.9g}" for v in scores]
    if arguments.out is None:
        print_csv(sys.stdout, columns)
    else:
        write_csv(arguments.out, columns)
        print(f"{len(table):,} predictions written to {arguments.out}")
    return OK


def _evaluate(arguments):
    model = _load(arguments.model)
    table = _read(arguments, model, keep=[model.target])
    print(f"{arguments.file}: {len(table):,} rows\n")
    print(report.results(model, model.evaluate(table)))
    return OK


def _find_lr(arguments):
    table, model = _table_and_model(arguments)
    found = model.find_lr(
        table,
        batch_size=arguments.batch_size,
        min_lr=arguments.min_lr,
        max_lr=arguments.max_lr,
        num_training=arguments.steps,
    )
    print("     rate      loss")
    for lr, loss in list(zip(found.lr, found.smoothed, strict=True))[
        :: max(1, len(found.lr) // 20)
    ]:
        print(f"{lr:9.2e}  {loss:8.4g}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        suggestion = found.suggestion()
    if arguments.plot:
        report.plot_rates(arguments.plot, found)
        print(f"drawn: {arguments.plot}")
    if suggestion is None:
        raise ValueError(str(caught[-1].message))
    print(f"\nsuggestion: --lr {suggestion:.2g}")
    return OK


def _table_and_model(arguments):
    """The table to learn from, without rows that lack the target, and a model made for it."""
    import fastnn
    from fastnn.data.table import missing_column
    from fastnn.tabular import TableModel

    if arguments.threads:
        fastnn.set_num_threads(arguments.threads)
    table = _read_csv(
        arguments.file, _reading(arguments), dict.fromkeys(arguments.category, "category")
    )
    for option, names in (("--target", [arguments.target]), ("--drop", arguments.drop)):
        for name in names:
            if name not in table:
                hint = (
                    "; is the first line data, not names? --no-header"
                    if _data_like(table.names)
                    else ""
                )
                raise ValueError(
                    f"{arguments.file}: {option}: {missing_column(name, table.names)}{hint}"
                )
    if arguments.target in arguments.drop:
        raise ValueError("--drop: the target cannot be left out")
    table = table.drop(*arguments.drop)
    gaps = table.missing(arguments.target)
    if gaps.all():
        raise ValueError(f"{arguments.file}: column {arguments.target!r} is empty")
    if gaps.any():
        print(f"{arguments.file}: {gaps.sum():,} rows without {arguments.target!r} are left out")
        table = table.take(~gaps)
    model = TableModel(
        arguments.target,
        task=arguments.task,
        hidden=arguments.hidden,
        dropout=arguments.dropout,
        scale=None if arguments.scale == "none" else arguments.scale,
        seed=arguments.seed,
    )
    return table, model.build(table)


def _read(arguments, model, keep=()):
    """A table for a trained model: read as its training table was, only the columns that it needs."""
    needs = dict(model.prepare.needs)
    reading = model.facts.get("csv", {}) | _reading(arguments)
    types = needs | ({model.target: "category"} if model.classes and model.target in keep else {})
    kept = [name for name in keep if name not in needs]
    return _read_csv(arguments.file, reading, types, [*needs, *kept])


def _reading(arguments):
    """The options of `read_csv` that were given on the command line."""
    given = {name: getattr(arguments, name) for name in ("delimiter", "decimal", "encoding")}
    given["missing"] = arguments.missing and ("", *arguments.missing)
    given["header"] = False if arguments.no_header else None
    return {name: value for name, value in given.items() if value is not None}


def _read_csv(path, reading, types, columns=None):
    from fastnn.data import read_csv

    if not os.path.exists(path):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise ValueError(f"no file {path}: there is no folder {folder}")
        near = difflib.get_close_matches(os.path.basename(path), os.listdir(folder), 1, 0.75)
        hint = f"; did you mean {os.path.join(os.path.dirname(path), near[0])}?" if near else ""
        raise ValueError(f"no file {path}{hint}")
    reading = dict(reading)
    if "missing" in reading:
        reading["missing"] = tuple(reading["missing"])
    return read_csv(path, types=types, columns=columns, **reading)


def _load(path):
    from fastnn.tabular import TableModel
    from fastnn.training import CheckpointError

    if os.path.isdir(path):
        inside = os.path.join(path, "model.safetensors")
        if not os.path.exists(inside):
            raise ValueError(f"{path}: no model.safetensors in this folder")
        path = inside
    try:
        return TableModel.load(path)
    except CheckpointError as error:
        raise ValueError(str(error)) from None


def _data_like(names):
    """Whether a header has numbers in it."""
    return any(name.replace(".", "", 1).lstrip("-").isdigit() for name in names)


def _stem(path):
    name = os.path.basename(path)
    return name.split(".")[0] or "table"
