from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.standardize import Standardize
from .traits import Channels, Scaling


@register
class MVN(Standardize):
    """y = (x - mean) / (std + eps), over each channel of each image or, with across_channels, over
    each image

    With normalize_variance: false, y = x - mean.

    bottom  x  (N, C, ...)      top  y  (N, C, ...)

    Source: BVLC Caffe's mvn_layer.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.mvn_param
        channels: Channels = 'mixed' if p.across_channels else 'kept'
        if p.normalize_variance:
            self.scaling = Scaling('free', nearly=True, channels=channels)
        else:
            self.scaling = Scaling('equal', channels=channels)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        self.rows = count(x.shape, 0, 1 if self.param.mvn_param.across_channels else 2)
        self.shape = self.rows, x.count // max(self.rows, 1)
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p = self.engine, self.param.mvn_param
        x, y = bottom[0].values.reshape(*self.shape), top[0].values.reshape(*self.shape)
        mean, var, inverse = self.per_row('mean'), self.per_row('var'), self.per_row('inverse')
        e.moments(x, mean=mean, var=var)
        if p.normalize_variance:
            e.unary('power', var, 0.5, 1, 0, out=var)
            e.unary('power', var, -1, 1, p.eps, out=inverse)
            e.standardize(x, mean, inverse, out=y)
        else:
            e.binary('sub', x, mean, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        e, x = self.engine, bottom[0].values.reshape(*self.shape)
        dy, dx = top[0].diffs.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        if self.param.mvn_param.normalize_variance:
            inverse = self.per_row('inverse')
            z = self.standardized(x, self.per_row('mean'), inverse)
            e.standardize_backward(z, inverse, dy, out=dx)
        else:
            average = self.per_row('average')
            e.sum(dy, out=average)
            e.axpby(1 / max(self.shape[1], 1), average, 0, out=average)
            e.binary('sub', dy, average, out=dx)

    def per_row(self, name: str) -> Tensor:
        return self.buffer(name, self.rows, 1)
