"""Folders of runs, what is printed while one goes on, and what is saved beside its model."""

import json
import os
import sys
import time

_NOT_SHOWN = ("epoch", "lr", "seconds")


def epoch_lines():
    """A callback that prints a line per epoch where there is no terminal for a progress bar."""
    from fastnn.training import Callback

    class Lines(Callback):
        def on_epoch_end(self, trainer, record):
            every = max(1, trainer.epochs // 10)
            if not sys.stderr.isatty() and (trainer.epoch % every == 0 or trainer.epoch == 1):
                numbers = (f"{k} {v:.4f}" for k, v in record.items() if k not in _NOT_SHOWN)
                print(f"epoch {trainer.epoch:3}/{trainer.epochs}: {', '.join(numbers)}", flush=True)

    return Lines()


def run_folder(name, out):
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


def save_results(folder, history, facts, draw):
    """Save history.csv, run.json and, where matplotlib is installed, report.png beside a saved model."""
    from fastnn.cli import report
    from fastnn.data.atomic import replacing

    history.to_csv(os.path.join(folder, "history.csv"))
    with replacing(os.path.join(folder, "run.json")) as file:
        file.write(json.dumps(facts, indent=2).encode() + b"\n")
    drawn = report.plot(os.path.join(folder, "report.png"), history, draw)
    path = os.path.join(folder, "model.safetensors")
    print(f"saved: {path}, history.csv, run.json" + (", report.png" if drawn else ""))
    if not drawn:
        print("(for plots: pip install 'fastnn[plot]')")
