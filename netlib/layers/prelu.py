from math import inf

from ...proto.caffe_pb2 import FillerParameter
from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .traits import EQUAL_BY_CHANNEL, PASSES, Traits


@register
class PReLU(Layer):
    """y = x where x > 0, else s_c x, with a learned slope s_c per channel c

    dx = dy where x > 0, else s_c dy;  ds_c += the sum of dy min(x, 0) over the channel

    bottom  x  (N, C, ...)      may be in place
    params  s  (C,), filled with 0.25 unless `filler` is given; one slope, (), with channel_shared
    top     y  (N, C, ...)

    Source: He et al. 2015; BVLC Caffe's prelu_layer.
    """

    traits = Traits(in_place=True, keeps_input=True, by_sample=True, repeats=PASSES)
    scaling = EQUAL_BY_CHANNEL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.prelu_param
        x = bottom[0]
        if x.axes < 2:
            raise self.error(
                f"Number of axes of bottom blob must be >=2: '{x.name}' has shape {x.shape_text}"
            )
        filler = p.filler if p.HasField('filler') else FillerParameter(value=0.25)
        self.slope = self.add_param(() if p.channel_shared else x.shape[1:2], filler)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if self.slope.axes and x.shape[1] != self.slope.count:
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.slope.count} channels in "
                'axis 1'
            )
        self.shape = fold(x.shape, 1)
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x = self.work.keep_input(bottom[0], top[0]).reshape(*self.shape)
        y = top[0].values.reshape(*self.shape)
        self.engine.binary('prelu', x, self.across(self.slope.values), out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, t = self.engine, self.scratch('t', *self.shape)
        x = self.work.kept_input(bottom[0], top[0]).reshape(*self.shape)
        dy, dx = top[0].diffs.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        if self.slope.learns:
            e.unary('clip', x, -inf, 0, out=t)
            e.dot(dy, t, out=self.across(self.slope.diffs), accumulate=True)
        if propagate_down[0]:
            e.binary('prelu_slope', x, self.across(self.slope.values), out=t)
            e.binary('mul', dy, t, out=dx)

    def across(self, slope: Tensor) -> Tensor:
        """The slopes, or their gradient, shaped to broadcast over x."""
        return slope.reshape(1, -1, 1)
