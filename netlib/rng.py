"""Random number generators for layers and fillers. They are passed in, never global."""

from collections.abc import Sequence

import numpy as np

Rng = np.random.Generator


def make_rng(words: int | Sequence[int]) -> Rng:
    """A generator whose numbers depend on these words alone."""
    return np.random.default_rng(words)


def entropy_of(seed: int | None) -> int:
    """The seed, or an unpredictable number if it is None."""
    found = np.random.SeedSequence(seed).entropy
    return int(found)  # type: ignore[arg-type]  # a sequence of words only if one was given
