"""Loss modules against PyTorch's, their own formulas, penalties and calibration."""

import warnings

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.nn import functional as F

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(0)
X, Y, Z = (RNG.standard_normal((6, 5)) for _ in range(3))
LABELS, SIGNS, ROW_SIGNS = (
    RNG.integers(0, 5, 6),
    RNG.choice([-1, 1], (6, 5)),
    RNG.choice([-1, 1], 6),
)
MANY = np.array([[0, 2, -1, 1, 1], [4, -1, 0, 0, 0], [-1, 0, 0, 0, 0]] * 2)
POSITIVE, WEIGHT = RNG.random((6, 5)) + 0.1, RNG.random(5) + 0.5
SHARES = POSITIVE / POSITIVE.sum(1, keepdims=True)
CASES = [
    ("MultiMarginLoss", {}, (X,), (LABELS,)),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": WEIGHT}, (X,), (LABELS,)),
    ("MultiLabelMarginLoss", {}, (X,), (MANY,)),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, (X,), ((SIGNS > 0) * 1.0,)),
    ("HingeEmbeddingLoss", {"margin": 0.3}, (X,), (SIGNS * 1.0,)),
    ("SoftMarginLoss", {}, (X,), (SIGNS * 1.0,)),
    ("CosineEmbeddingLoss", {"margin": 0.1}, (X, Y), (ROW_SIGNS,)),
    ("MarginRankingLoss", {"margin": 0.4}, (X, Y), (SIGNS,)),
    ("TripletMarginLoss", {}, (X, Y, Z), ()),
    ("TripletMarginLoss", {"margin": 2.0, "p": 3, "eps": 1e-3, "swap": True}, (X, Y, Z), ()),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5, "swap": True}, (X, Y, Z), ()),
    ("KLDivLoss", {}, (X,), (POSITIVE,)),
    ("KLDivLoss", {"log_target": True}, (X, Y), ()),
    ("GaussianNLLLoss", {"full": True, "eps": 0.3}, (X, Y, POSITIVE), ()),
    ("PoissonNLLLoss", {"full": True}, (X,), (np.floor(9 * POSITIVE),)),
    ("PoissonNLLLoss", {"log_input": False, "eps": 0.1}, (POSITIVE,), (np.floor(9 * POSITIVE),)),
    ("CrossEntropyLoss", {}, (X,), (LABELS,)),
    (
        "CrossEntropyLoss",
        {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.2},
        (X,),
        (LABELS,),
    ),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, (X,), (SHARES,)),
    ("NLLLoss", {}, (X,), (LABELS,)),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 2}, (X,), (LABELS,)),
    ("MSELoss", {}, (X, Y), ()),
    ("L1Loss", {}, (X, Y), ()),
    ("SmoothL1Loss", {}, (X, Y), ()),
    ("SmoothL1Loss", {"beta": 0.3}, (X, Y), ()),
    ("HuberLoss", {}, (X, Y), ()),
    ("HuberLoss", {"delta": 0.3}, (X, Y), ()),
    ("BCELoss", {}, (SHARES,), ((SIGNS > 0) * 1.0,)),
    ("BCELoss", {"weight": WEIGHT}, (SHARES,), (SHARES,)),
    ("BCEWithLogitsLoss", {}, (X,), ((SIGNS > 0) * 1.0,)),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": 2 * WEIGHT}, (X,), (SHARES,)),
]


LAYOUTS = {
    "6 rows": lambda a: a,
    "strided": lambda a: np.asfortranarray(a),
    "1 row": lambda a: a[:1],
    "no rows": lambda a: a[:0],
    "no batch": lambda a: a[0],
    "1 class": lambda a: a[:, :1] if a.ndim > 1 else a * (a.min() < 0),
}


