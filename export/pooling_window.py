"""Where the windows of a pooling lie, and what they see of the image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Pair = tuple[int, int]


@dataclass
class Window:
    """A pooling window over images of a size.

    kernel, stride, pad: of height and width. extents: how many positions it takes along each axis,
    by Caffe's rule. behind: the pad at the far ends that lets all of them fit.
    """

    size: Sequence[int]
    kernel: Pair
    stride: Pair
    pad: Pair
    extents: Sequence[int]

    @property
    def behind(self) -> list[int]:
        return [max(0, need - n) for n, need in zip(self.size, self.reach(), strict=True)]

    def reach(self) -> list[int]:
        """Where the last window ends along each axis."""
        ends = []
        for k, s, p, o in zip(self.kernel, self.stride, self.pad, self.extents, strict=True):
            ends.append((o - 1) * s + k - p)
        return ends

    @property
    def padded(self) -> bool:
        return any((*self.pad, *self.behind))

    @property
    def whole(self) -> bool:
        """Whether it sees the whole image at once."""
        return self.kernel == tuple(self.size) and not self.padded

    @property
    def outside(self) -> bool:
        """Whether a window lies wholly beyond the image."""
        ends = zip(self.behind, self.kernel, strict=True)
        return any(behind >= kernel for behind, kernel in ends)

    def seen(self) -> np.ndarray:
        """How many elements Caffe divides by, at each position."""
        along = []
        for axis, extent in enumerate(self.extents):
            start = np.arange(extent) * self.stride[axis] - self.pad[axis]
            end = np.minimum(start + self.kernel[axis], self.size[axis] + self.pad[axis])
            along.append(end - start)
        return np.outer(*along)

    def rounding(self) -> dict[str, bool] | None:
        """With what ceil_mode PyTorch finds these windows; None where with neither."""
        if any(2 * p > k for p, k in zip(self.pad, self.kernel, strict=True)):
            return None
        down, up = [], []
        for axis, n in enumerate(self.size):
            p, s = self.pad[axis], self.stride[axis]
            room = n + 2 * p - self.kernel[axis]
            more = -(-room // s) + 1
            down.append(room // s + 1)
            up.append(more - ((more - 1) * s >= n + p))
        if down == list(self.extents):
            return {}
        return {'ceil_mode': True} if up == list(self.extents) else None
