from dataclasses import replace

from ..engines.interface import Window
from ..memory import Tensor
from ..registry import register
from ..shapes import pool_extents
from .base import Blobs, Flags, Layer
from .traits import EQUAL_BY_CHANNEL, PASSES, Traits


@register
class Pooling(Layer):
    """y = the largest value (MAX) or the average (AVE) of each window of each channel

    Caffe rounds the number of positions up (round_mode CEIL), so the last window may extend beyond
    the image. With padding, it is dropped if it would start beyond the image. AVE counts padding as
    zeros; MAX ignores it.

    bottom  x  (N, C, H, W)
    top     y  (N, C, H', W')
            optional second top for MAX: the flat index y W + x of each winner, as a float; backward
            then uses it

    Source: BVLC Caffe's pooling_layer.
    """

    tops = (1, 2)
    scaling = EQUAL_BY_CHANNEL
    traits = Traits(per_unit=True, by_sample=True, repeats=PASSES)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.pooling_param
        self.check_kernel()
        self.is_max = p.pool == p.MAX
        self.traits = replace(self.traits, reads_top=len(top) > 1)
        if len(top) > 1 and not self.is_max:
            raise self.error('a second top, the mask of the winners, requires pool: MAX')

    def check_kernel(self) -> None:
        """The kernel's size is given in one of three ways."""
        p = self.param.pooling_param
        square, high, wide = map(p.HasField, ('kernel_size', 'kernel_h', 'kernel_w'))
        if p.global_pooling and (square or high or wide):
            raise self.error('With Global_pooling: true Filter size cannot specified')
        if not p.global_pooling and square == (high and wide):
            raise self.error(
                'Filter size is kernel_size OR kernel_h and kernel_w; not both, and one of them is '
                'needed'
            )

    def pair(self, short: str, name: str, default: int) -> tuple[int, int]:
        """A field given once, or as its _h and _w."""
        p = self.param.pooling_param
        height, width = f'{short}_h', f'{short}_w'
        if p.HasField(height) or p.HasField(width):
            if p.HasField(name):
                raise self.error(f'{name} is {name} OR {height} and {width}; not both')
            return getattr(p, height), getattr(p, width)
        value = getattr(p, name) if p.HasField(name) else default
        return value, value

    def read_window(self, image: tuple[int, ...]) -> Window:
        """The window on an image of this height and width."""
        p = self.param.pooling_param
        kernel = image if p.global_pooling else self.pair('kernel', 'kernel_size', 0)
        stride, pad = self.pair('stride', 'stride', 1), self.pair('pad', 'pad', 0)
        if min(kernel) < 1 or min(stride) < 1:
            raise self.error(f'Filter dimensions cannot be zero: kernel {kernel}, stride {stride}')
        if p.global_pooling and (pad != (0, 0) or stride != (1, 1)):
            raise self.error('With Global_pooling: true; only pad = 0 and stride = 1')
        if any(p >= k for p, k in zip(pad, kernel, strict=True)):
            raise self.error(
                f'pad {pad} must be smaller than the kernel {kernel} (pad_h_ < kernel_h_)'
            )
        return Window(kernel, stride, pad, (1, 1))

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.pooling_param
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"blob '{x.name}' of shape {x.shape_text}"
            )
        self.window = window = self.read_window(x.shape[2:])
        ceil = p.round_mode == p.CEIL
        extents = pool_extents(x.shape[2:], window.kernel, window.stride, window.pad, ceil)
        if min(extents) < 1:
            raise self.error(
                f"kernel {window.kernel} is larger than the padded bottom '{x.name}' of shape "
                f'{x.shape_text}'
            )
        for blob in top:
            blob.reshape(*x.shape[:2], *extents)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p, x, y = self.param.pooling_param, bottom[0].values, top[0].values
        if p.pool == p.STOCHASTIC:
            raise self.error(
                'pool: STOCHASTIC: Not Implemented Yet (nor on the CPU by BVLC Caffe); use MAX or '
                'AVE'
            )
        if self.is_max:
            self.engine.pool_max_forward(x, self.window, out=y, mask=self.mask(top))
        else:
            self.engine.pool_ave_forward(x, self.window, out=y)

    def mask(self, top: Blobs) -> Tensor:
        """The indices of the winners, which backward needs even if a layer works in place on y."""
        if len(top) > 1:
            return top[1].values
        return self.work.for_backward('mask', *top[0].shape)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        dy, dx = top[0].diffs, bottom[0].diffs
        if self.is_max:
            self.engine.pool_mask_backward(dy, self.mask(top), self.window, out=dx)
        else:
            self.engine.pool_ave_backward(dy, self.window, out=dx)
