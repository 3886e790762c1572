"""fastnn.save and fastnn.load: what goes in comes out, here and in PyTorch, and nothing is executed."""

import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import fastnn
from fastnn import nn, optim
from fastnn.training import CheckpointError, save_checkpoint


def trained(steps):
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    adam = optim.Adam(model.parameters(), lr=0.01)
    train(model, adam, steps)
    return model, adam


def train(model, adam, steps):
    generator = fastnn.Generator(1)
    for _ in range(steps):
        loss = model(fastnn.randn(8, 3, generator=generator)).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()


def bits(model):
    return {name: t.numpy().tobytes() for name, t in model.state_dict().items()}


def same(a, b):
    """Equal values of equal types, tensors and arrays to the bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (fastnn.Tensor, np.ndarray)):
        x, y = np.asarray(a), np.asarray(b)
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    return a == b or (a != a and b != b)


def test_a_state_dict_is_a_plain_safetensors_file(tmp_path):
    model, _ = trained(2)
    fastnn.save(model.state_dict(), tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    assert {name: a.tobytes() for name, a in found.items()} == bits(model)
    other, _ = trained(0)
    other.load_state_dict(fastnn.load(tmp_path / "a.safetensors"))
    assert bits(other) == bits(model)


def test_a_run_goes_on_from_a_dict_of_everything(tmp_path):
    model, adam = trained(3)
    path = str(tmp_path / "run.ckpt")
    fastnn.save({"epoch": 3, "model": model.state_dict(), "adam": adam.state_dict()}, path)
    train(model, adam, 2)
    other, other_adam = trained(0)
    run = fastnn.load(path, map_location="cpu", weights_only=True)
    assert run["epoch"] == 3
    other.load_state_dict(run["model"])
    other_adam.load_state_dict(run["adam"])
    train(other, other_adam, 2)
    assert bits(other) == bits(model)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        2.5,
        "text",
        fastnn.arange(6).reshape(2, 3).t(),
        fastnn.ones(()),
        fastnn.zeros(0, 3),
        np.arange(5, dtype=np.uint8)[::-1],
        {"a": fastnn.ones(2), "b": np.ones(2)},
        {"a": [1, (2.0, float("nan"), float("-inf"))], 3: {"": True, "training/x": -(2**60)}},
        {"history": [0.1 * i for i in range(40)], "flags": fastnn.ones(3) > 0},
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_goes_in_comes_out(tmp_path, value):
    fastnn.save(value, tmp_path / "a")
    assert same(fastnn.load(tmp_path / "a"), value)
    assert os.listdir(tmp_path) == ["a"]


def test_tensors_lose_their_graph(tmp_path):
    x = fastnn.ones(2, requires_grad=True)
    for value in ({"x": x, "y": x * 2}, [x, x * 2]):
        fastnn.save(value, tmp_path / "a")
        found = fastnn.load(tmp_path / "a")
        found = list(found.values()) if isinstance(found, dict) else found
        assert [t.tolist() for t in found] == [[1, 1], [2, 2]]
        assert not any(t.requires_grad for t in found)


def test_files_of_others(tmp_path):
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "h": np.ones(2, np.float16)}
    save_file(arrays, tmp_path / "a")
    found = fastnn.load(tmp_path / "a")
    assert found["w"].tolist() == arrays["w"].tolist()
    assert found["h"].dtype == np.float32
    save_checkpoint(tmp_path / "b", {"w": np.ones(2)}, training={"state": [1]}, epoch=2)
    assert fastnn.load(tmp_path / "b")["w"].tolist() == [1, 1]


def test_torch_reads_and_writes_them(tmp_path):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    of_torch = pytest.importorskip("safetensors.torch")
    model, _ = trained(1)
    twin = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 1)
    )
    fastnn.save(model.state_dict(), tmp_path / "a")
    twin.load_state_dict(of_torch.load_file(tmp_path / "a"))
    of_torch.save_file(twin.state_dict(), tmp_path / "b")
    other, _ = trained(0)
    other.load_state_dict(fastnn.load(tmp_path / "b"))
    assert bits(other) == bits(model)
    torch.save(twin.state_dict(), tmp_path / "c")
    with pytest.raises(CheckpointError, match=r"a pickle.*safetensors\.torch\.save_file"):
        fastnn.load(tmp_path / "c")


def test_errors(tmp_path):
    path = tmp_path / "a"
    fastnn.save({"a": 1}, path)
    old = path.read_bytes()
    for value, message in (
        (nn.Linear(1, 1), r"save model\.state_dict\(\)"),
        ({"a": {1, 2}}, "a: set cannot be saved"),
        ([object()], "object cannot be saved"),
        ({"a": np.array(["x"])}, "dtype <U1"),
    ):
        with pytest.raises(TypeError, match=message):
            fastnn.save(value, path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a"]
    for wrong in (3, None, b"x"[0]):
        with pytest.raises(TypeError, match="save: f must be a path"):
            fastnn.save({}, wrong)
        with pytest.raises(TypeError, match="load: f must be a path"):
            fastnn.load(wrong)
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "absent")
    with pytest.raises(ValueError, match="device must be 'cpu'"):
        fastnn.load(path, map_location="cuda")
    with pytest.raises(ValueError, match="weights_only must be True"):
        fastnn.load(path, weights_only=False)


@pytest.mark.parametrize("content", [b"", b"hello" * 50, b"\x80\x04N.", b"PK\x03\x04" + b"0" * 90])
def test_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a: (a pickle|no safetensors file)"):
        fastnn.load(tmp_path / "a")


def test_a_damaged_or_cut_file_is_refused(tmp_path):
    path = tmp_path / "a"
    fastnn.save({"a": fastnn.ones(8), "b": 2}, path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        for content in (bytes(damaged), whole[:place]):
            path.write_bytes(content)
            with pytest.raises(CheckpointError):
                fastnn.load(path)


def test_headers_of_every_length_are_read(tmp_path):
    """A file begins with its header's length, which may look like the beginning of a pickle."""
    path, first = tmp_path / "a", set()
    for n in range(0, 300, 3):
        fastnn.save({"x" * n: fastnn.ones(1)}, path)
        first.add(path.read_bytes()[0])
        assert list(fastnn.load(path)) == ["x" * n]
        save_file({"x" * n: np.ones(1)}, path)
        first.add(path.read_bytes()[0])
        assert list(fastnn.load(path)) == ["x" * n]
    assert 0x80 in first


def test_it_is_imported_when_used():
    assert {"save", "load"} <= set(dir(fastnn))
