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
        """Whether each position sees exactly one element, in order."""
        ones = (1,) * len(self.kernel)
        return self.kernel == ones and self.stride == ones and not any(self.pad)


class Bins(NamedTuple):
    """The bins for pooling over regions: each region has H' rows and W' columns of bins.

    A row (column) of bins is a span of rows (columns) of the image, given by its first and the one
    after its last.
    """

    images: Sequence[int]  # (regions,): the index of the image
    rows: Sequence[Sequence[tuple[int, int]]]  # (regions, H')
    columns: Sequence[Sequence[tuple[int, int]]]  # (regions, W')
