"""A picture of the computation graph of a tensor, as DOT, SVG or PNG."""

import html
import shutil
import subprocess
from pathlib import Path

from fastnn import autograd
from fastnn._engine.engine import Tensor
from fastnn.autograd import no_grad

__all__ = ["Graph", "graph"]

_COLOURS = {"result": "#cfe8cf", "operation": "#e8e8e8", "parameter": "#cfdff5", "leaf": "#f5e6c8"}


def graph(y, params=None, values=6):
    """Draw the operations and leaves that a tensor was computed from.

    Operations show their name and the shape of their result, leaves their name, shape and, if they
    are small, value and gradient.

    Parameters
    ----------
    y : Tensor
        The result, of any shape. Its graph must not have been freed by ``backward()``.
    params : Module, dict of str to Tensor, or iterable of (str, Tensor), optional
        Names of leaves, such as ``model.named_parameters()``.
    values : int
        Values are shown of tensors with at most this many elements. Default 6.

    Returns
    -------
    Graph
        Has ``dot`` (text), ``svg()`` and ``save(path)``, and shows itself in notebooks.

    Raises
    ------
    TypeError
        If `y` is no Tensor.
    RuntimeError
        If the graph was freed by an earlier ``backward()``.

    Notes
    -----
    Shapes of intermediate results are found by one backward pass that touches no ``.grad``.

    Examples
    --------
    >>> import fastnn
    >>> w = fastnn.tensor([1.0, 2.0], requires_grad=True)
    >>> picture = fastnn.diagnostics.graph((w * 3).sum(), {"w": w})
    >>> [node.label[0] for node in picture.nodes]
    ['result', 'sum', 'mul', 'w']
    """
    if not isinstance(y, Tensor):
        raise TypeError(f"graph: y must be a Tensor, got {type(y).__name__}")
    names = _names(params)
    picture = Graph()
    picture.add(y, "result", ["result", *_described(y, values)])
    root = y.grad_fn
    if root is None:
        return picture
    order = _walk(root)
    shapes = _shapes(y, order)
    for item in order:
        if isinstance(item, Tensor):
            name = names.get(id(item))
            kind = "parameter" if name else "leaf"
            picture.add(item, kind, [name or "leaf", *_described(item, values)])
        else:
            shape = shapes.get(id(item))
            picture.add(item, "operation", [item.name(), *([str(shape)] if shape else [])])
    picture.connect(root, y)
    for item in order:
        for source in () if isinstance(item, Tensor) else item.next_functions:
            if source is not None:
                picture.connect(source, item)
    return picture


def _names(params):
    if params is None:
        return {}
    if hasattr(params, "named_parameters"):
        params = params.named_parameters()
    pairs = params.items() if isinstance(params, dict) else params
    try:
        return {id(t): str(name) for name, t in pairs}
    except (TypeError, ValueError):
        raise TypeError(
            "graph: params must be a Module, a dict or pairs of (name, Tensor), "
            f"got {type(params).__name__}"
        ) from None


def _described(t, values):
    lines = [f"{t.shape} {t.dtype.name}"]
    if t.numel() <= values:
        lines.append(_short(t))
        if t.is_leaf and t.grad is not None:
            lines.append(f"grad {_short(t.grad)}")
    return lines


def _short(t):
    def rounded(v):
        return [rounded(x) for x in v] if isinstance(v, list) else f"{v:.4g}"

    return str(rounded(t.detach().tolist())).replace("'", "")


def _walk(root):
    """Every node and leaf once, users before what they use."""
    found, stack, seen = [], [root], {id(root)}
    while stack:
        item = stack.pop()
        found.append(item)
        if isinstance(item, Tensor):
            continue
        if not item.next_functions:
            raise RuntimeError(
                f"graph: the graph of '{item.name()}' was freed by an earlier backward(); "
                "draw it before, or pass retain_graph=True"
            )
        for source in reversed(item.next_functions):
            if source is not None and id(source) not in seen:
                seen.add(id(source))
                stack.append(source)
    # nodes are older than their users; leaves come last
    return sorted(found, key=lambda x: 0 if isinstance(x, Tensor) else -x.sequence_number)


