"""The mistakes that beginners make most: each meets a message with the culprit and the cure."""

import re
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import data, nn, optim
from fastnn.tabular import TableModel
from fastnn.training import Trainer

TABLE = data.Table({"x": range(12), "y": ["a", "b"] * 6})


def rows(n=40, classes=3, features=4):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, features)).astype(np.float32)
    return x, np.arange(n) % classes


def trainer(*layers, loss=None, lr=0.01, **options):
    model = nn.Sequential(*(layers or (nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))))
    optimizer = optim.Adam(model.parameters(), lr=lr)
    return Trainer(model, loss or nn.CrossEntropyLoss(), optimizer, progress=False, **options)


def fit_error(error, *words, train=None, fit=None, **options):
    """The fit raises, and its message has all these words."""
    with pytest.raises(error) as caught:
        trainer(**options).fit(rows() if train is None else train, epochs=1, **(fit or {}))
    for word in words:
        assert word in str(caught.value)


# --- labels ---


def test_labels_from_1_to_c():
    x, y = rows()
    fit_error(ValueError, "classes 0 to 2", "goes from 1 to 3", "use y - 1", train=(x, y + 1))


def test_label_equal_to_c():
    x, y = rows()
    y[7] = 3
    fit_error(ValueError, "y[7] is 3", "classes 0 to 2", "give the model 4 outputs", train=(x, y))


def test_negative_labels():
    x, y = rows()
    fit_error(ValueError, "y[0] is -1", "np.unique", train=(x, y - 1))


def test_float_labels():
    x, y = rows()
    fit_error(TypeError, "y is float32", "astype(np.int64)", train=(x, y.astype(np.float32)))


def test_text_labels():
    x, y = rows()
    names = np.array(["cat", "dog", "cow"])[y]
    fit_error(TypeError, "'cat'", "np.unique(y, return_inverse=True)", train=(x, names))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "u4", "i8", ">i4"])
def test_integer_labels_of_any_width_are_fine(dtype):
    x, y = rows()
    assert trainer().fit((x, y.astype(dtype)), epochs=1).num_epochs == 1


def test_column_of_labels():
    x, y = rows()
    fit_error(ValueError, "(40, 1)", "(40,)", "y.ravel()", train=(x, y[:, None]))


def test_targets_n_against_predictions_n_1():
    x, y = rows()
    with pytest.raises(ValueError, match=r"\(32, 1\).*\(32,\)|\(32,\).*\(32, 1\)"):
        trainer(nn.Linear(4, 1), loss=nn.MSELoss()).fit((x, y.astype(np.float32)), epochs=1)
    with pytest.raises(ValueError, match=r"MSELoss|mse_loss"):
        nn.MSELoss()(fastnn.zeros(5, 1), fastnn.zeros(5))


def test_bool_labels_and_numbers_in_objects():
    x, y = rows(classes=2)
    fit_error(TypeError, "y is bool", "astype(np.int64)", train=(x, y == 1))
    assert trainer().fit((x, np.array(list(y), dtype=object)), epochs=1).num_epochs == 1


@pytest.mark.parametrize("loss", [nn.BCEWithLogitsLoss(), nn.BCELoss()])
def test_binary_labels_that_are_not_0_and_1(loss):
    x, y = rows()
    layers = (nn.Linear(4, 1), nn.Sigmoid())
    with pytest.raises(ValueError, match=r"y holds 2.0 in row 2, .*expects 0 or 1.*CrossEntropy"):
        trainer(*layers, loss=loss).fit((x, y[:, None].astype(np.float32)))


def test_one_class_only():
    x, y = rows()
    with pytest.warns(UserWarning, match="all labels are 2"):
        trainer().fit((x, 0 * y + 2), epochs=1)


# --- the model ---


def test_wrong_input_width():
    x, y = rows(features=5)
    fit_error(ValueError, "5", "4", "features", train=(x, y))


def test_softmax_before_cross_entropy():
    layers = (nn.Linear(4, 3), nn.Softmax(dim=1))
    with pytest.warns(UserWarning, match="leave out the softmax"):
        trainer(*layers).fit(rows(), epochs=1)


def test_frozen_parameters_only():
    t = trainer()
    t.model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"all 4 parameters .* frozen; .*requires_grad_\(True\)"):
        t.fit(rows())


def test_optimizer_without_parameters():
    with pytest.raises(ValueError, match=r"(?i)empty|no parameters"):
        optim.SGD([], lr=0.1)


def test_optimizer_made_before_the_model_changed():
    t = trainer()
    t.model[2] = nn.Linear(8, 5)
    with pytest.raises(
        ValueError, match=r"does not hold 2.weight, 2.bias.*Make the optimizer anew"
    ):
        t.fit(rows())
    other = trainer()
    t.optimizer = other.optimizer
    with pytest.raises(ValueError, match=r"holds none .* Adam\(model.parameters\(\)\)"):
        t.fit(rows())


