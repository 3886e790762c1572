"""Several libraries with threads of their own in one process: all train, nobody's settings change."""

import importlib.util
import itertools
import os

import numpy as np
import pytest
from interpreter import run
from test_threads import TRAIN, WORK, work

LIBRARIES = {
    "torch": """
import torch
def train_torch():
    torch.manual_seed(0)
    model = torch.nn.Linear(200, 200)
    model(torch.ones(200, 200)).square().mean().backward()
    return model.weight.grad.numpy().tobytes()
settings["torch"] = torch.get_num_threads
jobs.append(train_torch)
""",
    "sklearn": """
from sklearn.ensemble import HistGradientBoostingClassifier
X = np.random.default_rng(0).standard_normal((400, 8)); y = X[:, 0] > 0
jobs.append(lambda: HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=4).fit(X, y).score(X, y))
""",
    "fastnn": WORK + TRAIN + "jobs += [work, train]\n",
}
ALTERNATE = """
before = {name: f() for name, f in settings.items()}
first = [job() for job in jobs]
for _ in range(ALTERNATIONS):
    assert [job() for job in jobs] == first
assert before == {name: f() for name, f in settings.items()}
"""


@pytest.mark.parametrize("order", list(itertools.permutations(LIBRARIES)), ids="-".join)
def test_import_orders(order):
    """FASTNN_ALTERNATIONS=100 is the full test: minutes, because the libraries' teams wake in turn."""
    missing = [name for name in order if importlib.util.find_spec(name) is None]
    order = [name for name in order if name not in missing]
    if len(order) == 1:
        pytest.skip(f"not installed: {', '.join(missing)}")
    code = "import numpy as np\nsettings, jobs = {}, []\n"
    alternations = f"ALTERNATIONS = {os.environ.get('FASTNN_ALTERNATIONS', 5)}\n"
    run(code + "".join(LIBRARIES[name] for name in order) + alternations + ALTERNATE, timeout=600)


def test_numpy_is_left_alone():
    x = np.random.default_rng(0).standard_normal((200, 200))
    before = (x @ x).tobytes()
    work()
    assert (x @ x).tobytes() == before