def _shapes(y, order):
    """id of a node -> shape of its result, which is that of its gradient."""
    shapes, handles = {}, []
    for item in order:
        if not isinstance(item, Tensor):

            def keep(gradients, key=id(item)):  # noqa: B008
                shapes[key] = gradients[0].shape

            handles.append(item.register_prehook(keep))
    leaves = [x for x in order if isinstance(x, Tensor)]
    try:
        with no_grad():
            seed = y.detach() * 0
        autograd.grad(y, leaves, seed, retain_graph=True, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


class _Drawn:
    """One box: its lines of text, kind and number."""

    def __init__(self, number, kind, label):
        self.number, self.kind, self.label = number, kind, label


class Graph:
    """A picture made by `graph`: boxes with text, and arrows from what is used to its users.

    Attributes
    ----------
    nodes : list
        The boxes, each with ``kind`` and ``label`` (a list of lines).
    edges : list of (int, int)
        Arrows between numbers of boxes.
    """

    def __init__(self):
        self.nodes, self.edges = [], []
        self._numbers, self._kept = {}, []

    def add(self, item, kind, label):
        """Add a box for `item`, of this `kind` (colour and shape), with this `label`."""
        self._numbers[id(item)] = len(self.nodes)
        self._kept.append(item)  # ids stay unique
        self.nodes.append(_Drawn(len(self.nodes), kind, label))

    def connect(self, source, target):
        """Add an arrow from the box of `source` to that of `target`.

        KeyError where one has no box.
        """
        self.edges.append((self._numbers[id(source)], self._numbers[id(target)]))

    @property
    def dot(self):
        """The picture as text in the DOT language of graphviz."""
        lines = [
            "digraph {",
            '  node [style=filled, shape=box, fontname="monospace", fontsize=10];',
        ]
        for node in self.nodes:
            text = "\\n".join(s.replace("\\", "\\\\").replace('"', '\\"') for s in node.label)
            shape = ", shape=ellipse" if node.kind == "operation" else ""
            lines.append(
                f'  n{node.number} [label="{text}", fillcolor="{_COLOURS[node.kind]}"{shape}];'
            )
        lines += [f"  n{a} -> n{b};" for a, b in self.edges]
        return "\n".join([*lines, "}", ""])

    def svg(self):
        """The picture as SVG: by graphviz's program ``dot`` if it is there, else laid out in rows."""
        if shutil.which("dot"):
            return self._graphviz("svg").decode()
        return _rows_svg(self)

    def save(self, path):
        """Write the picture to `path`; its ending decides: ``.dot``, ``.svg`` or ``.png``.

        Raises
        ------
        ValueError
            For another ending.
        RuntimeError
            For ``.png`` where graphviz's program ``dot`` is missing.
        """
        path = Path(path)
        if path.suffix in (".dot", ".gv"):
            path.write_text(self.dot)
        elif path.suffix == ".svg":
            path.write_text(self.svg())
        elif path.suffix == ".png":
            path.write_bytes(self._graphviz("png"))
        else:
            raise ValueError(f"save: path must end in .dot, .svg or .png, got {str(path)!r}")

    def _graphviz(self, kind):
        if not shutil.which("dot"):
            raise RuntimeError(
                f"save: a {kind} file needs the program 'dot' of graphviz, which was not found; "
                "save as .svg or .dot instead"
            )
        return subprocess.run(
            ["dot", f"-T{kind}"], input=self.dot.encode(), capture_output=True, check=True
        ).stdout

    def _repr_svg_(self):
        return self.svg()

    def __repr__(self):
        return f"<Graph: {len(self.nodes)} boxes, {len(self.edges)} arrows>"


def _rows_svg(picture):
    """Boxes in rows, the leaves above, the result below; each row ordered by where its users are."""
    users = {node.number: [] for node in picture.nodes}
    for a, b in picture.edges:
        users[a].append(b)
    row = {}
    for node in picture.nodes:  # users come before what they use
        row[node.number] = 1 + max((row[u] for u in users[node.number]), default=-1)
    rows = [[n for n in picture.nodes if row[n.number] == r] for r in range(1 + max(row.values()))]
    char, line, gap = 6.6, 13, 26
    width = {n.number: 14 + char * max(map(len, n.label)) for n in picture.nodes}
    high = 10 + line * max(len(n.label) for n in picture.nodes)
    full = max(sum(width[n.number] + gap for n in r) for r in rows)
    place = {}
    for r, boxes in enumerate(rows):

        def wish(n):
            at = [place[u][0] for u in users[n.number] if u in place]
            return sum(at) / len(at) if at else 0

        left = (full - sum(width[n.number] + gap for n in boxes)) / 2
        for n in sorted(boxes, key=wish):
            w = width[n.number]
            place[n.number] = (left + (w + gap) / 2, (len(rows) - 1 - r) * (high + 34) + 6)
            left += w + gap
    height = len(rows) * (high + 34)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{full:.0f}" height="{height}" '
        f'viewBox="0 0 {full:.0f} {height}" font-family="monospace" font-size="11">',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0,0 L7,3 L0,6 z" fill="#555"/></marker></defs>',
    ]
    for a, b in picture.edges:
        (x1, y1), (x2, y2) = place[a], place[b]
        parts.append(
            f'<line x1="{x1:.0f}" y1="{y1 + high:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="#555" '
            'marker-end="url(#tip)"/>'
        )
    for n in picture.nodes:
        x, y = place[n.number]
        w, round_ = width[n.number], 12 if n.kind == "operation" else 2
        parts.append(
            f'<rect x="{x - w / 2:.0f}" y="{y:.0f}" width="{w:.0f}" height="{high}" '
            f'rx="{round_}" fill="{_COLOURS[n.kind]}" stroke="#777"/>'
        )
        top = y + (high - line * len(n.label)) / 2 + 10
        for k, text in enumerate(n.label):
            parts.append(
                f'<text x="{x:.0f}" y="{top + k * line:.0f}" text-anchor="middle">'
                f"{html.escape(text)}</text>"
            )
    return "\n".join([*parts, "</svg>", ""])