def test_single_row_in_batch_norm():
    layers = (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    with pytest.raises(
        ValueError, match=r"33 rows in batches of 16 .* BatchNorm1d \(1\).*drop_last"
    ):
        trainer(*layers).fit(rows(33), epochs=1, batch_size=16)
    with pytest.raises(ValueError, match=r"BatchNorm1d|batch_norm"):
        nn.BatchNorm1d(3)(fastnn.ones(1, 3))


# --- the data ---


def test_nan_and_infinity_in_the_data():
    x, y = rows()
    x[3, 1] = np.nan
    x[9, 0] = np.inf
    fit_error(ValueError, "train: x holds nan in row 3, column 1 (2 such rows)", train=(x, y))
    targets = np.zeros((40, 3), np.float32)
    targets[5, 2] = -np.inf
    mse = nn.MSELoss()
    fit_error(ValueError, "y holds -inf in row 5, column 2", train=(rows()[0], targets), loss=mse)
    with pytest.raises(ValueError, match="val: x holds nan"):
        trainer().fit(rows(), (x, y), epochs=1)


def test_empty_data():
    fit_error(ValueError, "no rows", train=(np.empty((0, 4), np.float32), np.empty(0, int)))


def test_lists_are_fine_and_ragged_lists_are_named():
    x, y = rows()
    assert trainer().fit((x.tolist(), y.tolist()), epochs=1).num_epochs == 1
    ragged = [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]]
    fit_error(ValueError, "train: x has rows of different lengths: [2, 4]", train=(ragged, [0, 1]))


def test_inputs_without_targets():
    x, y = rows()
    with pytest.raises(TypeError, match=r"fit\(\(x, y\)"):
        trainer().fit(x)
    with pytest.raises(TypeError, match=r"x has 40 rows, y 39"):
        trainer().fit(x, y[1:])
    assert trainer().fit(x, y, epochs=2).num_epochs == 2  # scikit-learn's habit
    fit_error(TypeError, "(x, y)", "TensorDataset", train=data.TensorDataset(x))


def test_integers_text_and_dicts_as_inputs():
    x, y = rows()
    fit_error(
        TypeError, "x holds integers (int64)", "x.astype(np.float32)", train=(x.astype(int), y)
    )
    fit_error(TypeError, "got '0.125", "x.astype(np.float32)", train=(x.astype(str), y))
    fit_error(TypeError, "pair of arrays (x, y), got a dict", train={"x": x, "y": y})
    fit_error(TypeError, "the model was called with 2 inputs", train=(x, x, y))


def test_numbers_of_rows_that_differ():
    x, y = rows()
    fit_error(ValueError, "same number of rows, got [40, 39]", train=(x, y[:-1]))


def test_batch_larger_than_the_data():
    fit_error(
        ValueError, "100 is larger than the 40 rows", "batch_size=40", fit={"batch_size": 100}
    )
    with pytest.raises(ValueError, match="drop_last leaves no batch; use batch_size=40"):
        data.DataLoader(data.TensorDataset(*rows()), batch_size=64, drop_last=True)


def test_unscaled_features():
    x, y = rows()
    x[:, 2] *= 1e5
    with pytest.warns(UserWarning, match=r"feature 2 .*Standardizer"):
        trainer().fit((x, y), epochs=1)


def test_validation_rows_fitted_by_the_scaler():
    x, _ = rows()
    scale = data.Standardizer()
    scale.fit_transform(x[:30])
    with pytest.raises(RuntimeError, match="use transform"):
        scale.fit_transform(x[30:])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"optimizer": "adam"}, TypeError, ["optim.Adam(model.parameters(), lr=1e-3), got 'adam'"]),
        ({"optimizer": optim.Adam}, TypeError, ["optimizer is the class Adam", "pass an object"]),
        ({"loss": "cross_entropy"}, TypeError, ["nn.CrossEntropyLoss(), got 'cross_entropy'"]),
        ({"loss": lambda y, t: 1.0}, TypeError, ["the loss is a float, expected a Tensor"]),
        ({"model": nn.Linear}, TypeError, ["model is the class Linear"]),
        ({"scheduler": optim.lr_scheduler.StepLR}, TypeError, ["scheduler is the class StepLR"]),
        ({"metrics": ["acc"]}, ValueError, ["no metric 'acc'; did you mean 'accuracy'?"]),
    ],
)
def test_names_and_classes_in_place_of_objects(change, error, words):
    model = nn.Linear(4, 3)
    given = {"model": model, "loss": nn.CrossEntropyLoss(), "optimizer": None, **change}
    with pytest.raises(error) as caught:
        Trainer(**given, progress=False).fit(rows(), epochs=1)
    for word in words:
        assert word in str(caught.value)


# --- the loop ---


def test_learning_rate_of_1000():
    with pytest.warns(UserWarning, match=r"learning rate \(1000\) is probably too high; try 100"):
        trainer(lr=1e3).fit(rows(), epochs=1, batch_size=4)


