"""Pixels as the bytes of an image file, for the tools that fill databases."""

import io

import numpy as np

from .console import UsageError

JPEG_QUALITY = 95  # OpenCV's


def encode(pixels: np.ndarray, kind: str) -> bytes:
    """An image file of pixels (C, H, W): gray, or blue, green, red. `kind` is its suffix.

    Raises UsageError for a kind that is unknown, or does not take such pixels.
    """
    from PIL import Image

    form = Image.registered_extensions().get(f'.{kind}')
    if form not in Image.OPEN or form not in Image.SAVE:
        raise UsageError(
            f"--encode_type: unknown '{kind}', "
            'needed: png, jpg or another that Pillow writes and reads'
        )
    if len(pixels) == 1:
        planes = pixels[0]
    else:
        planes = np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0))
    out = io.BytesIO()
    try:
        Image.fromarray(planes).save(out, form, quality=JPEG_QUALITY)
    except OSError as error:
        raise UsageError(
            f"--encode_type: '{kind}' does not take such pixels ({error}); needed: png or jpg"
        ) from error
    return out.getvalue()
