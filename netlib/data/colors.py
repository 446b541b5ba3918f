"""Blue, green, red (3, H, W) as hue, saturation and value, and back, as OpenCV does it in bytes."""

import numpy as np

HUES = 180  # a turn of the hue, in units of 2 degrees
BITS = 12
# Of each sixth of a turn, which of value, p, q and t are blue, green and red.
SECTORS = np.array([[1, 3, 0], [1, 0, 2], [3, 0, 1], [0, 2, 1], [0, 1, 3], [2, 1, 0]])


def to_hsv(pixels: np.ndarray) -> np.ndarray:
    """Hue (0 to 179), saturation and value, uint8 (3, H, W)."""
    blue, green, red = pixels.astype(np.int64)
    value = pixels.max(0).astype(np.int64)
    range_ = value - pixels.min(0)
    saturation = over(range_, 255, value)
    hue = np.where(value == green, blue - red + 2 * range_, red - green + 4 * range_)
    hue = over(np.where(value == red, green - blue, hue), HUES / 6, range_)
    hue += HUES * (hue < 0)
    return np.stack([hue, saturation, value]).astype(np.uint8)


def over(x: np.ndarray, unit: float, divisor: np.ndarray) -> np.ndarray:
    """x * unit / divisor in OpenCV's fixed point; 0 where the divisor is 0."""
    inverse = np.rint((unit * 2**BITS) / np.maximum(divisor, 1)).astype(np.int64)
    inverse[divisor == 0] = 0
    return (x * inverse + (1 << BITS - 1)) >> BITS


def from_hsv(pixels: np.ndarray) -> np.ndarray:
    """Blue, green and red, uint8 (3, H, W)."""
    turn = pixels[0].astype(np.float32) * np.float32(6 / HUES) % 6
    saturation, value = pixels[1:].astype(np.float32) / 255
    sector = np.floor(turn).astype(int)
    part = turn - sector
    kinds = [
        value,
        value * (1 - saturation),
        value * (1 - saturation * part),
        value * (1 - saturation * (1 - part)),
    ]
    chosen = SECTORS[sector].transpose(2, 0, 1)
    return as_bytes(np.take_along_axis(np.stack(kinds), chosen, 0) * 255)


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Rounded to 0 .. 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
