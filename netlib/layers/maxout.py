from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer
from .traits import EQUAL


@register
class Maxout(Layer):
    """y_c = the largest of x_c, x_(c + M), x_(c + 2 M), ...: num_pieces blocks of M = C /
    num_pieces channels

    The same as a Slice along `axis` and an Eltwise MAX of its tops, including ties: block 1 wins
    against block 0, and later blocks must be strictly larger. dy goes to the winner.

    bottom  x  (..., C, ...)        top  y  (..., C / num_pieces, ...)

    Source: Goodfellow et al. 2013. Not in BVLC Caffe.
    """

    scaling = EQUAL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.maxout_param
        axis = self.axis(p.axis, x)
        if not p.num_pieces or x.shape[axis] % p.num_pieces:
            raise self.error(
                f'num_pieces: {p.num_pieces} must divide the {x.shape[axis]} of axis {axis} of '
                f"'{x.name}' {x.shape_text}"
            )
        channels = x.shape[axis] // p.num_pieces
        top[0].reshape(*x.shape[:axis], channels, *x.shape[axis + 1 :])
        self.pieces = p.num_pieces
        self.outer, self.inner = count(x.shape, 0, axis), count(top[0].shape, axis)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = self.seen(bottom[0].values), top[0].values.reshape(self.outer, self.inner)
        self.engine.max_forward(x, out=y, winner=self.winner)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            dy, dx = top[0].diffs.reshape(self.outer, self.inner), self.seen(bottom[0].diffs)
            self.engine.max_backward(dy, self.winner, out=dx)

    def seen(self, tensor: Tensor) -> Tensor:
        """x or dx as (outer, pieces, elements of a piece)."""
        return tensor.reshape(self.outer, self.pieces, self.inner)

    @property
    def winner(self) -> Tensor:
        """The index of the winning piece, for each element of y."""
        return self.buffer('winner', self.outer, self.inner)
