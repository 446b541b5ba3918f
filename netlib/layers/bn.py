from typing import Any

from ...proto.caffe_pb2 import TRAIN, FillerParameter
from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags
from .shared.normalizing import Normalizing
from .traits import Channels, Scaling, Traits

OLDER_FIELDS = ('moving_average', 'decay', 'var_eps')
STORED_FIELDS = ('slope_filler', 'bias_filler', 'momentum', 'eps', 'frozen')
SEGNET_FIELDS = ('scale_filler', 'shift_filler', 'bn_mode')


@register
class BN(Normalizing):
    """y = s (x - mean) / sqrt(var + eps) + b for each channel: BatchNorm and Scale in one layer,
    older than BVLC's own

    Three forks have a layer with this name. The fields of bn_param tell them apart, or the number
    of stored blobs:

    SegNet, ENet    fields scale_filler, shift_filler, bn_mode; eps is 1e-9
                    bn_mode: LEARN takes mean and var of the batch; INFERENCE 0 and 1, without eps
    yjxiong,        fields slope_filler, bias_filler, momentum, eps, frozen
    PSPNet, ICNet   mean and var of the batch in TRAIN, unless frozen
    older PSPNet    fields moving_average, decay or var_eps; scale_filler, shift_filler
                    mean and var of the batch in TRAIN, and in TEST without moving_average

    Otherwise the stored mean and var are used. In TRAIN the stored ones are updated, with decay =
    1 - momentum:

        mean <- momentum mean + (1 - momentum) batch mean       var likewise

    frozen: nothing learns, and var starts at 1 instead of 0.

    bottom  x  (N, C, ...)                      may be in place
    params  s, b                                (1, C, 1, 1) each, or with axis: 2 (1, 1, C, 1)
            mean, var                           same shape, never learned; SegNet's has none
    top     y  (N, C, ...)
            optional, SegNet's LEARN: the batch's mean, then its var, (1, C, 1, 1); they pass no
            gradient back

    Source: bn_layer of alexgkendall/caffe-segnet, hszhao/PSPNet and yjxiong/caffe.
    """

    tops = (1, 3)
    traits = Traits(in_place=True, keeps_input=True, linear_in=(0, 1))
    missing = 'variance 0'

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p, x = self.param.bn_param, bottom[0]
        if p.axis not in (1, 2):
            raise self.error(f'axis_ should be 1 or 2: found {p.axis}')
        self.channel = self.axis(p.axis, x)
        self.channels = x.shape[self.channel]
        self._tell_forks_apart()
        self.keeps_statistics = not self.segnet
        self.from_batch = self._is_from_batch()
        if len(top) > 1 and not (self.segnet and p.bn_mode == p.LEARN):
            raise self.error(
                'extra tops for the mean and variance of the batch require bn_mode: LEARN'
            )
        if self.from_batch:
            channels: Channels = 'kept' if self.channel == 1 else 'mixed'
            self.scaling = Scaling('free', nearly=True, channels=channels)
        self._add_params()

    def _tell_forks_apart(self) -> None:
        """Set `segnet` and `older`; yjxiong's is neither."""
        p = self.param.bn_param
        self.older = any(map(p.HasField, OLDER_FIELDS))
        if self.param.blobs:
            self.segnet = len(self.param.blobs) == 2
        else:
            stored = self.older or any(map(p.HasField, STORED_FIELDS))
            self.segnet = not stored and any(map(p.HasField, SEGNET_FIELDS))

    def _add_params(self) -> None:
        p = self.param.bn_param
        extents = [1, 1, 1, 1]
        extents[self.channel] = self.channels
        shape = tuple(extents)
        self.add_param(shape, p.slope_filler if p.HasField('slope_filler') else p.scale_filler)
        self.add_param(shape, p.bias_filler if p.HasField('bias_filler') else p.shift_filler)
        if not self.segnet:
            self.add_param(shape).is_statistic = True
            self.add_param(shape, FillerParameter(value=p.frozen)).is_statistic = True
            self._fix_params(0 if p.frozen else 2)

    def _fix_params(self, first: int) -> None:
        """Keep the parameters from the given one on from learning."""
        specs = self.param.param
        for _ in range(len(specs), 4):
            specs.add()
        for spec in specs[first:]:
            spec.lr_mult = spec.decay_mult = 0

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, channel = bottom[0], self.channel
        if x.shape[channel : channel + 1] != (self.channels,):
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.channels} channels in axis "
                f'{channel}'
            )
        self.shape = fold(x.shape, channel)
        top[0].reshape(*x.shape)
        for blob in top[1:]:
            blob.reshape(*self.params[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e = self.engine
        x = self.work.keep_input(bottom[0], top[0]).reshape(*self.shape)
        y = top[0].values.reshape(*self.shape)
        mean, inverse = self.statistics(x)
        for blob, name in zip(top[1:], ('mean', 'var'), strict=False):
            e.copy(self.per_channel(name), out=blob.values)
        e.standardize(x, mean, inverse, out=y)
        slope, bias = self.params[:2]
        e.scale_shift(y, self.across(slope.values), self.across(bias.values), out=y)

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and 1 / the standard deviation that standardize x."""
        e = self.engine
        mean, var = self.per_channel('mean'), self.per_channel('var')
        inverse = self.per_channel('inverse')
        if self.segnet and not self.from_batch:
            e.fill(0, out=mean)
            e.fill(1, out=inverse)
            return mean, inverse
        if self.from_batch:
            e.moments(x, mean=mean, var=var)
            if not self.segnet and self.phase == TRAIN:
                self.remember(mean, var)
        else:
            stored_mean, stored_var = self.params[2:]
            e.copy(stored_mean.values, out=mean)
            e.copy(stored_var.values, out=var)
        e.unary('power', var, -0.5, 1, self.eps, out=inverse)
        return mean, inverse

    def remember(self, mean: Tensor, var: Tensor) -> None:
        """Update the stored statistics from the batch's."""
        e, p = self.engine, self.param.bn_param
        momentum = 1 - p.decay if self.older else p.momentum
        stored_mean, stored_var = self.params[2:]
        e.axpby(1 - momentum, mean, momentum, out=self.across(stored_mean.values))
        e.axpby(1 - momentum, var, momentum, out=self.across(stored_var.values))

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, (slope, bias) = self.engine, self.params[:2]
        x = self.work.kept_input(bottom[0], top[0]).reshape(*self.shape)
        dy, dx = top[0].diffs.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        mean, inverse = self.per_channel('mean'), self.per_channel('inverse')
        z = x
        if slope.learns or self.from_batch:
            z = self.standardized(x, mean, inverse)
        dz = self.scratch('dz', *self.shape) if propagate_down[0] else None
        dslope = self.across(slope.diffs) if slope.learns else None
        dbias = self.across(bias.diffs) if bias.learns else None
        across = self.across(slope.values)
        e.scale_shift_backward(z, across, dy, out=dz, dscale=dslope, dshift=dbias)
        if dz and self.from_batch:
            e.standardize_backward(z, inverse, dz, out=dx)
        elif dz:
            e.binary('mul', dz, inverse, out=dx)

    def across(self, tensor: Tensor) -> Tensor:
        """A parameter, shaped to broadcast over x."""
        return tensor.reshape(1, self.channels, 1)

    @property
    def eps(self) -> float:
        p = self.param.bn_param
        if self.segnet:
            return 1e-9
        return p.var_eps if self.older else p.eps

    def _is_from_batch(self) -> bool:
        """Whether mean and var are those of the batch."""
        p = self.param.bn_param
        if self.segnet:
            return p.bn_mode == p.LEARN
        if p.frozen:
            return False
        return self.phase == TRAIN or (self.older and not p.moving_average)

    # -- for initializers

    def has_statistics(self) -> bool:
        return self.segnet or bool(self.params[3].data.any())

    def store(self, mean: Any, var: Any, count: int) -> None:
        """SegNet's has no place for them: slope and bias take them in, for bn_mode: INFERENCE."""
        shape = self.params[0].shape
        if not self.segnet:
            self.params[2].data = mean.reshape(shape)
            self.params[3].data = var.reshape(shape)
            return
        slope, bias = self.params
        factor = (var + self.eps) ** -0.5
        slope.data *= factor.reshape(shape)
        bias.data -= slope.data * mean.reshape(shape)
