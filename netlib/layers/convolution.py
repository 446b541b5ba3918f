"""Convolution, and the reading of ConvolutionParameter that Deconvolution and Im2col share."""

from ..engines.interface import Window
from ..registry import register
from ..shapes import conv_extent, count
from .shared.affine import Affine
from .traits import Traits


def read_window(layer, p, axes):
    """The Window that the fields of ConvolutionParameter `p` describe, for `axes` spatial axes."""

    def per_axis(field, default):
        values = list(getattr(p, field))
        if p.HasField('kernel_h' if field == 'kernel_size' else field + '_h') or p.HasField(
            'kernel_w' if field == 'kernel_size' else field + '_w'
        ):
            short = 'kernel' if field == 'kernel_size' else field
            if axes != 2:
                raise layer.error(
                    f'{short}_h & {short}_w can only be used for 2D convolution; found {axes} '
                    f'spatial axes: use {field}, once per axis'
                )
            if values:
                raise layer.error(f'Either {field} or {short}_h/w should be specified; not both')
            return getattr(p, short + '_h'), getattr(p, short + '_w')
        if not values and default is not None:
            values = [default]
        if len(values) not in (1, axes):
            raise layer.error(
                f'{field} must be specified once, or once per spatial dimension '
                f'({field} specified {len(values)} times; {axes} spatial dims)'
            )
        return tuple(values * axes if len(values) == 1 else values)

    dilation = list(p.dilation) or [1]
    if len(dilation) not in (1, axes):
        raise layer.error(
            f'dilation must be specified once, or once per spatial dimension '
            f'(dilation specified {len(dilation)} times; {axes} spatial dims)'
        )
    window = Window(
        per_axis('kernel_size', None),
        per_axis('stride', 1),
        per_axis('pad', 0),
        tuple(dilation * axes if len(dilation) == 1 else dilation),
    )
    for field, values in (
        ('kernel_size', window.kernel),
        ('stride', window.stride),
        ('dilation', window.dilation),
    ):
        if min(values, default=1) < 1:
            raise layer.error(
                f'{field}: {min(values)} must be positive (Filter dimensions must be nonzero)'
            )
    return window


class Sliding(Affine):
    """What Convolution and Deconvolution share: fields, weights and views on blobs.

    A bottom is seen as (N, C, ...): all axes before `axis` are the batch, those after it are
    spatial. Each bottom goes with the top of the same index, all through the same weights.
    """

    bottoms = tops = (1, None)
    same_count = True

    def setup(self, bottom, top):
        p = self.param.convolution_param
        self.channel = self.axis(p.axis, bottom[0])
        self.num_output, self.groups = p.num_output, p.group
        self.engine = self.engine.convolving(p.Engine.Name(p.engine))
        self.channels = bottom[0].shape[self.channel]
        self.window = read_window(self, p, bottom[0].axes - self.channel - 1)
        if not p.num_output:
            raise self.error('num_output: must be positive')
        for what, n in (
            ('channels of bottom ' + repr(bottom[0].name), self.channels),
            ('outputs', p.num_output),
        ):
            if not p.group or n % p.group:
                raise self.error(f'group: {p.group} must divide the {n} {what}')
        self.add_weights((*self.matrix_shape(), *self.window.kernel), p)

    def reshape(self, bottom, top):
        first = bottom[0]
        if first.shape[self.channel : self.channel + 1] != (self.channels,):
            raise self.error(
                f"Input size incompatible with convolution kernel: bottom '{first.name}' of shape "
                f'{first.shape_text} needs {self.channels} channels in axis {self.channel}'
            )
        for blob in bottom:
            if blob.shape != first.shape:
                raise self.error(
                    f"shape mismatch - bottom[0] '{first.name}': {first.shape_text} vs. "
                    f"'{blob.name}': {blob.shape_text}; all bottoms must be of one shape"
                )
        self.N = count(first.shape, 0, self.channel)
        self.extents = self.out_extents(first)
        for blob in top:
            blob.reshape(*first.shape[: self.channel], self.num_output, *self.extents)

    def add_squared_gradients(self, uses):
        if len(uses) == 1:
            ((x, y),) = uses
            return self.weights_squared(
                self.images(x.values), self.images(y.diffs), self.weight.diffs
            )
        e, gradient = self.engine, self.buffer('gradient', *self.weight.shape)
        for n in range(self.N):
            e.fill(0, out=gradient)
            for x, y in uses:
                x, dy = (self.images(t)[n] for t in (x.values, y.diffs))
                self.weights_backward(x.reshape(1, *x.shape), dy.reshape(1, *dy.shape), gradient)
            e.unary('power', gradient, 2, 1, 0, out=gradient)
            e.axpby(1, gradient, 1, out=self.weight.diffs)

    def out_extents(self, blob):
        spatial = blob.shape[self.channel + 1 :]
        extents = tuple(
            self.extent(n, *rest) for n, *rest in zip(spatial, *self.window, strict=True)
        )
        if min(extents, default=1) < 1:
            raise self.error(
                f'kernel {self.window.kernel} with dilation {self.window.dilation} is larger than the '
                f"padded bottom '{blob.name}' of shape {blob.shape_text}: the output would be {extents}"
            )
        return extents

    def images(self, tensor):
        """A bottom's or top's tensor as (N, C, ...)."""
        return tensor.reshape(self.N, *tensor.shape[self.channel :])

    def by_output(self, y):
        return y.reshape(-1, self.num_output, count(y.shape, len(y.shape) - len(self.extents)))

    def backward(self, top, propagate_down, bottom):
        for x, y, wanted in zip(bottom, top, propagate_down, strict=True):
            dy = self.images(y.diffs)
            if self.weight.learns:
                self.weights_backward(self.images(x.values), dy, self.weight.diffs)
            self.bias_backward(dy)
            if wanted:
                self.slide_back(dy, out=self.images(x.diffs))


