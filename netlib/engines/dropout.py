"""How every engine draws the same mask for dropout: it hashes each element's index to a 32-bit word
and keeps elements whose hash is at least a threshold."""

LARGEST_WORD = 2**32 - 1


def threshold(ratio: float) -> int:
    """The smallest hash that is kept, for a mask that drops elements with probability `ratio`."""
    return min(int(ratio * 2**32), LARGEST_WORD)


def kept_value(ratio: float) -> float:
    """The mask's value at a kept element."""
    return 1 / (1 - ratio) if ratio < 1 else 0.0


def words(seed: int) -> tuple[int, int]:
    """The lower and the upper 32 bits of a seed."""
    return seed & LARGEST_WORD, seed >> 32 & LARGEST_WORD
