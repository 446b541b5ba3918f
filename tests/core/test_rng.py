"""Seeds: one that is given is kept, and without one nobody can tell what is drawn."""

import random

import pytest
from goodinit.netlib import rng

UNPREDICTABLE = rng.new_seed  # as it is outside tests, which make theirs repeatable


def test_a_seed_stays():
    assert rng.seed_or_new(3) == 3
    assert rng.seed_or_new(0) == 0
    with pytest.raises(ValueError, match='non-negative'):
        rng.seed_or_new(-1)


def test_new_seeds_differ():
    seeds = {UNPREDICTABLE() for _ in range(100)}
    assert len(seeds) == 100
    assert max(seeds).bit_length() > rng.UNPREDICTABLE_BITS - 20


def test_a_test_draws_the_same_in_every_run(request):
    expected = random.Random(request.node.nodeid).getrandbits(rng.UNPREDICTABLE_BITS)
    assert rng.seed_or_new(None) == expected
