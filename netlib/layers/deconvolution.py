from ..registry import register
from ..shapes import count, deconv_extent
from .convolution import Sliding


@register
class Deconvolution(Sliding):
    """The transpose of Convolution: its forward pass is the other's data gradient, and the reverse

    bottom  x  (N, C, ...)                          as many as tops
    params  W  (C, num_output / group, *kernel)
            b  (num_output,)                        unless bias_term is false
    top     y  (N, num_output, ...)                 stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad

    Source: BVLC Caffe's deconv_layer.
    """

    extent = staticmethod(deconv_extent)

    def matrix_shape(self):
        return self.channels, self.num_output // self.groups

    def forward(self, bottom, top):
        W = self.weight.values
        for x, y in zip(bottom, top, strict=True):
            x, y = self.images(x.values), self.images(y.values)
            self.engine.conv_backward_data(x, W, self.window, self.groups, out=y)
            self.add_bias(y)

    def slide_back(self, dy, out):
        self.engine.conv_forward(dy, self.weight.values, self.window, self.groups, out=out)

    def weights_backward(self, x, dy, dW):
        self.engine.conv_backward_weights(dy, x, self.window, self.groups, out=dW)

    def weights_squared(self, x, dy, squares):
        self.engine.conv_squared_gradients(dy, x, self.window, self.groups, out=squares)

    def weights_by_output(self, tensor):
        return tensor.reshape(
            self.channels, self.num_output // self.groups, count(self.window.kernel)
        )

    def weight_view(self, diff=False):
        W = self.weight.diff if diff else self.weight.data
        return W.reshape(
            self.groups, self.channels // self.groups, self.num_output // self.groups, -1
        ).swapaxes(1, 2)
