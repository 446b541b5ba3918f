"""SSD's distort_param: random changes of brightness, contrast, saturation and hue."""

import numpy as np

from ...proto.caffe_pb2 import DistortionParameter
from ..errors import DataError
from ..rng import Rng
from .colors import as_bytes, from_hsv, to_hsv


def check_distortion(p: DistortionParameter) -> None:
    """Raises DataError for fields that give no range."""
    for field in ('brightness_delta', 'hue_delta', 'contrast_lower', 'saturation_lower'):
        if getattr(p, field) < 0:
            raise DataError(f'distort_param: {field}: found {getattr(p, field):g}, needed: >= 0')
    for kind in ('contrast', 'saturation'):
        lower, upper = getattr(p, f'{kind}_lower'), getattr(p, f'{kind}_upper')
        if getattr(p, f'{kind}_prob') and upper < lower:
            raise DataError(
                f'distort_param: found {kind}_lower {lower:g} and {kind}_upper {upper:g}, needed: '
                'lower <= upper'
            )


def distorted(pixels: np.ndarray, p: DistortionParameter, rng: Rng, name: str) -> np.ndarray:
    """The pixels (3, H, W), uint8, with each change at its probability.

    Brightness adds a number, contrast multiplies all values, saturation and hue change those of
    HSV; contrast comes second or last. Then the channels may be put in random order. Each step
    rounds to bytes. Raises DataError.
    """
    if pixels.dtype != np.uint8 or len(pixels) != 3:
        raise DataError(f'{name}: distort_param needs images of three channels of bytes')
    draws = rng.random((4, 2))
    steps = [brightness, contrast, saturation, hue]
    if rng.random() < 0.5:
        steps = [brightness, saturation, hue, contrast]
    for step, (chance, amount) in zip(steps, draws, strict=True):
        pixels = step(pixels, p, chance, amount)
    if rng.random() < p.random_order_prob:
        pixels = pixels[rng.permutation(3)]
    return pixels


def brightness(
    pixels: np.ndarray, p: DistortionParameter, chance: float, amount: float
) -> np.ndarray:
    if chance >= p.brightness_prob:
        return pixels
    return as_bytes(pixels + between(-p.brightness_delta, p.brightness_delta, amount))


def contrast(
    pixels: np.ndarray, p: DistortionParameter, chance: float, amount: float
) -> np.ndarray:
    if chance >= p.contrast_prob:
        return pixels
    return as_bytes(pixels * between(p.contrast_lower, p.contrast_upper, amount))


def saturation(
    pixels: np.ndarray, p: DistortionParameter, chance: float, amount: float
) -> np.ndarray:
    if chance >= p.saturation_prob:
        return pixels
    hsv = to_hsv(pixels)
    hsv[1] = as_bytes(hsv[1] * between(p.saturation_lower, p.saturation_upper, amount))
    return from_hsv(hsv)


def hue(pixels: np.ndarray, p: DistortionParameter, chance: float, amount: float) -> np.ndarray:
    if chance >= p.hue_prob:
        return pixels
    hsv = to_hsv(pixels)
    hsv[0] = as_bytes(hsv[0] + between(-p.hue_delta, p.hue_delta, amount))
    return from_hsv(hsv)


def between(lower: float, upper: float, amount: float) -> np.float32:
    return np.float32(lower + (upper - lower) * amount)
