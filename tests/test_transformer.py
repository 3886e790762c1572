"""MultiheadAttention, the Transformer's layers and stacks against PyTorch; positional encodings."""

import numpy as np
import pytest

import fastnn
from fastnn import nn

torch = pytest.importorskip("torch", reason="compares with torch")
from test_recurrent import EACH_DTYPE, close, compare, pair  # noqa: E402


def both(lib, array):
    return None if array is None else lib.as_tensor(array)


def forbidden(rng, *shape):
    """A mask where every query may look at the first key at least."""
    mask = rng.random(shape) < 0.4
    mask[..., 0] = False
    return mask


def causal(n):
    return np.triu(np.ones((n, n), bool), 1)


OPTIONS = {
    "plain": {},
    "batch first": {"batch_first": True, "bias": False},
    "kdim": {"kdim": 3, "vdim": 5},
    "bias_kv": {"add_bias_kv": True},
    "zero": {"add_zero_attn": True, "batch_first": True},
    "all": {"add_bias_kv": True, "add_zero_attn": True, "kdim": 3},
}


@EACH_DTYPE
@pytest.mark.parametrize("setting", OPTIONS)
def test_multihead_attention(setting, dtype):
    options = OPTIONS[setting]
    rng = np.random.default_rng(0)
    mine, theirs = pair("MultiheadAttention", 8, 2, **options, dtype=dtype)
    sizes = 8, options.get("kdim", 8), options.get("vdim", 8)
    L, S, N = 5, 6, 3
    masks = (
        (None, None),
        (forbidden(rng, L, S), None),
        (None, forbidden(rng, N, S)),
        (
            rng.standard_normal((N * 2, L, S)).astype(dtype),
            rng.standard_normal((N, S)).astype(dtype),
        ),
        (forbidden(rng, N * 2, L, S), np.zeros((N, S), bool)),
    )
    for attn, padding in masks:
        for need, average in ((True, True), (True, False), (False, True)):

            def call(layer, lib, *qkv, attn=attn, padding=padding, need=need, average=average):
                y, w = layer(
                    *qkv,
                    key_padding_mask=both(lib, padding),
                    attn_mask=both(lib, attn),
                    need_weights=need,
                    average_attn_weights=average,
                )
                return [y] if w is None else [y, w]

            shapes = [(L, N, sizes[0]), (S, N, sizes[1]), (S, N, sizes[2])]
            if options.get("batch_first"):
                shapes = [(b, a, c) for a, b, c in shapes]
            compare(mine, theirs, [rng.standard_normal(s) for s in shapes], dtype, call)
            mine.zero_grad()
            theirs.zero_grad()
    shapes = [(L, sizes[0]), (S, sizes[1]), (S, sizes[2])]
    compare(mine, theirs, [rng.standard_normal(s) for s in shapes], dtype)


@EACH_DTYPE
@pytest.mark.parametrize("batch_first", [False, True])
def test_self_attention(batch_first, dtype):
    """Where query, key and value are one tensor: one product, and no weights stored."""
    rng = np.random.default_rng(1)
    mine, theirs = pair("MultiheadAttention", 12, 3, batch_first=batch_first, dtype=dtype)
    L, N = 7, 4
    shape = (N, L, 12) if batch_first else (L, N, 12)
    for attn, padding, is_causal in (
        (None, None, False),
        (causal(L), None, True),
        (causal(L), forbidden(rng, N, L), True),
        (rng.standard_normal((L, L)).astype(dtype), forbidden(rng, N, L), False),
    ):
        for need in (False, True):

            def call(layer, lib, x, attn=attn, padding=padding, hint=is_causal, need=need):
                if lib is torch and padding is not None and attn.dtype != bool:
                    padding = np.where(padding, -np.inf, 0).astype(dtype)
                y, w = layer(
                    x,
                    x,
                    x,
                    key_padding_mask=both(lib, padding),
                    attn_mask=both(lib, attn),
                    need_weights=need,
                    is_causal=hint,
                )
                return [y] if w is None else [y, w]

            compare(mine, theirs, [rng.standard_normal(shape)], dtype, call)
            mine.zero_grad()
            theirs.zero_grad()
    compare(
        mine,
        theirs,
        [rng.standard_normal((L, 12))],
        dtype,
        lambda m, _, x: m(x, x, x, need_weights=False)[0],
    )
    compare(mine, theirs, [rng.standard_normal((1, 1, 12))], dtype, lambda m, _, x: m(x, x, x)[0])


