"""Shared by Convolution and Deconvolution: fields, weights, and views of blobs."""

from collections.abc import Sequence
from dataclasses import replace

from ...blob import Blob
from ...memory import Tensor
from ...shapes import Shape, count
from ..base import Blobs, Flags
from .affine import Affine, Use
from .window import read_window


class Sliding(Affine):
    """A layer whose weights slide over an image.

    A bottom is seen as (N, C, ...): axes before `axis` are the batch, and axes after it are
    spatial. Each bottom maps to the top with the same index, all through the same weights.
    """

    bottoms = tops = (1, None)
    same_count = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p, x = self.param.convolution_param, bottom[0]
        self.input_axis = self.axis(p.axis, x)
        self.traits = replace(self.traits, by_sample=self.input_axis > 0)
        self.num_output, self.groups = p.num_output, p.group
        self.engine = self.engine.convolving(p.Engine.Name(p.engine))
        self.channels = x.shape[self.input_axis]
        self.window = read_window(self, p, x.axes - self.input_axis - 1)
        if not self.num_output:
            raise self.error('num_output: must be positive')
        self._check_groups(f"channels of bottom '{x.name}'", self.channels)
        self._check_groups('outputs', self.num_output)
        self.add_weights((*self.matrix_shape(), *self.window.kernel), p)

    def _check_groups(self, what: str, found: int) -> None:
        if not self.groups or found % self.groups:
            raise self.error(f'group: {self.groups} must divide the {found} {what}')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        first, channel = bottom[0], self.input_axis
        if first.shape[channel : channel + 1] != (self.channels,):
            raise self.error(
                f"Input size incompatible with convolution kernel: bottom '{first.name}' of shape "
                f'{first.shape_text} needs {self.channels} channels in axis {channel}'
            )
        for blob in bottom:
            if blob.shape != first.shape:
                raise self.error(
                    f"shape mismatch - bottom[0] '{first.name}': {first.shape_text} vs. "
                    f"'{blob.name}': {blob.shape_text}; all bottoms must have the same shape"
                )
        self.N = count(first.shape, 0, channel)
        self.extents = self._out_extents(first)
        for blob in top:
            blob.reshape(*first.shape[:channel], self.num_output, *self.extents)

    def _out_extents(self, blob: Blob) -> Shape:
        spatial = blob.shape[self.input_axis + 1 :]
        per_axis = zip(spatial, *self.window, strict=True)
        extents = tuple(self.extent(*axis) for axis in per_axis)
        if min(extents, default=1) < 1:
            raise self.error(
                f'kernel {self.window.kernel} with dilation {self.window.dilation} is larger than '
                f"the padded bottom '{blob.name}' of shape {blob.shape_text}: the output would be "
                f'{extents}'
            )
        return extents

    def backward(
        self, top: Blobs, propagate_down: Flags, bottom: Blobs, rectify: bool = False
    ) -> None:
        """With `rectify`, which Convolution allows: y has gone through ReLU."""
        for x, y, wanted in zip(bottom, top, propagate_down, strict=True):
            dy = self.images(y.diffs)
            if rectify:
                self.rectified_backward(y.values, y.diffs)
            else:
                self.bias_backward(dy)
            if self.weight.learns:
                self.weights_backward(self.images(x.values), dy, self.weight.diffs)
            if wanted:
                self.data_backward(dy, self.images(x.diffs))

    def images(self, tensor: Tensor) -> Tensor:
        """A bottom's or top's tensor as (N, C, ...)."""
        return tensor.reshape(self.N, *tensor.shape[self.input_axis :])

    def by_output(self, y: Tensor) -> Tensor:
        positions = count(y.shape, len(y.shape) - len(self.extents))
        return y.reshape(-1, self.num_output, positions)

    def add_squared_gradients(self, uses: Sequence[Use]) -> None:
        if len(uses) == 1:
            x, y = uses[0]
            self.weights_squared(self.images(x.values), self.images(y.diffs), self.weight.diffs)
            return
        # If W is applied several times, an image's gradient is a sum, which is squared as a whole.
        e, gradient = self.engine, self.buffer('gradient', *self.weight.shape)
        for n in range(self.N):
            e.fill(0, out=gradient)
            for x, y in uses:
                image, dy = self.images(x.values)[n], self.images(y.diffs)[n]
                image, dy = image.reshape(1, *image.shape), dy.reshape(1, *dy.shape)
                self.weights_backward(image, dy, gradient)
            e.unary('power', gradient, 2, 1, 0, out=gradient)
            e.axpby(1, gradient, 1, out=self.weight.diffs)

    # -- different in the two layers

    def matrix_shape(self) -> tuple[int, int]:
        """The first two axes of W."""
        raise NotImplementedError

    def extent(self, size: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
        """The extent of y along an axis where x has `size`."""
        raise NotImplementedError

    def data_backward(self, dy: Tensor, dx: Tensor) -> None:
        """Write the gradient by x."""
        raise NotImplementedError

    def weights_backward(self, x: Tensor, dy: Tensor, dW: Tensor) -> None:
        """Add the gradient by W."""
        raise NotImplementedError

    def weights_squared(self, x: Tensor, dy: Tensor, squares: Tensor) -> None:
        """Add the sum over images of the square of each image's own gradient by W."""
        raise NotImplementedError
