"""Pictures of graphs."""

import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import fastnn
from fastnn.diagnostics import graph


def example():
    w = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = fastnn.tensor([0.5, -0.5], requires_grad=True)
    x = fastnn.ones(5, 2)
    return (x @ w + b).tanh().sum() + (w * w).sum(), {"w": w, 'the "bias"': b}


def labels(picture):
    return {node.label[0]: node for node in picture.nodes}


def test_boxes_and_arrows():
    y, names = example()
    picture = graph(y, names)
    found = labels(picture)
    assert {"result", "w", 'the "bias"', "tanh", "matmul", "mul", "sum", "add"} <= set(found)
    assert found["tanh"].label[1] == "(5, 2)"
    assert found["w"].label[1:] == ["(2, 2) float32", "[[1, 2], [3, 4]]"]
    assert found["w"].kind == "parameter"
    w = found["w"].number
    assert len([1 for a, b in picture.edges if a == w]) == 3  # the product once, the square twice
    y.backward()  # drawing has not freed or changed anything
    assert names["w"].grad is not None
    assert "grad" in graph(names["w"]).nodes[0].label[-1]


def test_a_leaf_alone():
    assert len(graph(fastnn.ones(2)).nodes) == 1


def test_dot_is_text_of_the_right_form():
    y, names = example()
    text = graph(y, names).dot
    assert text.startswith("digraph {")
    assert text.count("->") == len(graph(y, names).edges)
    assert '\\"bias\\"' in text


def test_svg_without_graphviz(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    y, names = example()
    picture = graph(y, names)
    root = ElementTree.fromstring(picture._repr_svg_())
    boxes = [e for e in root.iter() if e.tag.endswith("rect")]
    assert len(boxes) == len(picture.nodes)
    width, height = float(root.get("width")), float(root.get("height"))
    for e in boxes:
        assert 0 <= float(e.get("x")) <= width - float(e.get("width")) + 1
        assert 0 <= float(e.get("y")) <= height - float(e.get("height"))
    picture.save(tmp_path / "g.svg")
    picture.save(tmp_path / "g.dot")
    assert (tmp_path / "g.dot").read_text() == picture.dot
    with pytest.raises(RuntimeError, match=r"program 'dot' of graphviz.*\.svg or \.dot"):
        picture.save(tmp_path / "g.png")
    with pytest.raises(ValueError, match=r"must end in .dot, .svg or .png, got '.*g.gif'"):
        picture.save(tmp_path / "g.gif")


def test_png_with_graphviz(tmp_path):
    try:
        subprocess.run(["dot", "-V"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("graphviz is not installed")
    graph(example()[0]).save(tmp_path / "g.png")
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_names_from_a_module():
    model = fastnn.nn.Sequential(fastnn.nn.Linear(3, 4), fastnn.nn.Linear(4, 2))
    found = labels(graph(model(fastnn.ones(5, 3)), model))
    assert {"0.weight", "0.bias", "1.weight", "1.bias"} <= set(found)
    found = labels(graph(model(fastnn.ones(5, 3)), model.named_parameters()))
    assert "0.weight" in found


def test_what_cannot_be_drawn():
    with pytest.raises(TypeError, match="y must be a Tensor, got int"):
        graph(3)
    with pytest.raises(TypeError, match="params must be"):
        graph(example()[0], 3)
    y, _ = example()
    y.backward()
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        graph(y)


def test_the_graph_can_be_walked_by_hand():
    y, names = example()
    node, seen = y.grad_fn, []
    while isinstance(node, type(y.grad_fn)):
        seen.append(node.name())
        node = next(f for f in node.next_functions if f is not None)
    assert seen[0] == "add"
    assert node is names["w"]
    assert all(isinstance(t, fastnn.Tensor) for t in y.grad_fn.saved_tensors)
