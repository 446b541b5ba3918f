from ..registry import register
from ..shapes import conv_extent, count
from .base import Layer
from .convolution import read_window
from .traits import EQUAL


@register
class Im2col(Layer):
    """y = the patch of x that each position of a convolution's window sees, as channels

    dx = the sum of what came from each place

    bottom  x  (N, C, ...)      top  y  (N, C prod(kernel), ...)

    Source: BVLC Caffe's im2col_layer.
    """

    scaling = EQUAL

    def setup(self, bottom, top):
        p = self.param.convolution_param
        self.channel = self.axis(p.axis, bottom[0])
        self.window = read_window(self, p, bottom[0].axes - self.channel - 1)

    def reshape(self, bottom, top):
        shape, channel = bottom[0].shape, self.channel
        extents = [
            conv_extent(n, *rest)
            for n, *rest in zip(shape[channel + 1 :], *self.window, strict=True)
        ]
        if min(extents, default=1) < 1:
            raise self.error(
                f'kernel {self.window.kernel} with dilation {self.window.dilation} is larger than the '
                f"padded bottom '{bottom[0].name}' of shape {bottom[0].shape_text}"
            )
        top[0].reshape(*shape[:channel], shape[channel] * count(self.window.kernel), *extents)

    def forward(self, bottom, top):
        self.engine.im2col(
            self.images(bottom[0].values), self.window, out=self.images(top[0].values)
        )

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.engine.col2im(
                self.images(top[0].diffs), self.window, out=self.images(bottom[0].diffs)
            )

    def images(self, tensor):
        """A tensor as (N, C, ...)."""
        return tensor.reshape(count(tensor.shape, 0, self.channel), *tensor.shape[self.channel :])
