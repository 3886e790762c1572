"""Two hundred networks drawn at random train the same, eager and recorded, to the last bit."""

import warnings

import pytest
from random_network import random_network
from recording import run_both


@pytest.mark.parametrize("block", range(10))
def test_two_hundred_random_networks(block):
    for seed in range(20 * block, 20 * block + 20):
        make, data = random_network(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step = run_both(make, data)
        assert step.replayed >= 17, f"network {seed}: replayed {step.replayed} of 20"
