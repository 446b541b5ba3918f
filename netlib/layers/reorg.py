from ..memory import Tensor
from ..registry import register
from ..shapes import Shape
from .base import Blobs, Flags, Layer
from .traits import EQUAL


@register
class Reorg(Layer):
    """y = x with blocks of s x s pixels moved to channels; with `reverse` channels to such blocks

    The places of a block are the slowest part of the new channels. As in Darknet, whose layer takes
    its output for its input, x is read as an image of C / s^2 channels and s times its height and
    width, which interleaves rows: y as (N, s, s, C / s^2, H, W) is x as (N, C / s^2, H, s, W, s)
    with its axes in the order 0, 3, 5, 1, 2, 4.

    bottom  x  (N, C, H, W)     s^2 divides C;  without `reverse`, s divides H and W
    top     y  (N, s^2 C, H / s, W / s);  with `reverse` (N, C / s^2, s H, s W)

    Source: Redmon & Farhadi 2017 (YOLO9000), section 2; Darknet's reorg layer.
    """

    scaling = EQUAL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.reorg_param
        s = p.stride
        if x.axes != 4 or not s or x.shape[1] % s**2:
            raise self.error(
                f'stride: found {s}, needed: a number whose square divides the channels of '
                f"'{x.name}' (N, C, H, W), which has {x.shape_text}"
            )
        N, C, H, W = x.shape
        if p.reverse:
            top[0].reshape(N, C // s**2, H * s, W * s)
        elif H % s or W % s:
            raise self.error(
                f"stride: {s} must divide the height and width of '{x.name}' {x.shape_text}"
            )
        else:
            top[0].reshape(N, C * s**2, H // s, W // s)
        self.apart: Shape = (N, C // s**2, H, s, W, s)
        self.together: Shape = (N, s, s, C // s**2, H, W)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.move(bottom[0].values, top[0].values, self.param.reorg_param.reverse)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            self.move(top[0].diffs, bottom[0].diffs, not self.param.reorg_param.reverse)

    def move(self, x: Tensor, out: Tensor, reverse: bool) -> None:
        if reverse:
            x, out = x.reshape(*self.together), out.reshape(*self.apart)
            self.engine.transpose(x, (0, 3, 4, 1, 5, 2), out=out)
        else:
            x, out = x.reshape(*self.apart), out.reshape(*self.together)
            self.engine.transpose(x, (0, 3, 5, 1, 2, 4), out=out)