def loss_and_gradients(library, case, reduction, dtype, layout):
    name, settings, inputs, targets = case
    make = library.as_tensor

    def cast(a):
        a = layout(a)
        return a.astype(dtype) if a.dtype.kind == "f" else a

    # one weight for each class, of which there may be fewer
    classes = layout(X).shape[-1]
    own = {
        k: make(v[:classes].astype(dtype)) if isinstance(v, np.ndarray) else v
        for k, v in settings.items()
    }
    loss = getattr(library.nn, name)(**own, reduction=reduction)
    xs = [make(cast(x)).requires_grad_() for x in inputs]
    y = loss(*xs, *[make(cast(t)) for t in targets])
    (y * y).sum().backward()
    return [y.detach().numpy(), *(x.grad.numpy() for x in xs)]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("case", CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_modules_are_pytorchs(case, dtype, rtol, layout):
    """With every reduction, wherever PyTorch takes such a shape."""
    if layout == "no rows" and case[0] in ("MultiMarginLoss", "MultiLabelMarginLoss"):
        pytest.skip("PyTorch's mean is uninitialized memory there, ours NaN")
    for reduction in ("mean", "sum", "none", *(["batchmean"] if case[0] == "KLDivLoss" else [])):
        try:
            theirs = loss_and_gradients(torch, case, reduction, dtype, LAYOUTS[layout])
        except (RuntimeError, ValueError, IndexError):
            assert layout not in ("6 rows", "strided")
            continue
        mine = loss_and_gradients(fastnn, case, reduction, dtype, LAYOUTS[layout])
        for u, v in zip(mine, theirs, strict=True):
            assert u.dtype == dtype
            assert u.shape == v.shape
            np.testing.assert_allclose(u, v, rtol=rtol, atol=rtol / 10)


def test_state_and_repr():
    loss = nn.MultiMarginLoss(weight=fastnn.ones(3))
    assert list(loss.state_dict()) == ["weight"]
    assert repr(nn.KLDivLoss("batchmean")) == "KLDivLoss(reduction='batchmean')"
    for name in ("MarginRankingLoss", "QuantileLoss", "DistillationLoss"):
        with pytest.raises(ValueError, match=f"{name}: reduction must be .* got 'batchmean'"):
            getattr(nn, name)(reduction="batchmean")
    with pytest.raises(ValueError, match="'none' or 'batchmean', got 'average'"):
        nn.KLDivLoss("average")


@pytest.mark.parametrize(
    ("loss", "bad", "match"),
    [
        (lambda x, t: F.hinge_embedding_loss(x, t), 0.5, "position 3 is 0.5, expected 1 or -1"),
        (lambda x, t: F.soft_margin_loss(x, t), np.nan, "position 3 is nan, expected 1 or -1"),
        (lambda x, t: F.margin_ranking_loss(x, x * 0, t), 0, "position 3 is 0, expected 1 or -1"),
        (
            lambda x, t: F.cosine_embedding_loss(x[:, None].expand(5, 2), fastnn.ones(5, 2), t),
            2,
            "position 3 is 2, expected 1 or -1",
        ),
        (lambda x, t: F.gaussian_nll_loss(x, x * 0, t + 1), -3, "negative entries, such as -2"),
        (lambda x, t: F.binary_cross_entropy(x, (t + 1) / 2), None, None),
    ],
)
def test_bad_targets_are_found_in_replays(loss, bad, match):
    @fastnn.compile
    def step(x, t):
        x = x.detach().requires_grad_()
        y = loss(x, t)
        y.backward()
        return y.detach(), x.grad

    targets = np.array([1, -1, 1, -1, 1], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "runs eagerly"
        for _ in range(4):
            step(fastnn.rand(5), fastnn.tensor(targets))
    if bad is not None:
        targets[3] = bad
        with pytest.raises(ValueError, match=match):
            step(fastnn.rand(5), fastnn.tensor(targets))
    assert step(fastnn.rand(5), fastnn.ones(5))[1].shape == (5,)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_all_margins_are_missed_at_chance(classes):
    labels = fastnn.tensor(np.arange(7) % classes)
    assert nn.WestonWatkinsLoss()(fastnn.zeros(7, classes), labels).item() == classes - 1


def test_what_the_others_reduce_to():
    x, t = fastnn.tensor(X), fastnn.tensor(LABELS)
    plain = F.cross_entropy(x, t).item()
    assert nn.FocalLoss(gamma=0)(x, t).item() == pytest.approx(plain, rel=1e-12)
    a, b = fastnn.tensor(X), fastnn.tensor(Y)
    half = nn.QuantileLoss(0.5)(a, b).item()
    assert half == pytest.approx(F.l1_loss(a, b).item() / 2, rel=1e-12)
    same = nn.AsymmetricHuberLoss(0.7, 0.7)(a, b).item()
    assert same == pytest.approx(F.huber_loss(a, b, delta=0.7).item(), rel=1e-12)
    assert nn.DistillationLoss(3.0, 1.0)(a, a).item() == pytest.approx(0, abs=1e-14)
    mixed = nn.DistillationLoss(2.0, 0.25)(a, b, t).item()
    wanted = 0.25 * F.distillation_loss(a, b, 2.0).item() + 0.75 * plain
    assert mixed == pytest.approx(wanted, rel=1e-12)
    near, far = (
        nn.SquaredEMDLoss()(9 * fastnn.eye(5)[:1], fastnn.tensor([1])),
        nn.SquaredEMDLoss()(9 * fastnn.eye(5)[:1], fastnn.tensor([4])),
    )
    assert far.item() > 3.9 * near.item()


def test_the_quantile_loss_finds_the_quantile():
    data = fastnn.tensor(np.random.default_rng(1).exponential(size=1001))
    q = nn.Parameter(fastnn.zeros(1).double())
    optimizer = optim.Rprop([q], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        nn.QuantileLoss(0.8)(q.expand(1001), data).backward()
        optimizer.step()
    assert q.item() == pytest.approx(np.quantile(data.numpy(), 0.8), rel=0.01)


def test_penalties_are_what_decay_does():
    rng = np.random.default_rng(2)
    start = rng.standard_normal((4, 3))
    g = fastnn.tensor(rng.standard_normal((4, 3)))
    p, q = nn.Parameter(fastnn.tensor(start)), nn.Parameter(fastnn.tensor(start))
    a = optim.SGD([p], lr=0.1)
    b = optim.SGD([q], lr=0.1, l1_decay=0.3, weight_decay=0.2)
    for _ in range(3):
        for x, optimizer, penalty in ((p, a, F.elastic_penalty([("w", p)], 0.3, 0.2)), (q, b, 0)):
            optimizer.zero_grad()
            ((x * g).sum() + penalty).backward()
            optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)
    for bad, error in (([], ValueError), ([1.0], TypeError)):
        with pytest.raises(error, match="l1_penalty"):
            F.l1_penalty(bad)
    with pytest.raises(ValueError, match="must not be negative"):
        F.elastic_penalty(p, -1, 0)


# --- calibration ---


def overconfident(rows=4000, scale=3.0):
    """Logits whose softmax at temperature `scale` is the truth."""
    rng = np.random.default_rng(3)
    logits = 2 * rng.standard_normal((rows, 6))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (p.cumsum(1) < rng.random((rows, 1))).sum(1)
    return fastnn.tensor(scale * logits), fastnn.tensor(labels)


def test_temperature_scaling_calibrates():
    logits, labels = overconfident()
    before = nn.expected_calibration_error(logits, labels)
    scaling = nn.TemperatureScaling().fit(logits, labels)
    assert scaling.temperature.item() == pytest.approx(3.0, rel=0.05)
    scaled = scaling(logits)
    assert nn.expected_calibration_error(scaled, labels) < 0.03 < 0.15 < before
    assert (scaled.argmax(1) == logits.argmax(1)).all()
    # the slope at the minimum is 0
    t = scaling.temperature.clone().requires_grad_()
    F.cross_entropy(logits / t, labels).backward()
    assert abs(t.grad.item()) < 1e-9
    other = nn.TemperatureScaling()
    other.load_state_dict(scaling.state_dict())
    assert other.temperature.item() == scaling.temperature.item()


def test_temperatures_stay_in_limits():
    x = fastnn.tensor([[1.0, 0.0], [0.0, 1.0]])
    # always right: small, until the slope underflows; always wrong: the upper limit
    assert 1e-3 <= nn.TemperatureScaling().fit(x, [0, 1]).temperature.item() < 1e-2
    assert nn.TemperatureScaling().fit(x, [1, 0]).temperature.item() == pytest.approx(1e3, rel=0.1)


def test_calibration_error_by_its_definition():
    logits, labels = overconfident(300)
    p = F.softmax(logits, 1).numpy()
    sure, right, total = p.max(1), p.argmax(1) == labels.numpy(), 0.0
    for b in range(10):
        inside = (sure > b / 10) & (sure <= (b + 1) / 10)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert nn.expected_calibration_error(logits, labels, 10) == pytest.approx(total, rel=1e-9)
    assert nn.reliability(logits, labels, 10)["count"].sum() == 300


@pytest.mark.parametrize(
    ("logits", "labels", "error", "match"),
    [
        (np.zeros((2, 3)), [0, 3], IndexError, "label at position 1 is 3, expected 0 to 2"),
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, "expected integers"),
        (np.zeros((2, 3)), [0], ValueError, r"labels have shape \(1,\)"),
        (np.zeros(3), [0], ValueError, r"expected \(N, C\)"),
        (np.full((1, 2), np.inf), [0], ValueError, "must be finite"),
    ],
)
def test_calibration_errors(logits, labels, error, match):
    with pytest.raises(error, match=match):
        nn.TemperatureScaling().fit(logits, labels)


# --- nn.utils ---


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("norm_type", [2.0, 1.0, float("inf")])
def test_norms_of_given_tensors(norm_type):
    grads = [X.astype("float32"), Y[0].astype("float32")]
    mine = [nn.Parameter(fastnn.zeros(g.shape)) for g in grads]
    theirs = [torch.nn.Parameter(torch.zeros(g.shape)) for g in grads]
    for p, q, g in zip(mine, theirs, grads, strict=True):
        p.grad, q.grad = fastnn.tensor(g), torch.tensor(g)
    a = nn.utils.get_total_norm([p.grad for p in mine], norm_type)
    b = torch.nn.utils.get_total_norm([q.grad for q in theirs], norm_type)
    assert a.item() == pytest.approx(b.item(), rel=1e-5)
    for limit in (1e9, 0.3):
        nn.utils.clip_grads_with_norm_(mine, limit, a)
        torch.nn.utils.clip_grads_with_norm_(theirs, limit, b)
        for p, q in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5)
    with pytest.raises(RuntimeError, match="norm is nan"):
        nn.utils.get_total_norm([fastnn.tensor([float("nan")])], error_if_nonfinite=True)
    with pytest.raises(ValueError, match="foreach=False is not supported"):
        nn.utils.clip_grad_norm_(mine, 1.0, foreach=False)
