"""What all engines share to draw the same masks for dropout: the hash of an element is spread
evenly over the 32-bit words, and the element is kept where its hash is not below a threshold."""

LARGEST_WORD = 2**32 - 1


def threshold(ratio: float) -> int:
    """The hash from which on an element is kept, where the others are to be the part `ratio`."""
    return min(int(ratio * 2**32), LARGEST_WORD)


def kept_value(ratio: float) -> float:
    """What a mask holds for an element that is kept: 1 over the part of those."""
    return 1 / (1 - ratio) if ratio < 1 else 0.0


def words(seed: int) -> tuple[int, int]:
    """The lower and the upper 32 bits of a seed."""
    return seed & LARGEST_WORD, seed >> 32 & LARGEST_WORD
