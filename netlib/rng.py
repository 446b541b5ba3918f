"""Random number generators for layers and fillers. They are passed in, never global."""

import secrets
from collections.abc import Sequence

import numpy as np

Rng = np.random.Generator
UNPREDICTABLE_BITS = 128


def make_rng(words: int | Sequence[int]) -> Rng:
    """A generator whose numbers depend on these words alone."""
    return np.random.default_rng(words)


def rng_of(seed: int | None) -> Rng:
    """A generator of this seed, or of a new one if it is None. Raises ValueError for one below
    0."""
    return make_rng(seed_or_new(seed))


def seed_or_new(seed: int | None) -> int:
    """The seed, or a new one if it is None. Raises ValueError for one below 0."""
    found = np.random.SeedSequence(new_seed() if seed is None else seed).entropy
    return int(found)  # type: ignore[arg-type]  # a sequence of words only if one was given


def new_seed() -> int:
    """An unpredictable seed. Nothing else draws without one."""
    return secrets.randbits(UNPREDICTABLE_BITS)
