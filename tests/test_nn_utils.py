"""`nn.utils`: fusing, parameters as a vector, parametrizations."""

import numpy as np
import pytest

import fastnn
from fastnn import nn


def test_fusing_batch_norm_and_parameters_as_a_vector():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(2)
    for first, second, shape, transposed in (
        (("Conv2d", 3, 4, 3), "BatchNorm2d", (2, 3, 6, 6), False),
        (("ConvTranspose2d", 3, 4, 3), "BatchNorm2d", (2, 3, 6, 6), True),
        (("Conv1d", 3, 4, 3), "BatchNorm1d", (2, 3, 6), False),
        (("Linear", 3, 4), "BatchNorm1d", (5, 3), False),
    ):
        pair = nn.Sequential(getattr(nn, first[0])(*first[1:]), getattr(nn, second)(4))
        for _ in range(3):
            pair(fastnn.tensor(rng.standard_normal(shape).astype(np.float32)))
        pair.eval()
        other = torch.nn.Sequential(
            getattr(torch.nn, first[0])(*first[1:]), getattr(torch.nn, second)(4)
        ).eval()
        other.load_state_dict(
            {k: torch.tensor(np.array(v.detach().numpy())) for k, v in pair.state_dict().items()}
        )
        linear = first[0] == "Linear"
        extra = () if linear else (transposed,)
        name = "fuse_linear_bn_eval" if linear else "fuse_conv_bn_eval"
        fused = getattr(nn.utils, name)(*pair, *extra)
        theirs = getattr(torch.nn.utils, name)(*other, *extra)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(
                fused.state_dict()[key].numpy(), value.numpy(), rtol=1e-5, atol=1e-6
            )
        x = fastnn.tensor(rng.standard_normal(shape).astype(np.float32))
        np.testing.assert_allclose(
            fused(x).detach().numpy(), pair(x).detach().numpy(), rtol=1e-4, atol=1e-5
        )
        with pytest.raises(ValueError, match="eval"):
            getattr(nn.utils, name)(*pair.train(), *extra)

    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (11,) and vector.requires_grad
    nn.utils.vector_to_parameters(fastnn.arange(11.0), model.parameters())
    np.testing.assert_array_equal(model[0].bias.detach().numpy(), [6, 7])
    with pytest.raises(ValueError, match="11 elements"):
        nn.utils.vector_to_parameters(fastnn.arange(12.0), model.parameters())


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize(
    ("layer", "args", "shape"),
    [("Linear", (4, 3), (5, 4)), ("Conv2d", (2, 3, 2), (1, 2, 4, 4)), ("ConvTranspose1d", (2, 3, 2), (1, 2, 4))],
)  # fmt: skip
def test_parametrizations_as_torch(name, layer, args, shape):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    rng = np.random.default_rng(8)
    mine = getattr(nn.utils.parametrizations, name)(getattr(nn, layer)(*args)).double()
    theirs = getattr(torch.nn.utils.parametrizations, name)(
        getattr(torch.nn, layer)(*args)
    ).double()
    assert sorted(mine.state_dict()) == sorted(theirs.state_dict())
    mine.load_state_dict({k: np.array(v.numpy()) for k, v in theirs.state_dict().items()})
    for training in (True, True, False):
        mine.train(training)
        theirs.train(training)
        x = rng.standard_normal(shape)
        y, z = mine(fastnn.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        mine.zero_grad()
        theirs.zero_grad()
        (y**2).sum().backward()
        (z**2).sum().backward()
        wanted = dict(theirs.named_parameters())
        for key, p in mine.named_parameters():
            np.testing.assert_allclose(
                p.grad.numpy(), wanted[key].grad.numpy(), rtol=1e-8, atol=1e-11
            )
    before = mine.weight.detach().numpy().copy()
    nn.utils.parametrize.remove_parametrizations(mine, "weight")
    assert type(mine) is getattr(nn, layer) and isinstance(mine.weight, nn.Parameter)
    np.testing.assert_array_equal(mine.weight.detach().numpy(), before)
    with pytest.raises(ValueError, match="not parametrized"):
        nn.utils.parametrize.remove_parametrizations(mine, "weight")
