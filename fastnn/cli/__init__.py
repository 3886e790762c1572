"""The command line: ``fastnn COMMAND``. Everything heavy is imported when used."""

import argparse
import difflib
import os
import sys

from fastnn.cli import images, tables
from fastnn.cli.arguments import FAILED, INTERRUPTED
from fastnn.cli.info import info

_OVERVIEW = """\
Train neural networks on a CPU, fast.

  fastnn train digits                      a first run: handwritten digits, in seconds
  fastnn train data.csv --target price     learn to predict a column of your own table
  fastnn predict runs/data-... new.csv     apply what was learned
  fastnn evaluate runs/data-... test.csv   measure it on rows that it has not seen
  fastnn find-lr data.csv --target price   look for a learning rate
  fastnn train mnist --data DIR            70,000 digits (downloaded without --data)
  fastnn info                              version, instruction set, threads, build

'fastnn COMMAND --help' explains each. In Python: see the script in the README.
"""
_SETS = tuple(recipe.name for recipe in images.RECIPES)


def main(argv=None):
    """Run the command line; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    arguments = parser.parse_args(_with_kind(parser, argv))
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("fastnn: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away: `fastnn info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ValueError, TypeError, ArithmeticError, OSError, MemoryError, ImportError) as error:
        print(f"fastnn: error: {error}", file=sys.stderr)
        return FAILED


def _with_kind(parser, argv):
    """`train FILE ...` becomes `train csv FILE ...`: argparse chooses the options by that word."""
    if argv[:1] != ["train"] or len(argv) < 2 or argv[1] in (*_SETS, "csv", "-h", "--help"):
        return argv
    name = argv[1]
    near = difflib.get_close_matches(name, _SETS, 1)
    if near and not os.path.exists(name):
        parser.error(f"train: no file and no data set {name!r}; did you mean {near[0]!r}?")
    return ["train", "csv", *argv[1:]]


def _parser():
    from fastnn.version import __version__

    parser = argparse.ArgumentParser(
        prog="fastnn", description=_OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    train = commands.add_parser(
        "train",
        help="train a model on a table or a data set and save it",
        description="Train a model on a CSV file or a data set, test it, and save it.",
        epilog="'fastnn train csv --help' and 'fastnn train digits --help' tell what happens and "
        "what is saved. The word csv may be left out: fastnn train data.csv --target price",
    )
    sets = train.add_subparsers(title="data", required=True, metavar="DATA")
    tables.add_commands(commands, sets)
    for recipe in images.RECIPES:
        images.add_recipe(sets, recipe)
    command = commands.add_parser("info", help="version, instruction set, threads, build")
    command.set_defaults(run=info)
    return parser
