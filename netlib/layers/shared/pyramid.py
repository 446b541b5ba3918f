"""Shared by the layers of a spatial pyramid: x pooled to several numbers of bins, side by side."""

from ...blob import Blob
from ...memory import Tensor
from ...shapes import Shape, count
from ..base import Blobs, Flags
from ..traits import PASSES, Traits
from .blocks import Blocks


class Pyramid(Blocks):
    """Subclasses call `place_top` in `reshape`, and pool one level in `pool` and `pool_backward`.
    The top holds the levels one after the other; that of a single level keeps its axes."""

    traits = Traits(repeats=PASSES)
    shapes: list[Shape]  # of each level's part of the top

    def check_images(self, x: Blob) -> None:
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"'{x.name}' {x.shape_text}"
            )

    def place_top(self, x: Blob, top: Blob) -> None:
        """Shape the top from `shapes`."""
        if len(self.shapes) == 1:
            top.reshape(*self.shapes[0])
        else:
            top.reshape(x.shape[0], sum(count(shape, 1) for shape in self.shapes))

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = bottom[0].values, self.levels('y')
        for level, winner in enumerate(self.levels('mask')):
            self.pool(level, x, y[level], winner)
        self.join(self.flat(y), self.flat([top[0].values])[0])

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        dx, dy = bottom[0].diffs, self.levels('dy')
        self.cut(self.flat([top[0].diffs])[0], self.flat(dy))
        part = self.buffer('part', *dx.shape)
        for level, winner in enumerate(self.levels('mask')):
            self.pool_backward(level, dy[level], winner, part)
            self.engine.axpby(1, part, 1 if level else 0, out=dx)

    def pool(self, level: int, x: Tensor, y: Tensor, winner: Tensor) -> None:
        """Write a level's y, and for MAX the places of the winners."""
        raise NotImplementedError

    def pool_backward(self, level: int, dy: Tensor, winner: Tensor, dx: Tensor) -> None:
        """Write the gradient of x through one level."""
        raise NotImplementedError

    def levels(self, name: str) -> list[Tensor]:
        """A buffer for each level."""
        return [self.buffer(f'{name}{i}', *shape) for i, shape in enumerate(self.shapes)]

    def flat(self, tensors: list[Tensor]) -> list[Tensor]:
        """Tensors as (N, ...) rows."""
        return [t.reshape(t.shape[0], t.size // max(t.shape[0], 1)) for t in tensors]
