from ...proto.caffe_pb2 import TRAIN
from ..registry import register
from ..shapes import fold
from .base import Blobs
from .shared.standardize import Standardize
from .traits import FIXED, Scaling, Traits


@register
class BN(Standardize):
    """y = s (x - mean) / sqrt(var + eps) + b for each channel: BatchNorm and Scale in one, as forks
    had it before BVLC

    There are three of the name. bn_param tells them apart, or where the layer has blobs their
    number:

                        fields                                  mean and var of the batch           eps
        SegNet, ENet    scale_filler, shift_filler, bn_mode     with bn_mode: LEARN; with           1e-9
                                                                INFERENCE 0 and 1, without eps
        yjxiong,        slope_filler, bias_filler, momentum,    in TRAIN, unless frozen             eps
        PSPNet, ICNet   eps, frozen
        older PSPNet    moving_average, decay or var_eps;       in TRAIN; in TEST without           var_eps
                        scale_filler, shift_filler              moving_average

    Where the batch's are not used, the stored ones are. In TRAIN these follow, decay being 1 -
    momentum:

        mean <- momentum mean + (1 - momentum) batch mean       var likewise

    frozen: nothing learns, and var starts with 1 instead of 0.

    bottom  x  (N, C, ...)                      may be in place
    params  s, b                                (1, C, 1, 1) each, or with axis: 2 (1, 1, C, 1)
            mean, var                           of that shape, never learned; SegNet's has none
    top     y  (N, C, ...)
            optional, SegNet's LEARN: the batch's mean, then its var, (1, C, 1, 1); no gradient comes from them

    Source: bn_layer of alexgkendall/caffe-segnet, hszhao/PSPNet and yjxiong/caffe.
    """

    tops = (1, 3)
    traits = Traits(in_place=True, keeps_input=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p, x = self.param.bn_param, bottom[0]
        if p.axis not in (1, 2):
            raise self.error(f'axis_ should be 1 or 2: found {p.axis}')
        self.channel = self.axis(p.axis, x)
        self.older = any(map(p.HasField, ('moving_average', 'decay', 'var_eps')))
        stored = self.older or any(
            map(p.HasField, ('slope_filler', 'bias_filler', 'momentum', 'eps', 'frozen'))
        )
        segnet = any(map(p.HasField, ('scale_filler', 'shift_filler', 'bn_mode')))
        self.segnet = len(self.param.blobs) == 2 if self.param.blobs else segnet and not stored
        if len(top) > 1 and not (self.segnet and p.bn_mode == p.LEARN):
            raise self.error(
                'further tops, the mean and variance of the batch, go with bn_mode: LEARN only'
            )
        self.scaling = Scaling('free', nearly=True) if self.from_batch else FIXED
        self.channels = x.shape[self.channel]
        shape = tuple(self.channels if axis == self.channel else 1 for axis in range(4))
        self.add_param(shape, p.slope_filler if p.HasField('slope_filler') else p.scale_filler)
        self.add_param(shape, p.bias_filler if p.HasField('bias_filler') else p.shift_filler)
        if not self.segnet:
            self.add_param(shape)
            self.add_param(shape, type(p.scale_filler)(value=p.frozen))
            self.fix_params(0 if p.frozen else 2)
            for param in self.params[2:]:
                param.is_statistic = True

    def fix_params(self, first):
        """Let no parameter learn from the given one on."""
        specs = self.param.param
        for _ in range(len(specs), 4):
            specs.add()
        for spec in specs[first:]:
            spec.lr_mult = spec.decay_mult = 0

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if x.shape[self.channel : self.channel + 1] != (self.channels,):
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.channels} channels in axis "
                f'{self.channel}'
            )
        self.shape = fold(x.shape, self.channel)
        top[0].reshape(*x.shape)
        for blob in top[1:]:
            blob.reshape(*self.params[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = (
            t.reshape(*self.shape) for t in (self.work.keep_input(bottom[0], top[0]), top[0].values)
        )
        mean, inverse = self.statistics(x)
        for blob, name in zip(top[1:], ('mean', 'var'), strict=False):
            self.engine.axpby(1, self.per_channel(name), 0, out=blob.values)
        self.engine.standardize(x, mean, inverse, out=y)
        slope, bias = (self.across(param.values) for param in self.params[:2])
        self.engine.scale_shift(y, slope, bias, out=y)

    def statistics(self, x):
        """The mean, and 1 / the standard deviation, to standardize x with."""
        e, p = self.engine, self.param.bn_param
        mean, var, inverse = map(self.per_channel, ('mean', 'var', 'inverse'))
        if self.from_batch:
            e.moments(x, mean=mean, var=var)
            if not self.segnet and self.phase == TRAIN:
                momentum = 1 - p.decay if self.older else p.momentum
                for new, kept in ((mean, self.params[2]), (var, self.params[3])):
                    e.axpby(1 - momentum, new, momentum, out=self.across(kept.values))
        elif self.segnet:
            e.fill(0, out=mean)
            e.fill(1, out=inverse)
            return mean, inverse
        else:
            for kept, out in ((self.params[2], mean), (self.params[3], var)):
                e.axpby(1, kept.values, 0, out=out)
        eps = 1e-9 if self.segnet else p.var_eps if self.older else p.eps
        e.unary('power', var, -0.5, 1, eps, out=inverse)
        return mean, inverse

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        e, (slope, bias) = self.engine, self.params[:2]
        x, dy, dx = (
            t.reshape(*self.shape)
            for t in (self.work.kept_input(bottom[0], top[0]), top[0].diffs, bottom[0].diffs)
        )
        mean, inverse = map(self.per_channel, ('mean', 'inverse'))
        z = self.standardized(x, mean, inverse) if slope.learns or self.from_batch else None
        dz = self.scratch('dz', *self.shape) if propagate_down[0] else None
        e.scale_shift_backward(
            z or x,
            self.across(slope.values),
            dy,
            out=dz,
            dscale=self.across(slope.diffs) if slope.learns else None,
            dshift=self.across(bias.diffs) if bias.learns else None,
        )
        if propagate_down[0]:
            if self.from_batch:
                self.engine.standardize_backward(z, inverse, dz, out=dx)
            else:
                e.binary('mul', dz, inverse, out=dx)

    def per_channel(self, name):
        """A buffer of one number per channel, so that it broadcasts over x."""
        return self.buffer(name, 1, self.channels, 1)

    def across(self, tensor):
        """A parameter, so that it broadcasts over x."""
        return tensor.reshape(1, self.channels, 1)

    @property
    def from_batch(self):
        p = self.param.bn_param
        if self.segnet:
            return p.bn_mode == p.LEARN
        return not p.frozen and (self.phase == TRAIN or self.older and not p.moving_average)
