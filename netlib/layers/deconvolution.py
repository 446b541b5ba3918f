from typing import Any

from ..memory import Tensor
from ..registry import register
from ..shapes import count, deconv_extent
from .base import Blobs
from .shared.sliding import Sliding


@register
class Deconvolution(Sliding):
    """The transpose of Convolution: its forward pass is Convolution's backward pass, and vice versa

    bottom  x  (N, C, ...)                          as many as tops
    params  W  (C, num_output / group, *kernel)
            b  (num_output,)                        unless bias_term is false
    top     y  (N, num_output, ...)

    Along each axis y has stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad positions.

    Source: BVLC Caffe's deconv_layer.
    """

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        W = self.weight.values
        for x, y in zip(bottom, top, strict=True):
            image, out = self.images(x.values), self.images(y.values)
            self.engine.conv_backward_data(image, W, self.window, self.groups, out=out)
            self.add_bias(out)

    def data_backward(self, dy: Tensor, dx: Tensor) -> None:
        self.engine.conv_forward(dy, self.weight.values, self.window, self.groups, out=dx)

    def weights_backward(self, x: Tensor, dy: Tensor, dW: Tensor) -> None:
        self.engine.conv_backward_weights(dy, x, self.window, self.groups, out=dW)

    def weights_squared(self, x: Tensor, dy: Tensor, squares: Tensor) -> None:
        self.engine.conv_squared_gradients(dy, x, self.window, self.groups, out=squares)

    def matrix_shape(self) -> tuple[int, int]:
        return self.channels, self.num_output // self.groups

    def extent(self, size: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
        return deconv_extent(size, kernel, stride, pad, dilation)

    # -- for initializers

    def weights_by_output(self, tensor: Tensor) -> Tensor:
        per_group = self.num_output // self.groups
        return tensor.reshape(self.channels, per_group, count(self.window.kernel))

    def weight_view(self, diff: bool = False) -> Any:
        W = self.weight.diff if diff else self.weight.data
        ins, outs = self.channels // self.groups, self.num_output // self.groups
        return W.reshape(self.groups, ins, outs, -1).swapaxes(1, 2)
