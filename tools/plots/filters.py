"""A picture of the filters of a net's first convolution."""

import io
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from ...netlib import Net
from ...netlib.errors import NetError
from ...proto import atomic_write

WIDTH = 640  # pixels, about: small filters are enlarged until the picture has that width
GAP = 1  # pixels of a filter between two of them


def save_filters(net: Net, path: str | Path) -> None:
    """Write the first convolution's filters as tiles of a PNG, each stretched to the full range of
    grey or colour.

    Filters of 3 channels are taken for blue, green, red. Raises NetError for a net without a
    convolution, ProtoError where the file cannot be written.
    """
    convolution = first_convolution(net)
    picture = io.BytesIO()
    from PIL import Image

    Image.fromarray(enlarged(tiled(convolution.params[0].data))).save(picture, 'PNG')
    with atomic_write(path) as file:
        file.write(picture.getvalue())


def first_convolution(net: Net):
    """The first Convolution layer with filters of two dimensions."""
    for layer in net.layers:
        if layer.type == 'Convolution' and layer.params[0].axes == 4:
            return layer
    raise NetError(f"net '{net.name}' has no convolution, so there are no filters to draw")


def tiled(weights: np.ndarray) -> np.ndarray:
    """Filters (N, C, H, W) side by side in a near-square: uint8 (height, width, 3)."""
    count, channels, height, width = weights.shape
    filters = (
        weights[:, ::-1]
        if channels == 3
        else np.repeat(weights.mean(axis=1, keepdims=True), 3, axis=1)
    )
    low = filters.min(axis=(1, 2, 3), keepdims=True)
    span = filters.max(axis=(1, 2, 3), keepdims=True) - low
    grey = np.where(span > 0, (filters - low) / np.where(span > 0, span, 1), 0.5)
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    tiles = np.ones((rows * columns, 3, height + GAP, width + GAP))
    tiles[:count, :, :height, :width] = grey
    sheet = tiles.reshape(rows, columns, 3, height + GAP, width + GAP).transpose(0, 3, 1, 4, 2)
    return np.rint(255 * sheet.reshape(rows * (height + GAP), -1, 3)[:-GAP, :-GAP]).astype(np.uint8)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Each pixel as a square of several, unless the picture is wide enough."""
    factor = max(WIDTH // pixels.shape[1], 1)
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
