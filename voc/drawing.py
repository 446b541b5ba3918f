"""Objects drawn into an image: their boxes, classes and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .finder import Found

if TYPE_CHECKING:
    from PIL import Image

# Colors that differ from each other in light, too; classes take them in turn.
COLORS = (
    '#e6194b',
    '#3cb44b',
    '#ffe119',
    '#4363d8',
    '#f58231',
    '#911eb4',
    '#46f0f0',
    '#f032e6',
    '#bcf60c',
    '#fabebe',
    '#008080',
    '#e6beff',
    '#9a6324',
    '#fffac8',
    '#800000',
    '#aaffc3',
    '#808000',
    '#ffd8b1',
    '#000075',
    '#808080',
)
DARK = 140  # the light of a color, 0 to 255, below which white is read best on it


def draw_objects(pixels: np.ndarray, found: Sequence[Found], names: Sequence[str]) -> Image.Image:
    """An image of uint8 (3, H, W): blue, green, red, with the objects found, the best on top."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0)))
    draw = ImageDraw.Draw(image)
    size = max(11, min(image.size) // 25)
    for each in reversed(found):
        color = COLORS[each.label % len(COLORS)]
        draw.rectangle(each.box, outline=color, width=max(2, size // 6))
        write_label(draw, each, f'{names[each.label]} {each.score:.2f}', color, size)
    return image


def write_label(draw, found: Found, text: str, color: str, size: int) -> None:
    """The text on a ground of this color, above the box if there is room, else inside."""
    from PIL import ImageColor, ImageFont

    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    x, y, _, _ = found.box
    x = max(min(x, draw.im.size[0] - (right - left) - 4), 0)
    height = bottom + top
    y = y - height if y >= height else y
    draw.rectangle((x, y, x + right - left + 4, y + height), fill=color)
    red, green, blue = ImageColor.getrgb(color)[:3]
    light = 0.3 * red + 0.59 * green + 0.11 * blue
    draw.text((x + 2, y), text, fill='white' if light < DARK else 'black', font=font)
