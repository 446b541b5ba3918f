from dataclasses import replace

from ..engines.interface import Window
from ..registry import register
from ..shapes import pool_extent
from .base import Blobs, Layer
from .traits import EQUAL, Traits


@register
class Pooling(Layer):
    """y = the largest value (MAX) or the average (AVE) of each window of each channel

    Caffe rounds the number of positions up (round_mode CEIL), so that the last window may reach
    beyond the image; with padding it is dropped where it would start beyond it. AVE counts the
    padding as zeros, MAX never sees it.

    bottom  x  (N, C, H, W)
    top     y  (N, C, H', W')
            optional second top of MAX: the flat place y W + x of each winner, as a float; backward then follows it

    Source: BVLC Caffe's pooling_layer.
    """

    tops = (1, 2)
    scaling = EQUAL
    traits = Traits(per_unit=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.pooling_param
        sized = p.HasField('kernel_size') or p.HasField('kernel_h') or p.HasField('kernel_w')
        if p.global_pooling and sized:
            raise self.error('With Global_pooling: true Filter size cannot specified')
        if not p.global_pooling and p.HasField('kernel_size') == (
            p.HasField('kernel_h') and p.HasField('kernel_w')
        ):
            raise self.error(
                'Filter size is kernel_size OR kernel_h and kernel_w; not both, and one of them is needed'
            )
        self.is_max = p.pool == p.MAX
        self.traits = replace(self.traits, reads_top=len(top) > 1)
        if len(top) > 1 and not self.is_max:
            raise self.error('a second top, the mask of the winners, goes with pool: MAX only')

    def pair(self, short, name, default):
        """A field given once, or as its _h and _w."""
        p = self.param.pooling_param
        if p.HasField(short + '_h') or p.HasField(short + '_w'):
            if p.HasField(name):
                raise self.error(f'{name} is {name} OR {short}_h and {short}_w; not both')
            return getattr(p, short + '_h'), getattr(p, short + '_w')
        return (getattr(p, name) if p.HasField(name) else default,) * 2

    def read_window(self, image):
        p = self.param.pooling_param
        kernel = image if p.global_pooling else self.pair('kernel', 'kernel_size', 0)
        window = Window(
            kernel, self.pair('stride', 'stride', 1), self.pair('pad', 'pad', 0), (1, 1)
        )
        if min(window.kernel) < 1 or min(window.stride) < 1:
            raise self.error(
                f'Filter dimensions cannot be zero: kernel {window.kernel}, stride {window.stride}'
            )
        if p.global_pooling and (window.pad != (0, 0) or window.stride != (1, 1)):
            raise self.error('With Global_pooling: true; only pad = 0 and stride = 1')
        if any(pad >= k for pad, k in zip(window.pad, window.kernel, strict=True)):
            raise self.error(
                f'pad {window.pad} must be smaller than the kernel {window.kernel} (pad_h_ < kernel_h_)'
            )
        return window

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.pooling_param
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"blob '{x.name}' of shape {x.shape_text}"
            )
        self.window = w = self.read_window(x.shape[2:])
        extents = [
            pool_extent(n, k, s, pad, p.round_mode == p.CEIL, any(w.pad))
            for n, k, s, pad in zip(x.shape[2:], w.kernel, w.stride, w.pad, strict=True)
        ]
        if min(extents) < 1:
            raise self.error(
                f"kernel {w.kernel} is larger than the padded bottom '{x.name}' of shape {x.shape_text}"
            )
        for blob in top:
            blob.reshape(*x.shape[:2], *extents)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, x, y = self.engine, bottom[0].values, top[0].values
        p = self.param.pooling_param
        if p.pool == p.STOCHASTIC:
            raise self.error(
                'pool: STOCHASTIC: Not Implemented Yet (nor on the CPU by BVLC Caffe); use MAX or AVE'
            )
        if self.is_max:
            e.pool_max_forward(x, self.window, out=y, mask=self.mask(top))
        else:
            e.pool_ave_forward(x, self.window, out=y)

    def mask(self, top):
        """Where the winners are: a layer in place on y must not make backward lose them."""
        return top[1].values if len(top) > 1 else self.work.for_backward('mask', *top[0].shape)

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        dy, dx = top[0].diffs, bottom[0].diffs
        if self.is_max:
            self.engine.pool_mask_backward(dy, self.mask(top), self.window, out=dx)
        else:
            self.engine.pool_ave_backward(dy, self.window, out=dx)
