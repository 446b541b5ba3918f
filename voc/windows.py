"""Square windows of a photograph, in its own pixels, to be brought to the net's input."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..netlib.data.images import opened_image


class Window(NamedTuple):
    """A square, which may lie between pixels; whether it is seen in a mirror."""

    left: float
    top: float
    side: float
    mirror: bool = False


def random_window(
    width: int, height: int, crop: int, scales: tuple[float, float], draws: np.ndarray
) -> Window:
    """A random crop x crop of the image rescaled by a random factor, maybe mirrored.

    draws (4,): numbers in [0, 1) for the factor, uniform between `scales`, for left and top, and
    for the mirror. A factor that would make the image smaller than the crop becomes the smallest
    that does not.
    """
    least, most = scales
    scale = least + (most - least) * float(draws[0])
    side = min(crop / scale, width, height)
    left = float(draws[1]) * (width - side)
    top = float(draws[2]) * (height - side)
    return Window(left, top, side, bool(draws[3] < 0.5))


def center_window(width: int, height: int, side: float) -> Window:
    """The middle."""
    return Window((width - side) / 2, (height - side) / 2, side)


def ten_windows(width: int, height: int, side: float) -> Iterator[Window]:
    """The middle and the four corners, each as it is and in a mirror: AlexNet's ten crops.

    Source: A. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks,
    2012, section 4.1.
    """
    right, bottom = width - side, height - side
    corners = [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)]
    for left, top in [(right / 2, bottom / 2), *corners]:
        yield Window(left, top, side)
        yield Window(left, top, side, mirror=True)


def cut_windows(path: Path, windows: list[Window], crop: int) -> np.ndarray:
    """uint8 (N, 3, crop, crop), blue, green, red: each window, resized. Smaller ones are
    interpolated; larger ones averaged. Raises DataError if the image cannot be read."""
    from PIL.Image import Resampling

    with opened_image(path) as image:
        image = image.convert('RGB')
        cut = np.empty((len(windows), 3, crop, crop), np.uint8)
        for out, window in zip(cut, windows, strict=True):
            box = (window.left, window.top, window.left + window.side, window.top + window.side)
            pixels = np.asarray(image.resize((crop, crop), Resampling.BILINEAR, box))
            planes = pixels[:, :, ::-1].transpose(2, 0, 1)
            out[:] = planes[:, :, ::-1] if window.mirror else planes
    return cut
