from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..memory import Tensor
from ..registry import register
from ..shapes import conv_extent, count
from .base import Blobs
from .shared.sliding import Sliding


@register
class Convolution(Sliding):
    """y = W * x + b, the cross-correlation of each group of channels with its filters

    bottom  x  (N, C, ...)                          as many as tops
    params  W  (num_output, C / group, *kernel)
            b  (num_output,)                        unless bias_term is false
    top     y  (N, num_output, ...)

    Along each axis y has floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1 positions.

    Source: BVLC Caffe's conv_layer.
    """

    sees_patches = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        super().setup(bottom, top)
        self.traits = replace(
            self.traits, can_rectify=True, can_rectify_back=True, can_scale=len(top) == 1
        )

    def forward(
        self,
        bottom: Blobs,
        top: Blobs,
        rectify: bool = False,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
    ) -> None:
        """With `scale` and `shift`, (num_output,) each: y = scale (W * x) + shift instead."""
        if shift is None and self.bias:
            shift = self.bias.values
        W = self.weight.values
        for x, y in zip(bottom, top, strict=True):
            self.engine.conv_forward(
                self.images(x.values),
                W,
                self.window,
                self.groups,
                shift,
                rectify,
                scale,
                out=self.images(y.values),
            )

    def data_backward(self, dy: Tensor, dx: Tensor) -> None:
        self.engine.conv_backward_data(dy, self.weight.values, self.window, self.groups, out=dx)

    def weights_backward(self, x: Tensor, dy: Tensor, dW: Tensor) -> None:
        self.engine.conv_backward_weights(x, dy, self.window, self.groups, out=dW)

    def weights_squared(self, x: Tensor, dy: Tensor, squares: Tensor) -> None:
        self.engine.conv_squared_gradients(x, dy, self.window, self.groups, out=squares)

    def matrix_shape(self) -> tuple[int, int]:
        return self.num_output, self.channels // self.groups

    def extent(self, size: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
        return conv_extent(size, kernel, stride, pad, dilation)

    # -- for initializers

    def weights_by_output(self, tensor: Tensor) -> Tensor:
        per_group = self.num_output // self.groups
        return tensor.reshape(self.groups, per_group, count(self.weight.shape, 1))

    def weight_view(self, diff: bool = False) -> Any:
        W = self.weight.diff if diff else self.weight.data
        return W.reshape(self.groups, self.num_output // self.groups, -1)

    def sample_count(self, bottom: Blobs) -> int:
        return self.N * count(self.extents)

    def samples(self, bottom: Blobs, positions: Sequence[int], *, out: Tensor) -> None:
        x = self.images(bottom[0].values)
        self.engine.patches(x, self.window, self.groups, positions, out=out)
