from ...proto.caffe_pb2 import TRAIN
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL, Traits


@register
class RReLU(Layer):
    """y = x where x > 0, else x / u, with u drawn for each element from lb .. ub in training, and u
    = (lb + ub) / 2 in the TEST phase

    dx = dy where y > 0, else dy / u

    bottom  x  (...)        top  y  (...)        may be in place

    lb and ub are also known as negative_slope_lower and negative_slope_upper.

    Source: Xu et al. 2015 (arXiv 1505.00853), section 2.4.
    """

    traits = Traits(in_place=True, reads_top=True, draws=True)
    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.rrelu_param
        self.low = p.negative_slope_lower if p.HasField('negative_slope_lower') else p.lb
        self.high = p.negative_slope_upper if p.HasField('negative_slope_upper') else p.ub
        if not 0 < self.low <= self.high:
            raise self.error(f'found lb {self.low:g} and ub {self.high:g}, needed: 0 < lb <= ub')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*bottom[0].shape)
        self.shape = (1, bottom[0].count)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        slope = self.slope()
        if self.phase == TRAIN:
            divisors = self.rng.uniform(self.low, self.high, self.shape)
            slope.array(write=True)[...] = 1 / divisors
        else:
            self.engine.fill(2 / (self.low + self.high), out=slope)
        x, y = bottom[0].values.reshape(*self.shape), top[0].values.reshape(*self.shape)
        self.engine.binary('prelu', x, slope, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            e, factor = self.engine, self.scratch('factor', *self.shape)
            y, dy = top[0].values.reshape(*self.shape), top[0].diffs.reshape(*self.shape)
            e.binary('prelu_slope', y, self.slope(), out=factor)
            e.binary('mul', dy, factor, out=bottom[0].diffs.reshape(*self.shape))

    def slope(self) -> Tensor:
        """The slope of each element below 0."""
        return self.buffer('slope', *self.shape)
