"""Tables from file to prediction: in Python, and on the command line as a new user would."""

import csv
import json
import os

import numpy as np
import pytest

from fastnn import cli, data
from fastnn.tabular import TableModel, task_of
from fastnn.training import CheckpointError, History


def people(n=120, seed=0):
    """A table with all that real ones have: gaps, categories, an id, a constant."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, n).astype(float)
    city = random.choice(["Bonn", "Rome", "Oslo"], n).astype(object)
    rate = np.array([{"Bonn": 1.0, "Rome": 3.0, "Oslo": 5.0}[c] for c in city])
    income = 10 * rate + age + random.normal(0, 2, n)
    columns = {
        "id": [f"p{i}" for i in range(n)],
        "age": age.astype(object),
        "city": city,
        "country": ["X"] * n,
        "income": income.round(2),
        "rich": np.where(income > np.median(income), "yes", "no"),
    }
    columns["age"][::11] = ""
    columns["city"][5] = ""
    return columns


def write(path, columns):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with people.csv, where the command runs."""
    monkeypatch.chdir(tmp_path)
    write("people.csv", people())
    return tmp_path


def run(capsys, *arguments):
    """Exit code, output, errors of a command."""
    try:
        code = cli.main([str(a) for a in arguments])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    return code, out, err


FAST = ("--epochs", 15, "--hidden", "16")


def test_regression_from_training_to_prediction(folder, capsys):
    command = ("train", "people.csv", "--target", "income", "--drop", "rich", "--out", "run")
    code, out, err = run(capsys, *command, "--epochs", 60, "--hidden", 16, "--lr", 0.02)
    assert code == 0, err
    assert "'id': its text differs in 120 of 120 rows" in out
    assert "'country': it is X everywhere" in out
    assert "target 'income': regression" in out
    assert "residuals, income - prediction:" in out
    names = ["history.csv", "model.safetensors", "run.json"]
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    assert sorted(os.listdir("run")) == sorted([*names, "report.png"])
    facts = json.loads((folder / "run" / "run.json").read_text())
    assert facts["test"]["mae"] < 0.5 * facts["test"]["baseline"]  # some ages are not to be known
    assert History.from_csv("run/history.csv").num_epochs <= 60

    # new rows: other order of columns, the target is not there, a city that is new
    new = people(30, seed=1)
    new["city"][0] = "Paris"
    shuffled = {name: new[name] for name in ("city", "age", "id")}
    write("new.csv", shuffled)
    code, _, err = run(capsys, "predict", "run", "new.csv", "-o", "out.csv", "--keep", "id")
    assert code == 0, err
    table = data.read_csv("out.csv", types={"id": "category"})
    assert table.names == ["id", "predicted income"]
    model = TableModel.load("run/model.safetensors")
    expected = model.predict(data.read_csv("new.csv"))
    np.testing.assert_allclose(table["predicted income"], expected, rtol=1e-8)
    code, out, _ = run(capsys, "predict", "run/model.safetensors", "new.csv")
    assert code == 0
    assert out.splitlines()[0] == "predicted income"
    assert len(out.splitlines()) == 31

    write("new.csv", new)
    code, out, _ = run(capsys, "evaluate", "run", "new.csv")
    assert code == 0
    result = model.evaluate(data.read_csv("new.csv"))
    assert f"mean absolute error {result['mae']:.6g}" in out


