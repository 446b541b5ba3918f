"""The random numbers that layers and fillers draw from: they are passed in, never global."""

from collections.abc import Sequence

import numpy as np

Rng = np.random.Generator


def make_rng(words: int | Sequence[int]) -> Rng:
    """Random numbers that depend on these words alone."""
    return np.random.default_rng(words)


def entropy_of(seed: int | None) -> int:
    """The seed, or where that is None a number that nobody can foretell."""
    found = np.random.SeedSequence(seed).entropy
    return int(found)  # type: ignore[arg-type]  # a sequence of words only where one was given
