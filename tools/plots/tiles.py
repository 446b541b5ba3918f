"""Small pictures side by side: filters and activations as arrays that matplotlib draws."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy import ndarray

GAP = 1  # pixels of a filter between two of them
MOST = 16  # tiles in a row, and rows, of filters over many channels
GAP_GRAY = 0.8
COLORS = 3  # channels, which are taken for blue, green and red


@dataclass
class Sheet:
    """Tiles side by side.

    pixels   (height, width), NaN in the gaps; or (height, width, 3) from 0 to 1 for colors, where
             0.5 stands for 0
    reach    the greatest absolute value: the end of the scale, on both sides of 0
    left_out what it does not show, '' for nothing
    """

    pixels: ndarray
    reach: float
    left_out: str = ''

    @property
    def in_color(self) -> bool:
        return self.pixels.ndim == 3


def sheet_of_filters(weights: ndarray) -> Sheet:
    """Filters (N, C, H, W): in color for three channels, in a near-square for one, else a row for
    each filter with a tile for each channel."""
    count, channels = weights.shape[:2]
    reach = float(np.abs(weights).max()) or 1.0
    if channels == COLORS:
        colors = 0.5 + weights[:, ::-1].transpose(0, 2, 3, 1) / (2 * reach)
        return Sheet(tiled(colors, near_square(count), GAP_GRAY), reach)
    if channels == 1:
        return Sheet(tiled(weights[:, 0], near_square(count), np.nan), reach)
    shown = weights[:MOST, :MOST]
    tiles = shown.reshape(-1, *shown.shape[2:])
    left_out = ''
    if max(count, channels) > MOST:
        left_out = f'the first {shown.shape[0]} filters and {shown.shape[1]} channels'
    return Sheet(tiled(tiles, shown.shape[1], np.nan), reach, left_out)


def sheet_of_channels(values: ndarray) -> Sheet:
    """The channels of one sample's values (C, H, W) in a near-square."""
    shown = values[: MOST * MOST]
    reach = float(np.abs(shown).max()) or 1.0
    left_out = ''
    if len(values) > len(shown):
        left_out = f'the first {len(shown)} channels'
    return Sheet(tiled(shown, near_square(len(shown)), np.nan), reach, left_out)


def near_square(count: int) -> int:
    """Columns that make a sheet about as wide as high."""
    return ceil(sqrt(count))


def tiled(tiles: ndarray, columns: int, gap: float) -> ndarray:
    """Tiles (N, H, W, ...) in rows of `columns`, with `gap` between them."""
    count, height, width, *rest = tiles.shape
    rows = ceil(count / columns)
    high, wide = height + GAP, width + GAP
    cells = np.full((rows * columns, high, wide, *rest), gap)
    cells[:count, :height, :width] = tiles
    grid = cells.reshape(rows, columns, high, wide, *rest)
    sheet = grid.swapaxes(1, 2).reshape(rows * high, columns * wide, *rest)
    return sheet[:-GAP, :-GAP]


def image_of(values: ndarray) -> ndarray:
    """A sample (C, H, W) that a net reads as an image, stretched from 0 to 1: (H, W, 3) of blue,
    green, red, else the mean over the channels, (H, W)."""
    image = values.mean(axis=0)
    if len(values) == COLORS:
        image = values[::-1].transpose(1, 2, 0)
    low, high = image.min(), image.max()
    return (image - low) / ((high - low) or 1)