def test_loss_that_is_no_scalar():
    fit_error(
        ValueError, "shape (32,)", "reduction='mean'", loss=nn.CrossEntropyLoss(reduction="none")
    )
    x = fastnn.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"scalar|one element"):
        (x * x).backward()


def test_backward_twice():
    x = fastnn.ones(3, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_forgotten_zero_grad_train_and_eval_cannot_happen_in_the_trainer():
    x, y = rows()
    t = trainer(nn.Linear(4, 3), nn.Dropout(0.9))
    t.model.eval()
    first = t.fit((x, y), epochs=1, batch_size=40)["loss"]
    assert np.array_equal(t.predict(x), t.predict(x))  # evaluation mode: no dropout
    gradient = t.model[0].weight.grad.numpy().copy()
    t.optimizer.param_groups[0]["lr"] = 0.0
    t.seed = 0
    t.fit((x, y), epochs=1, batch_size=40)
    t.fit((x, y), epochs=1, batch_size=40)
    again = t.model[0].weight.grad.numpy()
    assert abs(again).max() < 2 * abs(gradient).max() + 1  # not the sum of all steps
    assert first[0] > 0


def test_without_a_seed_runs_differ_and_with_one_they_do_not():
    def losses(**options):
        fastnn.manual_seed(0)
        a = trainer(nn.Linear(4, 3), **options)
        fastnn.manual_seed(0)
        b = trainer(nn.Linear(4, 3), **options)
        if not options:
            fastnn.manual_seed(1)
        return a.fit(rows(), epochs=2)["loss"], b.fit(rows(), epochs=2)["loss"]

    seeded, unseeded = losses(seed=3), losses()
    assert seeded[0] == seeded[1]
    assert unseeded[0] != unseeded[1]


# --- the README's script, with a new user's own data in it ---

README = Path(__file__).resolve().parents[1] / "README.md"


def readme_script():
    return re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)[1]


def floats(x, y):
    return x, y.astype(np.float32)


def from_1(x, y):
    return x, y + 1


def too_wide(x, y):
    return np.concatenate([x, x[:, :1]], axis=1), y


def with_nan(x, y):
    x[17, 3] = np.nan
    return x, y


def text(x, y):
    return x, np.array([f"digit {i}" for i in y])


def column_of_labels(x, y):
    return x, y[:, None]


def fewer_labels(x, y):
    return x, y[:-1]


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (floats, TypeError, ["y is float32", "y.astype(np.int64)"]),
        (from_1, ValueError, ["classes 0 to 9", "goes from 1 to 10", "use y - 1"]),
        (too_wide, ValueError, ["65", "64", "features"]),
        (with_nan, ValueError, ["x holds nan in row", "column 3", "fill in or drop"]),
        (text, TypeError, ["'digit ", "np.unique(y, return_inverse=True)"]),
        (column_of_labels, ValueError, ["y.ravel()"]),
        (fewer_labels, ValueError, ["same number of rows, got [1437, 1436]"]),
        (
            "epochs=40, batch_size=5000",
            ValueError,
            ["larger than the 1293 rows", "batch_size=1293"],
        ),
    ],
)
def test_the_readme_script_with_typical_mistakes(mistake, error, words, monkeypatch):
    script = readme_script()
    if isinstance(mistake, str):
        script = script.replace("epochs=40", mistake)
        assert mistake in script
    else:
        digits = data.load_digits
        monkeypatch.setattr(data, "load_digits", lambda split: mistake(*digits(split)))
    with pytest.raises(error) as caught:
        exec(compile(script, "README.md", "exec"), {"__name__": "__main__"})
    for word in words:
        assert word in str(caught.value)


def test_sampler_with_rows_that_do_not_exist():
    loader = data.DataLoader(data.TensorDataset(*rows(10)), 5, sampler=[0, 10])
    with pytest.raises(IndexError, match=r"10"):
        list(loader)


def test_stop_where_no_fit_runs_is_harmless():
    t = trainer()
    for stop_now in (False, True):
        t.stop("too early", now=stop_now)
        assert t.fit(rows(), epochs=2).stopped == "all 2 epochs done"


@pytest.mark.parametrize("method", ["predict", "scores", "arrays", "evaluate", "save", "split"])
def test_a_table_model_before_it_is_fitted(method, tmp_path):
    given = {"save": (tmp_path / "a",), "split": (TABLE, 0.2)}.get(method, (TABLE,))
    first = "build with the table" if method == "split" else "fit with the training rows"
    with pytest.raises(RuntimeError, match=f"TableModel: call {first} first"):
        getattr(TableModel("y"), method)(*given)


def test_preprocessing_before_it_is_fitted():
    for transform in (data.Standardizer(), data.PCA(), data.OneHot()):
        with pytest.raises(RuntimeError, match="call fit with the training rows first"):
            transform.transform(rows()[0])