@register
class Convolution(Sliding):
    """y = W * x + b, the cross-correlation of each group of channels with its filters

    bottom  x  (N, C, ...)                          as many as tops
    params  W  (num_output, C / group, *kernel)
            b  (num_output,)                        unless bias_term is false
    top     y  (N, num_output, ...)                 floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1

    Source: BVLC Caffe's conv_layer.
    """

    extent = staticmethod(conv_extent)
    sees_patches = True

    def matrix_shape(self):
        return self.num_output, self.channels // self.groups

    def setup(self, bottom, top):
        super().setup(bottom, top)
        self.traits = Traits(can_rectify=True, can_scale=len(top) == 1)

    def forward(self, bottom, top, rectify=False, scale=None, shift=None):
        """With `scale` and `shift`, (num_output,) each: y = scale (W * x) + shift instead."""
        W, b = self.weight.values, self.bias.values if self.bias else None
        for x, y in zip(bottom, top, strict=True):
            x, y = self.images(x.values), self.images(y.values)
            self.engine.conv_forward(
                x, W, self.window, self.groups, shift or b, rectify, scale, out=y
            )

    def slide_back(self, dy, out):
        self.engine.conv_backward_data(dy, self.weight.values, self.window, self.groups, out=out)

    def weights_backward(self, x, dy, dW):
        self.engine.conv_backward_weights(x, dy, self.window, self.groups, out=dW)

    def weights_squared(self, x, dy, squares):
        self.engine.conv_squared_gradients(x, dy, self.window, self.groups, out=squares)

    def weights_by_output(self, tensor):
        return tensor.reshape(
            self.groups, self.num_output // self.groups, count(self.weight.shape, 1)
        )

    def weight_view(self, diff=False):
        W = self.weight.diff if diff else self.weight.data
        return W.reshape(self.groups, self.num_output // self.groups, -1)

    def sample_count(self, bottom):
        return self.N * count(self.extents)

    def samples(self, bottom, positions):
        fan_in = count(self.weight.shape, 1)
        out = self.buffer('samples', self.groups, len(positions), fan_in)
        self.engine.patches(
            self.images(bottom[0].values), self.window, self.groups, positions, out=out
        )
        return out
