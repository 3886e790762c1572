"""What all tests share: the thread count is put back, and every test starts from the same seed."""

import numpy as np
import pytest

import fastnn


@pytest.fixture(autouse=True)
def same_start():
    fastnn.get_default_generator().manual_seed(0)
    np.random.seed(0)
    threads = fastnn.get_num_threads()
    yield
    if fastnn.get_num_threads() != threads:
        fastnn.set_num_threads(threads)
    # nobody's floating-point mode was changed: denormals are kept, and rounded to nearest
    assert np.float32(1e-38) * np.float32(0.01) != 0
    assert (np.float32(1) / np.float32(3)).tobytes() == b"\xab\xaa\xaa>"
