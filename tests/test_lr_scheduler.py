"""Schedules: PyTorch's sequences over 100 epochs."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

torch = pytest.importorskip("torch", reason="sequences are compared with torch's")

MAKERS = {
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [10, 30, 30, 80], 0.3),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.97),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 30, 1e-3),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.9, 20),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.25, 12),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 50, 2.0),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)]),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 40), s.StepLR(o, 5)],
        [10, 50],
    ),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(
        o, [lambda e: 0.97, lambda e: 1 + 0.1 * (-1) ** e]
    ),
    "WarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, eta_min=1e-3),
    "WarmRestarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2),
    "Cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 9, 4),
    "Cyclic 2": lambda s, o: s.CyclicLR(o, [0.01, 0.1], [0.3, 0.2], 8, mode="triangular2"),
    "Cyclic exp": lambda s, o: s.CyclicLR(
        o, 0.01, 0.3, 5, mode="exp_range", gamma=0.98, base_momentum=0.5, max_momentum=0.99
    ),
    "Cyclic own": lambda s, o: s.CyclicLR(
        o, 0.1, 1.0, 7, scale_fn=lambda x: 1 / x, cycle_momentum=False
    ),
    "Cyclic own steps": lambda s, o: s.CyclicLR(
        o, 0.1, 1.0, 7, scale_fn=lambda x: 0.9**x, scale_mode="iterations"
    ),
    "OneCycle": lambda s, o: s.OneCycleLR(o, 1.0, total_steps=110),
    "OneCycle linear": lambda s, o: s.OneCycleLR(
        o, [1.0, 2.0], epochs=10, steps_per_epoch=11, pct_start=0.2, anneal_strategy="linear"
    ),
    "OneCycle three": lambda s, o: s.OneCycleLR(
        o, 0.5, 101, three_phase=True, div_factor=5.0, final_div_factor=20.0, base_momentum=0.3
    ),
    "OneCycle flat": lambda s, o: s.OneCycleLR(
        o, 0.5, 100, pct_start=0.0, three_phase=True, cycle_momentum=False
    ),
    "Chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.9)], optimizer=o
    ),
    "Chained cosine": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.2, total_iters=9), s.CosineAnnealingLR(o, 20, 1e-3), s.StepLR(o, 9, 0.5)]
    ),
    "Chained after steps": lambda s, o: s.ChainedScheduler(
        [
            s.PolynomialLR(o, 70),
            s.MultiStepLR(o, [3, 8], 0.5),
            s.MultiplicativeLR(o, lambda e: 0.99),
        ]
    ),
    "Chained lambda": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.5, 4), s.LambdaLR(o, lambda e: 0.9**e)]
    ),
    "Sequential restarts": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 5), s.CosineAnnealingWarmRestarts(o, 6)], [5]
    ),
}


def optimizers():
    mine = [nn.Parameter(fastnn.zeros(2)), nn.Parameter(fastnn.zeros(3))]
    theirs = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3))]
    return [
        library.SGD([{"params": [p]}, {"params": [q], "lr": 0.7}], lr=0.1, momentum=0.9)
        for library, (p, q) in ((optim, mine), (torch.optim, theirs))
    ]


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def momenta(optimizer):
    return [group.get("momentum", group.get("betas")) for group in optimizer.param_groups]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_sequence(name):
    a, b = optimizers()
    mine, theirs = MAKERS[name](optim.lr_scheduler, a), MAKERS[name](torch.optim.lr_scheduler, b)
    for _ in range(100):
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(momenta(a), momenta(b), rtol=1e-9)
        assert mine.get_last_lr() == rates(a)
        mine.step()
        theirs.step()


@pytest.mark.parametrize("name", MAKERS)
def test_resume(name):
    a, b = optimizers()[0], optimizers()[0]
    whole, start = MAKERS[name](optim.lr_scheduler, a), MAKERS[name](optim.lr_scheduler, b)
    for _ in range(13):
        whole.step()
        start.step()
    c = optimizers()[0]
    resumed = MAKERS[name](optim.lr_scheduler, c)
    c.load_state_dict(b.state_dict())
    resumed.load_state_dict(start.state_dict())
    for _ in range(60):
        whole.step()
        resumed.step()
        assert rates(a) == rates(c)
        assert momenta(a) == momenta(c)


@pytest.mark.parametrize("back", [False, True], ids=["from torch", "to torch"])
@pytest.mark.parametrize("name", MAKERS)
def test_state_goes_to_torch_and_back(name, back):
    """37 epochs with one library, its state into the other: both go on alike."""
    first, second = optimizers()[::-1] if not back else optimizers()
    rooms = [optim.lr_scheduler, torch.optim.lr_scheduler]
    rooms = rooms if back else rooms[::-1]
    old = MAKERS[name](rooms[0], first)
    for _ in range(37):
        first.step()
        old.step()
    new = MAKERS[name](rooms[1], second)
    groups = copy.deepcopy(first.state_dict()["param_groups"])
    second.load_state_dict({**second.state_dict(), "param_groups": groups})
    new.load_state_dict(copy.deepcopy(old.state_dict()))
    for _ in range(40):
        for optimizer, schedule in ((first, old), (second, new)):
            optimizer.step()
            schedule.step()
        for mine, theirs in zip(first.param_groups, second.param_groups, strict=True):
            for key in ("lr", "momentum"):
                assert mine[key] == pytest.approx(theirs[key], rel=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "max", "factor": 0.5, "patience": 2, "cooldown": 3},
        {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": [0.01, 0.02]},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.3, "patience": 0},
    ],
)
def test_plateau(settings):
    a, b = optimizers()
    mine = optim.lr_scheduler.ReduceLROnPlateau(a, **settings)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **settings)
    rng = np.random.default_rng(0)
    for epoch in range(100):
        metric = 1 / (1 + 0.1 * epoch) + 0.2 * rng.random()
        mine.step(metric)
        theirs.step(metric)
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-12)


def test_the_kernel_sees_the_rate():
    p = nn.Parameter(fastnn.zeros(1))
    optimizer = optim.SGD([p], lr=1.0)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    for _ in range(3):
        p.grad = fastnn.ones(1)
        optimizer.step()
        schedule.step()
    assert p.item() == -1.75


def test_a_rate_changed_by_hand_goes_on_in_proportion():
    optimizer = optimizers()[0]
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.param_groups[0]["lr"] = 4.0
    schedule.step()
    assert rates(optimizer) == [2.0, 0.175]
    schedule.step()
    assert rates(optimizer) == [1.0, 0.0875]


def test_restarts_within_epochs():
    """step(epoch + share of it), as PyTorch."""
    a, b = optimizers()
    mine = optim.lr_scheduler.CosineAnnealingWarmRestarts(a, 3, 2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(b, 3, 2)
    for epoch in (0.3, 1.7, 2.9, 3.0, 8.5, None, None, 21.0, None, 1.0, None):
        mine.step(epoch)
        theirs.step(epoch)
        np.testing.assert_allclose(rates(a), rates(b), rtol=1e-9)
        assert mine.last_epoch == theirs.last_epoch


@pytest.mark.parametrize("name", ["Cyclic", "OneCycle"])
def test_betas_cycle_too(name):
    p, q = nn.Parameter(fastnn.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    a, b = optim.Adam([p], betas=(0.7, 0.99)), torch.optim.Adam([q], betas=(0.7, 0.99))
    mine, theirs = MAKERS[name](optim.lr_scheduler, a), MAKERS[name](torch.optim.lr_scheduler, b)
    for _ in range(50):
        np.testing.assert_allclose(momenta(a), momenta(b), rtol=1e-9)
        mine.step()
        b.step()
        theirs.step()


# --- what PyTorch has not: the formulas ---


def sequence(schedule, count):
    found = []
    for _ in range(count):
        found.append(rates(schedule.optimizer))
        schedule.step()
    return np.array(found)


E, BASES = np.arange(100)[:, None], np.array([[0.1, 0.7]])
FORMULAS = {
    "InverseTimeLR": (lambda s, o: s.InverseTimeLR(o, 0.3), BASES / (1 + 0.3 * E)),
    "TwoStageExponentialLR": (
        lambda s, o: s.TwoStageExponentialLR(o, 0.02, 0.1, 40),
        BASES * np.where(E < 40, np.exp(-0.02 * E), np.exp(-0.02 * 40 - 0.1 * (E - 40))),
    ),
    "WarmUpLR": (
        lambda s, o: s.WarmUpLR(s.StepLR(o, 7, 0.5), 10, 0.2),
        BASES * np.where(E < 10, 0.2 + 0.08 * E, 0.5 ** ((E - 10.0) // 7)),
    ),
    "WarmUpLR of two": (
        lambda s, o: s.WarmUpLR(
            s.ChainedScheduler([s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)]), 5, 0.0
        ),
        BASES
        * np.where(E < 5, 0.1 * E, np.where(E < 8, 0.5, 1) * 0.9 ** np.clip(E - 5.0, 0, None)),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    make, wanted = FORMULAS[name]
    found = sequence(make(optim.lr_scheduler, optimizers()[0]), 100)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    a, b = optimizers()[0], optimizers()[0]
    whole, start = make(optim.lr_scheduler, a), make(optim.lr_scheduler, b)
    sequence(whole, 8)
    sequence(start, 8)
    c = optimizers()[0]
    resumed = make(optim.lr_scheduler, c)
    c.load_state_dict(b.state_dict())
    resumed.load_state_dict(start.state_dict())
    assert (sequence(whole, 50) == sequence(resumed, 50)).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_warm_up_is_pytorchs_sequence():
    a, b = optimizers()
    mine = optim.lr_scheduler
    theirs = torch.optim.lr_scheduler
    found = sequence(mine.WarmUpLR(mine.CosineAnnealingLR(a, 30), 10, 0.1), 60)
    second = [theirs.LinearLR(b, 0.1, total_iters=10), theirs.CosineAnnealingLR(b, 30)]
    np.testing.assert_allclose(found, sequence(theirs.SequentialLR(b, second, [10]), 60), rtol=1e-9)


def test_warm_up_before_a_schedule_that_looks_at_a_metric():
    optimizer = optimizers()[0]
    lrs = optim.lr_scheduler
    schedule = lrs.WarmUpLR(lrs.ReduceLROnPlateau(optimizer, patience=0), 2, 0.5)
    found = []
    for metric in (None, 5.0, 4.0, 4.0, 3.0, 3.0):
        schedule.step(metric)
        found.append(rates(optimizer)[0])
    np.testing.assert_allclose(found, [0.075, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_new_bob():
    """Halved after each rise; a fall of less than the threshold counts as one."""
    errors = np.random.default_rng(0).random(100)
    for threshold in (0.0, 0.2):
        optimizer = optimizers()[0]
        schedule = optim.lr_scheduler.NewBobLR(optimizer, threshold=threshold, min_lr=1e-4)
        wanted, before = np.array(BASES[0]), np.inf
        for error in errors:
            schedule.step(error)
            if error > before * (1 - threshold):
                # ReduceLROnPlateau, too, leaves out changes of less than 1e-8
                wanted = np.where(
                    wanted - np.maximum(wanted / 2, 1e-4) > 1e-8,
                    np.maximum(wanted / 2, 1e-4),
                    wanted,
                )
            before = error
            np.testing.assert_allclose(rates(optimizer), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda p: optim.SGD([p], momentum=0.9), lambda p: optim.Adam([p])]
)
def test_rising_momentum(make):
    optimizer = make(nn.Parameter(fastnn.zeros(1)))
    schedule = optim.lr_scheduler.LinearMomentum(optimizer, 0.5, 0.99, 40)
    for epoch in range(100):
        (found,) = momenta(optimizer)
        wanted = 0.5 + 0.49 * min(epoch / 40, 1)
        assert (found if np.isscalar(found) else found[0]) == pytest.approx(wanted, rel=1e-12)
        schedule.step()
        if epoch == 20:
            state = schedule.state_dict()
            schedule = optim.lr_scheduler.LinearMomentum(optimizer, 0.1, 0.2)
            schedule.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda s, o: s.StepLR(o, 0), "step_size must be at least 1"),
        (lambda s, o: s.CosineAnnealingLR(o, 0), "T_max must be positive"),
        (lambda s, o: s.LinearLR(o, 0.0), "start_factor"),
        (lambda s, o: s.ConstantLR(o, 2.0), "factor"),
        (lambda s, o: s.LambdaLR(o, [abs]), "expected 2 functions"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="low"), "'min' or 'max'"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), "factor must be"),
        (lambda s, o: s.SequentialLR(o, [], [1]), "0 schedulers"),
        (lambda s, o: s.ChainedScheduler([]), "at least one"),
        (lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), "needs a metric"),
        (lambda s, o: s.ChainedScheduler([s.StepLR(o, 2)], optimizers()[0]), "same optimizer"),
        (lambda s, o: s.MultiplicativeLR(o, [abs]), "expected 2 functions"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), "T_0 must be an integer"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 1.5), "T_mult must be an integer"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 3).step(-1), "must not be negative"),
        (lambda s, o: s.CyclicLR(o, 0.1, 1, mode="square"), "mode must be"),
        (lambda s, o: s.CyclicLR(o, 0.1, [1, 2, 3]), "expected 2 values of max_lr"),
        (lambda s, o: s.CyclicLR(optim.Adagrad([nn.Parameter(fastnn.zeros(1))]), 0, 1), "neither"),
        (lambda s, o: s.OneCycleLR(o, 1.0), "give total_steps, or"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 0), "total_steps must be a positive integer"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 5, pct_start=1.5), "pct_start must be from 0 to 1"),
        (lambda s, o: sequence(s.OneCycleLR(o, 1.0, 5), 7), "step 6 of a cycle of 5 steps"),
        (lambda s, o: s.WarmUpLR(s.StepLR(o, 2), 0), "total_iters must be at least 1"),
        (lambda s, o: s.WarmUpLR(s.StepLR(o, 2), 3, 1.5), "start_factor must be from 0 to 1"),
        (lambda s, o: s.InverseTimeLR(o, -1), "decay must be at least 0"),
        (lambda s, o: s.NewBobLR(o, 1.5), "factor must be"),
        (lambda s, o: s.LinearMomentum(optim.Rprop([nn.Parameter(fastnn.zeros(1))])), "neither"),
    ],
)
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make(optim.lr_scheduler, optimizers()[0])
    with pytest.raises(TypeError, match="expected an Optimizer"):
        optim.lr_scheduler.StepLR(None, 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "kind, settings, name",
    [
        ("StepLR", {"step_size": 3}, "gamma"),
        ("MultiStepLR", {"milestones": [2]}, "gamma"),
        ("ExponentialLR", {}, "gamma"),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0}, "gamma"),
        ("CyclicLR", {"base_lr": 0.1}, "max_lr"),
        ("PolynomialLR", {}, "power"),
        ("ReduceLROnPlateau", {}, "min_lr"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9}, "max_momentum"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9}, "div_factor"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9}, "final_div_factor"),
    ],
)
def test_no_rate_becomes_nan_or_infinite(kind, settings, name, value):
    optimizer = optim.SGD([nn.Parameter(fastnn.zeros(1))], lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=f"{kind}: {name} must be .*, got {value}"):
        getattr(optim.lr_scheduler, kind)(optimizer, **settings, **{name: value})
