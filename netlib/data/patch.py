"""Images on their way into a net."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..engines.fast.placing import place


class Patch(NamedTuple):
    """An image on its way into a net, where it becomes (pixels - mean) * scale. As bytes it takes a
    quarter of the memory."""

    pixels: np.ndarray
    mean: np.ndarray | None
    scale: np.float32

    def write(self, out: np.ndarray) -> None:
        """Write the values to `out`, with the shape of `pixels`; computed in the dtype of `out`."""
        out[...] = self.pixels
        if self.mean is not None:
            out -= self.mean
        if self.scale != 1:
            out *= self.scale


def write_all(patches: Sequence[Patch], out: np.ndarray) -> None:
    """Write patches of one shape to out[0], out[1], ...

    By one call of a kernel, if there is one for the types. NumPy lets go of the interpreter's lock
    and waits for it again several times an image, which costs more than the work for a small one.
    """
    pixels, means, scales = zip(*patches, strict=True)
    alike = all(scale == scales[0] for scale in scales)
    if alike and place(pixels, means, float(scales[0]), out[: len(patches)]):
        return
    for patch, where in zip(patches, out, strict=False):
        patch.write(where)
