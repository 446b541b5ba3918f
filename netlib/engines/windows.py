"""What convolutions and poolings slide over their images, or divide them into."""

from collections.abc import Sequence
from typing import NamedTuple

from ..shapes import Shape


class Window(NamedTuple):
    """What slides over the spatial axes of a convolution or a pooling: one number per axis each."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    @property
    def pointwise(self) -> bool:
        """Whether each position sees just one element and all are seen in order."""
        ones = (1,) * len(self.kernel)
        return self.kernel == ones and self.stride == ones and not any(self.pad)


class Bins(NamedTuple):
    """What a pooling over regions of images sees: each region is divided into H' rows and W'
    columns of bins.

    A row (column) of bins is given by its first row (column) in the image and the one after its
    last.
    """

    images: Sequence[int]  # (regions,): the number of the image
    rows: Sequence[Sequence[tuple[int, int]]]  # (regions, H')
    columns: Sequence[Sequence[tuple[int, int]]]  # (regions, W')
