"""Losses: what a beginner's mistakes are told, and what the op table cannot show."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from fastnn._engine.engine import compile

import fastnn
from fastnn import nn

DISTANCES = [nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss]


@pytest.mark.parametrize("loss", DISTANCES)
@pytest.mark.parametrize(
    ("prediction", "target", "cure"),
    [((4, 1), (4,), r"use input.squeeze\(-1\)"), ((4,), (4, 1), r"use target.squeeze\(-1\)")],
)
def test_nothing_is_broadcast(loss, prediction, target, cure):
    with pytest.raises(ValueError, match=f"does not broadcast; {cure}"):
        loss()(fastnn.rand(*prediction), fastnn.rand(*target))


@pytest.mark.parametrize("name", [n for n in dir(nn) if n.endswith("Loss")])
def test_no_loss_at_all_broadcasts(name):
    loss = getattr(nn, name)()
    tensors = len(inspect.signature(loss.forward).parameters)
    for prediction, target in (((4, 1), (4,)), ((4,), (4, 1))):
        given = [fastnn.rand(*prediction), *[fastnn.rand(*target)] * (tensors - 1)]
        with pytest.raises((ValueError, TypeError), match=r"shape|integers"):
            loss(*given)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_labels_as_a_column(loss):
    with pytest.raises(ValueError, match=r"target has shape \(4, 1\), expected \(4,\); use target"):
        loss()(fastnn.randn(4, 3), fastnn.tensor([[0], [1], [2], [0]]))


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.NLLLoss])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_any_integer_label(loss, dtype):
    logits, labels = fastnn.randn(4, 3), np.array([0, 2, 1, 1])
    expected = loss()(logits, fastnn.tensor(labels)).item()
    assert loss()(logits, labels.astype(dtype)).item() == expected
    assert loss()(logits, labels.tolist()).item() == expected


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.NLLLoss])
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1, 2, 3, 1], IndexError, "label at position 2 is 3, expected 0 to 2 .*counted from 0"),
        ([0, -1, 2, 1], IndexError, "label at position 1 is -1, expected 0 to 2"),
        ([0.0, 1.0, 2.0, 1.0], TypeError, r"dtype float32, expected integers .*0 to 2.*\.long\(\)"),
        ([True, False, True, True], TypeError, "dtype bool, expected integers"),
        (["a", "b", "a", "b"], TypeError, "expected numbers, got text"),
        (None, TypeError, "expected a Tensor or an array, got None"),
        ([0, 1, 2], ValueError, r"target has shape \(3,\), expected \(4,\)"),
    ],
)
def test_bad_labels(loss, labels, error, message):
    with pytest.raises(error, match=message):
        loss()(fastnn.randn(4, 3), labels)


def test_one_hot_integers():
    with pytest.raises(ValueError, match=r"for one-hot targets use target.argmax\(1\)"):
        nn.CrossEntropyLoss()(fastnn.randn(3, 3), fastnn.tensor(np.eye(3, dtype=int)))


@pytest.mark.parametrize("loss", [*DISTANCES, nn.CrossEntropyLoss, nn.NLLLoss])
def test_unknown_reduction(loss):
    with pytest.raises(ValueError, match=f"{loss.__name__}: reduction must be .* got 'average'"):
        loss(reduction="average")


def test_probabilities_into_cross_entropy_warn_once():
    script = """
import warnings, fastnn
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    for _ in range(3):
        fastnn.cross_entropy(fastnn.softmax(fastnn.randn(5, 3), 1), fastnn.tensor([0, 1, 2, 0, 1]))
assert [str(w.message).count("leave out the softmax") for w in caught] == [1], caught
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_gradient_at_the_logits_is_p_minus_y():
    x = fastnn.tensor([[5.0, 2.0, -1.0, 3.0]], requires_grad=True)
    p = fastnn.softmax(x.detach(), 1)
    np.testing.assert_allclose(p.numpy()[0], [0.842, 0.042, 0.002, 0.114], atol=5e-4)
    fastnn.cross_entropy(x, fastnn.tensor([1])).backward()
    np.testing.assert_allclose(x.grad.numpy(), p.numpy() - [[0, 1, 0, 0]], atol=1e-6)


def test_chance_is_the_logarithm_of_the_classes():
    loss = fastnn.cross_entropy(fastnn.zeros(7, 10), fastnn.tensor([0, 1, 2, 3, 4, 5, 9]))
    assert loss.item() == pytest.approx(np.log(10), rel=1e-6)


def test_second_backward_over_a_kept_graph():
    x = fastnn.randn(5, 3).requires_grad_()
    loss = fastnn.cross_entropy(x, fastnn.tensor([0, 1, 2, 0, 1]))
    loss.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * once, rtol=1e-6)


def test_all_rows_ignored_gives_nan_and_no_gradient():
    x = fastnn.randn(2, 3).requires_grad_()
    loss = fastnn.cross_entropy(x, fastnn.tensor([-100, -100]))
    assert np.isnan(loss.item())
    loss.backward()
    assert (x.grad.numpy() == 0).all()


def test_huge_logits():
    x = fastnn.tensor([[1e4, 0.0], [-1e30, 1e30]], requires_grad=True)
    loss = fastnn.cross_entropy(x, fastnn.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 0
    assert (x.grad.numpy() == 0).all()


def test_targets_take_the_dtype_of_the_input():
    x, t = fastnn.randn(3, 2), np.arange(6.0).reshape(3, 2)
    assert fastnn.mse_loss(x, t).dtype == np.float32
    assert fastnn.mse_loss(x, t.astype(int)).item() == fastnn.mse_loss(x, t).item()


def test_bce_refuses_logits():
    with pytest.raises(ValueError, match="got 2; for logits use binary_cross_entropy_with_logits"):
        nn.BCELoss()(fastnn.tensor([0.5, 2.0]), fastnn.tensor([0.0, 1.0]))


def test_recorded_step_checks_new_labels():
    x = fastnn.randn(3, 4).requires_grad_()

    @compile
    def step(labels):
        loss = fastnn.cross_entropy(x, labels)
        loss.backward()
        return loss

    good = fastnn.tensor([0, 1, 2])
    for _ in range(3):
        x.grad = None
        assert step(good).item() == pytest.approx(fastnn.cross_entropy(x, good).item(), rel=1e-6)
    with pytest.raises(IndexError, match="label at position 1 is 4, expected 0 to 3"):
        step(fastnn.tensor([0, 4, 2]))
