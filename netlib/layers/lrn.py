from dataclasses import replace

from ..engines.interface import Window
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import PASSES, Scaling, Traits


@register
class LRN(Layer):
    """y = x scale^-beta, local response normalization

    ACROSS_CHANNELS   scale = k + alpha / n * sum of x^2 over the n = local_size nearest channels
    WITHIN_CHANNEL    scale = 1 + alpha * average of x^2 over the nearest n x n pixels; as in Caffe,
                      k is ignored

    Outside the border, x counts as 0. dx = dy scale^-beta - 2 alpha beta / n x (sum of dy y / scale
    over the same neighbors), with n^2 for n within a channel.

    bottom  x  (N, C, H, W)     top  y  (N, C, H, W)

    Source: Krizhevsky et al. 2012, section 3.3; BVLC Caffe's lrn_layer.
    """

    scaling = Scaling('equal', nearly=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.lrn_param
        if p.local_size % 2 == 0:
            raise self.error(f'LRN only supports odd values for local_size; found {p.local_size}')
        self.within = p.norm_region == p.WITHIN_CHANNEL
        if self.within:
            self.scaling = replace(self.scaling, channels='kept')
        self.traits = Traits(
            per_unit=True, by_sample=True, reads_top=not self.within, repeats=PASSES
        )
        pad = (p.local_size - 1) // 2
        self.window = Window((p.local_size,) * 2, (1, 1), (pad, pad), (1, 1))

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        if bottom[0].axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"'{bottom[0].name}' {bottom[0].shape_text}"
            )
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        if self.within:
            self.forward_within(bottom[0].values, top[0].values)
            return
        p, x = self.param.lrn_param, bottom[0].values
        scale = self.work.for_backward('scale', *x.shape)
        self.engine.lrn_forward(
            x, p.local_size, p.alpha, p.beta, p.k, out=top[0].values, scale=scale
        )

    def forward_within(self, x: Tensor, y: Tensor) -> None:
        e, p = self.engine, self.param.lrn_param
        scale = self.work.for_backward('scale', *x.shape)
        average = self.work.for_backward('average', *x.shape)
        e.unary('power', x, 2, 1, 0, out=scale)
        e.pool_ave_forward(scale, self.window, out=average)
        e.unary('power', average, -p.beta, p.alpha, 1, out=scale)
        e.binary('mul', x, scale, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        p, x, y = self.param.lrn_param, bottom[0].values, top[0].values
        dy, dx = top[0].diffs, bottom[0].diffs
        if self.within:
            self.backward_within(x, dy, dx)
            return
        scale = self.work.for_backward('scale', *x.shape)
        self.engine.lrn_backward(x, y, dy, scale, p.local_size, p.alpha, p.beta, out=dx)

    def backward_within(self, x: Tensor, dy: Tensor, dx: Tensor) -> None:
        e, p, t = self.engine, self.param.lrn_param, self.scratch('t', *x.shape)
        scale = self.work.for_backward('scale', *x.shape)
        average = self.work.for_backward('average', *x.shape)
        e.binary('mul', dy, x, out=t)
        e.unary_backward('power', average, scale, t, -p.beta, p.alpha, 1, out=t)
        e.pool_ave_backward(t, self.window, out=dx)
        e.binary('mul', dx, x, out=dx)
        e.binary('mul', dy, scale, out=t)
        e.axpby(1, t, 2, out=dx)
