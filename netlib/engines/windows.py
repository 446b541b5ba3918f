"""The windows of convolution and pooling, and the bins of region pooling."""

from collections.abc import Sequence
from typing import NamedTuple

from ..shapes import Shape


class Window(NamedTuple):
    """A window that slides over the spatial axes: one number per axis in each field."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    @property
    def pointwise(self) -> bool:
        """Whether each position sees exactly one element, all of them in order."""
        ones = (1,) * len(self.kernel)
        return self.kernel == ones and self.stride == ones and not any(self.pad)


class Bins(NamedTuple):
    """The bins of pooling over regions: each region is divided into H' rows and W' columns of them.

    A row (column) of bins is a span of rows (columns) of the image: the first, and the one after
    the last.
    """

    images: Sequence[int]  # (regions,): the number of the image
    rows: Sequence[Sequence[tuple[int, int]]]  # (regions, H')
    columns: Sequence[Sequence[tuple[int, int]]]  # (regions, W')
