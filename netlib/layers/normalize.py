from ...proto.caffe_pb2 import FillerParameter
from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .traits import Scaling


@register
class Normalize(Layer):
    """y = s z,  z = x / sqrt(eps + sum of x^2)

    The sum is over the channels at each position or, with across_spatial, over the sample.

    dx = (s dy - z sum of z s dy) / sqrt(eps + sum of x^2)
    ds = the sum of z dy over all elements scaled by the same s

    bottom  x  (N, C, ...)
    params  s  (C,), with channel_shared (); filled with 1 unless scale_filler says otherwise
    top     y  (N, C, ...)

    SSD's layer takes s out of the sum in dx, which is equivalent if all channels have the same s.
    Source: Liu et al. 2015 (ParseNet), section 3.3; SSD's normalize_layer.
    """

    scaling = Scaling('free', nearly=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.norm_param
        if x.axes < 2:
            raise self.error(
                f"Number of axes of bottom blob must be >=2: '{x.name}' has {x.shape_text}"
            )
        filler = p.scale_filler if p.HasField('scale_filler') else FillerParameter(value=1)
        self.scale = self.add_param(() if p.channel_shared else x.shape[1:2], filler)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if self.scale.axes and x.shape[1:2] != self.scale.shape:
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.scale.count} channels in "
                'axis 1'
            )
        self.shape = fold(x.shape, 1)
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, x = self.engine, bottom[0].values.reshape(*self.shape)
        z, inverse = self.normalized(), self.per_norm('inverse')
        e.dot(x, x, out=inverse)
        e.unary('power', inverse, -0.5, 1, self.param.norm_param.eps, out=inverse)
        e.binary('mul', x, inverse, out=z)
        e.binary('mul', z, self.across(self.scale.values), out=top[0].values.reshape(*self.shape))

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, z, along = self.engine, self.normalized(), self.per_norm('along')
        dy, dx = top[0].diffs.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        if self.scale.learns:
            e.dot(z, dy, out=self.across(self.scale.diffs), accumulate=True)
        if propagate_down[0]:
            dz, part = self.buffer('dz', *self.shape), self.buffer('part', *self.shape)
            e.binary('mul', dy, self.across(self.scale.values), out=dz)
            e.dot(z, dz, out=along)
            e.binary('mul', z, along, out=part)
            e.binary('sub', dz, part, out=dz)
            e.binary('mul', dz, self.per_norm('inverse'), out=dx)

    def normalized(self) -> Tensor:
        return self.buffer('z', *self.shape)

    def per_norm(self, name: str) -> Tensor:
        """A buffer of one number per norm."""
        outer, _, inner = self.shape
        places = 1 if self.param.norm_param.across_spatial else inner
        return self.buffer(name, outer, 1, places)

    def across(self, tensor: Tensor) -> Tensor:
        """The scale, or its gradient, shaped to broadcast over (N, C, inner)."""
        return tensor.reshape(1, self.scale.count, 1)