def test_gradient_penalty():
    """Second order: the way without stored weights gives what the other gives."""
    found = []
    for need in (False, True):
        fastnn.manual_seed(0)
        layer = nn.MultiheadAttention(8, 2, batch_first=True, dtype=np.float64)
        x = fastnn.from_numpy(np.random.default_rng(2).standard_normal((2, 5, 8))).requires_grad_()
        mask = fastnn.as_tensor(causal(5))
        y, _ = layer(x, x, x, attn_mask=mask, need_weights=need)
        (dx,) = fastnn.autograd.grad((y * y).sum(), x, create_graph=True)
        (dx * dx).sum().backward()
        found.append([p.grad.numpy().copy() for p in (*layer.parameters(), x)])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@EACH_DTYPE
@pytest.mark.parametrize(
    "options",
    [{}, {"norm_first": True, "batch_first": True}, {"activation": "gelu", "bias": False}],
    ids=str,
)
def test_layers(options, dtype):
    rng = np.random.default_rng(2)
    first = options.get("batch_first")
    N, S, T = 3, 6, 5
    src = rng.standard_normal((N, S, 8) if first else (S, N, 8))
    tgt = rng.standard_normal((N, T, 8) if first else (T, N, 8))
    padding = forbidden(rng, N, S)
    common = {"d_model": 8, "nhead": 2, "dim_feedforward": 16, "dropout": 0.0, **options}
    mine, theirs = pair("TransformerEncoderLayer", **common, dtype=dtype)
    compare(mine, theirs, [src], dtype)

    def masked(layer, lib, x):
        return layer(x, both(lib, causal(S)), both(lib, padding), is_causal=True)

    mine.zero_grad(), theirs.zero_grad()
    compare(mine, theirs, [src], dtype, masked)
    mine.zero_grad(), theirs.zero_grad()
    compare(mine, theirs, [rng.standard_normal((S, 8))], dtype)

    mine, theirs = pair("TransformerDecoderLayer", **common, dtype=dtype)

    def decode(layer, lib, tgt, memory):
        return layer(
            tgt,
            memory,
            tgt_mask=both(lib, causal(T)),
            memory_key_padding_mask=both(lib, padding),
        )

    compare(mine, theirs, [tgt, src], dtype)
    mine.zero_grad(), theirs.zero_grad()
    compare(mine, theirs, [tgt, src], dtype, decode)

    mine.eval(), theirs.eval()
    with fastnn.no_grad(), torch.no_grad():
        a = [fastnn.from_numpy(x.astype(dtype)) for x in (tgt, src)]
        b = [torch.from_numpy(x.astype(dtype)) for x in (tgt, src)]
        close(decode(mine, fastnn, *a), decode(theirs, torch, *b), dtype, "evaluation")


@EACH_DTYPE
def test_transformer(dtype):
    rng = np.random.default_rng(3)
    mine, theirs = pair("Transformer", 8, 2, 2, 2, 16, 0.0, batch_first=True, dtype=dtype)
    src, tgt = rng.standard_normal((3, 6, 8)), rng.standard_normal((3, 5, 8))

    def call(layer, lib, src, tgt):
        mask = layer.generate_square_subsequent_mask(5, dtype=both(lib, np.zeros(1, dtype)).dtype)
        return layer(src, tgt, tgt_mask=mask)

    compare(mine, theirs, [src, tgt], dtype, call)
    norm = nn.LayerNorm(8, dtype=dtype)
    mine = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, dtype=dtype), 2, norm)
    theirs = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, torch.nn.LayerNorm(8)
    ).to(getattr(torch, np.dtype(dtype).name))
    mine.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    compare(mine, theirs, [src], dtype, lambda m, lib, x: m(x, is_causal=False))


def test_initial_values():
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = np.sqrt(6 / (64 + 3 * 64))
    w = layer.in_proj_weight.detach().numpy()
    assert np.abs(w).max() <= bound and abs(w.std() - bound / np.sqrt(3)) < 2e-3
    assert not layer.in_proj_bias.any() and not layer.out_proj.bias.any()
    assert 0.05 < layer.bias_k.detach().numpy().std() < 0.3
    layer = nn.MultiheadAttention(8, 2, kdim=4)
    assert sorted(layer.state_dict()) == sorted(
        torch.nn.MultiheadAttention(8, 2, kdim=4).state_dict()
    )


def test_dropout_acts_in_training_alone():
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.5, batch_first=True)
    x = fastnn.randn(2, 9, 16)
    assert not np.array_equal(layer(x).detach().numpy(), layer(x).detach().numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(x).detach().numpy(), layer(x).detach().numpy())


