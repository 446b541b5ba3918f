from dataclasses import replace

from ...proto.caffe_pb2 import TEST
from ..registry import register
from ..shapes import fold
from .base import Blobs
from .shared.standardize import Standardize
from .traits import FIXED, Scaling, Traits


@register
class BatchNorm(Standardize):
    """y = (x - mean_c) / sqrt(var_c + eps) for each channel c

    Mean and (biased) variance are those of the batch in TRAIN, the stored ones in TEST;
    use_global_stats overrides that. With the batch's, forward adds them to the stored ones, f =
    moving_average_fraction and m elements a channel:

        mean <- f mean + batch mean     var <- f var + m / (m - 1) batch variance     factor <- f factor + 1

    Stored values are divided by the factor when used. A Scale layer may follow for a learned scale
    and shift.

    bottom  x  (N, C, ...)      may be in place
    params  mean (C,), var (C,), factor (1,)        never learned
    top     y  (N, C, ...)

    Source: Ioffe & Szegedy 2015; BVLC Caffe's batch_norm_layer.
    """

    traits = Traits(in_place=True, per_unit=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.batch_norm_param
        in_test = self.phase == TEST
        self.global_stats = p.use_global_stats if p.HasField('use_global_stats') else in_test
        self.scaling = FIXED if self.global_stats else Scaling('free', nearly=True)
        self.traits = replace(
            self.traits, by_channel=self.global_stats, keeps_output=not self.global_stats
        )
        self.channels = bottom[0].shape[self.axis(1, bottom[0])]
        for shape in ((self.channels,), (self.channels,), (1,)):
            self.add_param(shape).is_statistic = True
        specs = self.param.param
        if any(spec.lr_mult for spec in specs):
            raise self.error(
                'Cannot configure batch normalization statistics as layer parameters: '
                'the lr_mult of param must be 0, or param left out'
            )
        for _ in range(len(specs), 3):
            specs.add(lr_mult=0)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if x.shape[1:2] != (self.channels,):
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.channels} channels in axis 1"
            )
        self.shape = fold(x.shape, 1)
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = bottom[0].values, self.work.output_place(top[0])
        self.engine.standardize(
            x.reshape(*self.shape), *self.statistics(x), out=y.reshape(*self.shape)
        )
        if not self.global_stats:
            self.work.keep_output(bottom[0], top[0])

    def statistics(self, x=None):
        """The mean and 1 / the deviation, (1, C, 1) each: those of the batch x, which are
        remembered, or the stored."""
        e, C = self.engine, self.channels
        mean, var, inverse = (self.buffer(name, 1, C, 1) for name in ('mean', 'var', 'inverse'))
        if self.global_stats:
            factor = self.params[2].values.item()
            for stored, out in zip(self.params, (mean, var), strict=False):
                e.axpby(1 / factor if factor else 0, stored.values.reshape(1, C, 1), 0, out=out)
        else:
            e.moments(x.reshape(*self.shape), mean=mean, var=var)
            self.remember(mean, var)
        e.unary('power', var, -0.5, 1, self.param.batch_norm_param.eps, out=inverse)
        return mean, inverse

    def remember(self, mean, var):
        """Add the batch's statistics to the stored ones."""
        f, m = self.param.batch_norm_param.moving_average_fraction, self.shape[0] * self.shape[2]
        one = self.buffer('one', 1)
        self.engine.fill(1, out=one)
        for new, weight, stored in zip(
            (mean, var, one), (1, m / max(m - 1, 1), 1), self.params, strict=True
        ):
            self.engine.axpby(weight, new.reshape(-1), f, out=stored.values)

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        mean, inverse = (self.buffer(name, 1, self.channels, 1) for name in ('mean', 'inverse'))
        dy, dx = (blob.diffs.reshape(*self.shape) for blob in (top[0], bottom[0]))
        if self.global_stats:
            self.engine.binary('mul', dy, inverse, out=dx)
            return
        z = self.work.kept_output(bottom[0], top[0])
        if z is None:
            z = self.standardized(bottom[0].values.reshape(*self.shape), mean, inverse)
        z = z.reshape(*self.shape)
        self.engine.standardize_backward(z, inverse, dy, out=dx)

    def compose(self, scale, shift):
        """Make what this layer makes of scale x + shift, both (C,), with the stored statistics."""
        mean, inverse = (t.reshape(self.channels) for t in self.statistics())
        self.engine.standardize(shift, mean, inverse, out=shift)
        self.engine.binary('mul', scale, inverse, out=scale)