def test_classification_from_training_to_prediction(folder, capsys):
    command = ("train", "people.csv", "--target", "rich", "--drop", "income", "--out", "run")
    code, out, err = run(capsys, *command, *FAST, "--lr", 0.02)
    assert code == 0, err
    assert "classification into 2 classes: no, yes" in out
    assert "true \\ predicted" in out
    assert "area under the ROC curve" in out
    facts = json.loads((folder / "run" / "run.json").read_text())
    assert facts["test"]["accuracy"] > 0.7
    assert np.sum(facts["test"]["confusion_matrix"]) == 24
    code, out, _ = run(capsys, "evaluate", "run", "people.csv")
    assert code == 0
    code, _, _ = run(capsys, "predict", "run", "people.csv", "-o", "p.csv", "--probabilities")
    assert code == 0
    table = data.read_csv("p.csv")
    assert table.names == ["predicted rich", "probability of no", "probability of yes"]
    np.testing.assert_allclose(
        table["probability of no"] + table["probability of yes"], 1, atol=1e-5
    )
    assert set(table["predicted rich"]) == {"yes", "no"}


def test_the_same_seed_gives_the_same_model_and_the_file_keeps_it(folder):
    table = data.read_csv("people.csv").drop("id", "income")
    models = [TableModel("rich", hidden=(8,), seed=3) for _ in range(2)]
    for model in models:
        model.fit(table, epochs=3, progress=False)
    first = models[0].scores(table)
    np.testing.assert_array_equal(models[1].scores(table), first)
    models[0].save("m.safetensors")
    again = TableModel.load("m.safetensors")
    np.testing.assert_array_equal(again.scores(table), first)
    assert again.classes == ["no", "yes"]
    content = bytearray((folder / "m.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "bad.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged|checksum"):
        TableModel.load("bad.safetensors")


def test_task_is_found_out():
    def task(values):
        return task_of(data.Table({"y": values}), "y")

    assert task(["a", "b"]) == "classification"
    assert task(np.arange(100) % 3) == "classification"
    assert task(np.arange(100)) == "regression"  # whole, but too many
    assert task(np.arange(10)) == "regression"  # too few of each
    assert task(np.arange(100) % 3 + 0.5) == "regression"


def test_classes_with_few_rows_are_trained_on(folder):
    columns = people()
    columns["rich"] = columns["rich"].astype(object)
    columns["rich"][7] = "unknown"  # one row alone cannot be in every part
    model = TableModel("rich", hidden=(4,))
    model.fit(data.Table(columns).drop("id", "income"), epochs=1, progress=False)
    assert model.classes == ["no", "unknown", "yes"]
    with pytest.raises(ValueError, match="class 'maybe' was not among the training rows' classes"):
        model.evaluate(data.Table(columns | {"rich": ["maybe"] * 120}))


def test_rows_without_a_target_are_left_out(folder, capsys):
    columns = people()
    columns["rich"] = columns["rich"].astype(object)
    columns["rich"][:3] = ""
    write("gaps.csv", columns)
    command = ("train", "gaps.csv", "--target", "rich", "--epochs", 1, "--hidden", 4)
    code, out, err = run(capsys, *command)
    assert code == 0, err
    assert "gaps.csv: 3 rows without 'rich' are left out" in out
    (made,) = os.listdir("runs")
    assert made.startswith("gaps-")


TRAIN = ("train", "people.csv", "--target", "rich")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "people.csv"), 2, ["--target"]),
        (("train", "peple.csv", "--target", "rich"), 1, ["no file", "did you mean people.csv?"]),
        (("train", "a/b.csv", "--target", "rich"), 1, ["there is no folder a"]),
        (("train", "people.csv", "--target", "Ritch"), 1, ["no column 'Ritch'", "'rich'?"]),
        (("train", "people.csv", "--target", "x"), 1, ["there are: id, age, city"]),
        (("train", "people.csv", "--target", "id"), 1, ["120 classes in 120 rows", "right target"]),
        (("train", "people.csv", "--target", "country"), 1, ["'X' in every row"]),
        ((*TRAIN, "--task", "regression"), 1, ["line 2, column 'rich'", "is not a number"]),
        ((*TRAIN, "--drop", "agee"), 1, ["--drop", "did you mean 'age'?"]),
        ((*TRAIN, "--drop", "rich"), 1, ["target cannot be left out"]),
        ((*TRAIN, "--batch-size", "1000"), 1, ["larger than the 96 training rows"]),
        ((*TRAIN, "--test", "1"), 2, ["below 0.9"]),
        ((*TRAIN, "--category", "cty"), 1, ["did you mean 'city'"]),
        ((*TRAIN, "--epochs", "0"), 2, ["must be above 0"]),
        (
            ("train", "bad.csv", "--target", "rich"),
            1,
            ["line 4, column 'age'", "'abc'", "--category"],
        ),
        (("train", "ragged.csv", "--target", "b"), 1, ["line 3: 3 cells", "2 columns"]),
        (("train", "tiny.csv", "--target", "b"), 1, ["2 rows", "at least 10"]),
        (("train", "bare.csv", "--target", "price"), 1, ["--no-header"]),
        (("train", "empty.csv", "--target", "b"), 1, ["the file is empty"]),
        (("train", ".", "--target", "b"), 1, ["is a folder"]),
        (("predict", "absent", "people.csv"), 1, ["absent: no such file"]),
        (("predict", ".", "people.csv"), 1, ["no model.safetensors in this folder"]),
        (("predict", "people.csv", "people.csv"), 1, ["people.csv"]),
        (("predict", "run", "few.csv"), 1, ["no column 'age'", "did you mean 'Age'?"]),
        (("predict", "run", "bad.csv"), 1, ["line 4, column 'age'", "'abc'", "leave it empty"]),
        (("predict", "run", "people.csv", "--keep", "idd"), 1, ["did you mean 'id'?"]),
        (("predict", "run", "people.csv", "-o", "a/b.csv"), 1, ["there is no folder a"]),
        (("evaluate", "run", "few.csv"), 1, ["no column"]),
        (("evaluate", "run", "other.csv"), 1, ["line 2, column 'rich'", "class 'maybe'"]),
    ],
)
def test_mistakes_meet_one_clear_message(folder, capsys, arguments, code, words):
    columns = people()
    if arguments[1] == "run":
        model = TableModel("rich", hidden=(4,))
        model.fit(data.read_csv("people.csv").drop("id", "income"), epochs=1, progress=False)
        os.mkdir("run")
        model.save("run/model.safetensors")
    bad = dict(columns, age=columns["age"].copy())
    bad["age"][2] = "abc"
    write("bad.csv", bad)
    write("few.csv", {"Age": columns["age"], "city": columns["city"]})
    write("other.csv", dict(columns, rich=["maybe"] * 120))
    (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    (folder / "tiny.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "bare.csv").write_text("1.5,7,x\n2.5,8,y\n")
    (folder / "empty.csv").write_text("")
    result, _, err = run(capsys, *arguments)
    assert result == code, err
    for word in words:
        assert word in err
    assert err.count("fastnn: error") + err.count("fastnn train csv: error") == 1
    assert not os.path.exists("runs")


def test_find_lr_suggests_a_rate(folder, capsys):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    command = ("find-lr", "people.csv", "--target", "income", "--drop", "rich", "--steps", 60)
    code, out, err = run(capsys, *command, "--plot", "lr.png")
    assert code == 0, err
    suggestion = float(out.split("suggestion: --lr ")[1])
    assert 1e-4 < suggestion < 1
    assert (folder / "lr.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir()) == ["lr.png", "people.csv"]
    code, _, err = run(capsys, *command[:-1], 5)
    assert code == 1
    assert "too few" in err


def test_help_teaches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for command, words in (
        (("train", "csv"), ["--target COLUMN", "what happens", "what is saved", "exit codes"]),
        (("train", "data.csv"), ["--target COLUMN"]),
        (("predict",), ["--probabilities", "example"]),
        (("evaluate",), ["example"]),
        (("find-lr",), ["--max-lr", "example"]),
    ):
        code, out, _ = run(capsys, *command, "--help")
        assert code == 0
        for word in words:
            assert word in out
