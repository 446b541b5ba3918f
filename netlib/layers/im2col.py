from ..memory import Tensor
from ..registry import register
from ..shapes import conv_extent, count
from .base import Blobs, Flags, Layer
from .shared.window import read_window
from .traits import EQUAL, EQUAL_BY_CHANNEL


@register
class Im2col(Layer):
    """y = the patch of x at each position of a convolution's window, as channels

    dx = the sum of dy over all patches that contain each element

    bottom  x  (N, C, ...)      top  y  (N, C prod(kernel), ...)

    Source: BVLC Caffe's im2col_layer.
    """

    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.convolution_param
        self.channel = self.axis(p.axis, bottom[0])
        self.window = read_window(self, p, bottom[0].axes - self.channel - 1)
        if self.channel == 1:
            self.scaling = EQUAL_BY_CHANNEL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, channel, window = bottom[0], self.channel, self.window
        per_axis = zip(x.shape[channel + 1 :], *window, strict=True)
        extents = [conv_extent(*axis) for axis in per_axis]
        if min(extents, default=1) < 1:
            raise self.error(
                f'kernel {window.kernel} with dilation {window.dilation} is larger than the padded '
                f"bottom '{x.name}' of shape {x.shape_text}"
            )
        channels = x.shape[channel] * count(window.kernel)
        top[0].reshape(*x.shape[:channel], channels, *extents)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, columns = self.images(bottom[0].values), self.images(top[0].values)
        self.engine.im2col(x, self.window, out=columns)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            dcolumns, dx = self.images(top[0].diffs), self.images(bottom[0].diffs)
            self.engine.col2im(dcolumns, self.window, out=dx)

    def images(self, tensor: Tensor) -> Tensor:
        """A tensor as (N, C, ...)."""
        n = count(tensor.shape, 0, self.channel)
        return tensor.reshape(n, *tensor.shape[self.channel :])