def test_dropout_keeps_its_share_and_its_mean():
    q = fastnn.zeros(1, 8, 40, 2)
    eye = fastnn.eye(200).reshape(1, 1, 200, 200).expand(1, 8, 200, 200)
    k = fastnn.zeros(1, 8, 200, 2)
    weights = fastnn.scaled_dot_product_attention(q, k, eye, dropout_p=0.3).numpy() * 200
    dropped = weights == 0
    np.testing.assert_allclose(weights[~dropped], 1 / 0.7, rtol=1e-5)
    assert abs(dropped.mean() - 0.3) < 0.01
    same = (dropped[0, 0] == dropped[0, 1]).mean()
    assert abs(same - (0.3**2 + 0.7**2)) < 0.03, "heads share a mask"


def test_recorded_training_step_gives_the_eager_bits():
    def trained(wrap):
        fastnn.manual_seed(0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
        model = nn.TransformerEncoder(layer, 2)
        adam = fastnn.optim.Adam(model.parameters(), lr=1e-2)

        def step(x, padding):
            adam.zero_grad()
            y = model(x, src_key_padding_mask=padding)
            loss = (y * y * y).mean()
            loss.backward()
            adam.step()
            return loss

        run = wrap(step)
        rng = np.random.default_rng(1)
        for _ in range(5):
            x = fastnn.from_numpy(rng.standard_normal((3, 7, 16)).astype(np.float32))
            run(x, fastnn.from_numpy(forbidden(rng, 3, 7)))
        if wrap is fastnn.compile:
            assert run.replayed >= 2, "the step was not replayed"
        return [p.detach().numpy().tobytes() for p in model.parameters()]

    assert trained(fastnn.compile) == trained(lambda f: f)


def test_positional_encodings():
    layer = nn.SinusoidalPositionalEncoding(6, max_len=50, batch_first=True)
    y = layer(fastnn.zeros(2, 40, 6)).numpy()
    for t, i in ((0, 0), (3, 2), (17, 5), (39, 4)):
        angle = t / 10000 ** ((i // 2 * 2) / 6)
        assert abs(y[1, t, i] - (np.cos if i % 2 else np.sin)(angle)) < 1e-6
    assert layer.state_dict() == {}
    np.testing.assert_array_equal(layer(fastnn.zeros(40, 6)).numpy(), y[0])
    time_first = nn.SinusoidalPositionalEncoding(6, max_len=50)
    np.testing.assert_array_equal(time_first(fastnn.zeros(40, 2, 6)).numpy()[:, 1], y[1])
    learned = nn.LearnedPositionalEncoding(6, 50)
    learned(fastnn.zeros(40, 2, 6)).sum().backward()
    g = learned.weight.grad.numpy()
    assert (g[:40] == 2).all() and (g[40:] == 0).all()
    with pytest.raises(ValueError, match="max_len is 50"):
        learned(fastnn.zeros(51, 2, 6))
    with pytest.raises(ValueError, match=r"\(\.\.\., 6\)"):
        layer(fastnn.zeros(2, 5, 7))


def test_masks_may_be_arrays():
    layer, x = nn.MultiheadAttention(8, 2), fastnn.randn(5, 3, 8)
    found = [
        layer(x, x, x, attn_mask=mask, key_padding_mask=padding)[0].detach().numpy()
        for mask, padding in (
            (causal(5), np.zeros((3, 5), bool)),
            (fastnn.as_tensor(causal(5)), fastnn.zeros(3, 5, dtype=bool)),
        )
    ]
    np.testing.assert_array_equal(*found)


def test_errors():
    with pytest.raises(ValueError, match="multiple of num_heads"):
        nn.MultiheadAttention(8, 3)
    layer = nn.MultiheadAttention(8, 2)
    x = fastnn.zeros(5, 3, 8)
    with pytest.raises(ValueError, match="query, key and value have shapes"):
        layer(x, fastnn.zeros(5, 2, 8), fastnn.zeros(5, 2, 8))
    with pytest.raises(ValueError, match="query, key and value have shapes"):
        layer(x, x, fastnn.zeros(4, 3, 8))
    with pytest.raises(ValueError, match=r"key_padding_mask must have shape \(3, 5\)"):
        layer(x, x, x, key_padding_mask=fastnn.zeros(5, 3, dtype=bool))
    with pytest.raises(ValueError, match=r"attn_mask must have shape \(5, 5\)"):
        layer(x, x, x, attn_mask=fastnn.zeros(4, 5, dtype=bool))
    with pytest.raises(TypeError, match="bool or floating"):
        layer(x, x, x, attn_mask=fastnn.zeros(5, 5, dtype="int64"))
    with pytest.raises(ValueError, match="nested tensors"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1, enable_nested_tensor=True)
    with pytest.raises(ValueError, match="activation must be"):
        nn.TransformerEncoderLayer(8, 2, activation="tanhh")
    with pytest.raises(ValueError, match="num_layers"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 0)
    with pytest.raises(ValueError, match="8 features"):
        nn.Transformer(8, 2, 1, 1, 16)(fastnn.zeros(5, 3, 7), x)
