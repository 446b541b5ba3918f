from dataclasses import replace
from typing import Any

from ...proto.caffe_pb2 import TEST
from ...proto.fork_batch_norm import learns_scale
from ..blob import Blob
from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags
from .scale import Scale
from .shared.normalizing import Normalizing
from .traits import FIXED, PASSES, Scaling, Traits


@register
class BatchNorm(Normalizing):
    """y = (x - mean_c) / sqrt(var_c + eps) for each channel c

    Mean and (biased) variance are those of the batch in TRAIN, and the stored ones in TEST;
    use_global_stats overrides that. When using the batch's, forward adds them to the stored ones,
    with f = moving_average_fraction and m elements per channel:

        mean    <-  f mean + batch mean
        var     <-  f var + m / (m - 1) batch variance
        factor  <-  f factor + 1

    Stored values are divided by the factor when used. For a learned scale and shift, add a Scale
    layer; the scale_bias of NVIDIA's fork adds one, called like this layer and _scale_bias.

    bottom  x  (N, C, ...)      may be in place
    params  mean (C,), var (C,), factor (1,)        never learned
    top     y  (N, C, ...)

    Source: Ioffe & Szegedy 2015; BVLC Caffe's batch_norm_layer.
    """

    traits = Traits(in_place=True, per_unit=True, repeats=PASSES)
    missing = 'scale factor 0'

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.batch_norm_param
        if learns_scale(p):
            raise self.error('scale_bias: parse_net reads it, and adds a Scale layer')
        stored = p.use_global_stats if p.HasField('use_global_stats') else self.phase == TEST
        self.from_batch = not stored
        self.scaling = FIXED if stored else Scaling('free', nearly=True, channels='kept')
        self.traits = replace(
            self.traits,
            by_channel=stored,
            by_sample=stored,
            keeps_output=not stored,
            can_apply=not stored,
        )
        self.channels = bottom[0].shape[self.axis(1, bottom[0])]
        for shape in ((self.channels,), (self.channels,), (1,)):
            self.add_param(shape).is_statistic = True
        self._fix_params()

    def _fix_params(self) -> None:
        """Keep all parameters from learning. Raises LayerError if the prototxt says otherwise."""
        specs = self.param.param
        if any(spec.lr_mult for spec in specs):
            raise self.error(
                'Cannot configure batch normalization statistics as layer parameters: '
                'set the lr_mult of each param to 0, or remove param'
            )
        for _ in range(len(specs), 3):
            specs.add(lr_mult=0)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if x.shape[1:2] != (self.channels,):
            raise self.error(
                f"bottom '{x.name}' of shape {x.shape_text} needs {self.channels} channels in "
                'axis 1'
            )
        self.shape = fold(x.shape, 1)
        top[0].reshape(*x.shape)

    def forward(
        self, bottom: Blobs, top: Blobs, affine: Scale | None = None, rectify: bool = False
    ) -> None:
        """With `affine`: y = s z + b instead, then ReLU if `rectify`; z is kept where that layer
        keeps its input."""
        x = bottom[0].values.reshape(*self.shape)
        copy = self.work.output_copy(bottom[0], top[0]) if self.from_batch else None
        z = (copy or self.work.output_place(top[0])).reshape(*self.shape)
        y = top[0].values.reshape(*self.shape) if affine or copy else None
        scale, shift = affine.factors() if affine else (None, None)
        if not self.from_batch:
            mean, inverse = self.stored_statistics()
            self.engine.standardize(x, mean, inverse, out=z)
            if y:
                self.engine.scale_shift(z, scale, shift, rectify, out=y)
            return
        stored_mean, stored_var, factor = (param.values for param in self.params)
        self.engine.normalize_batch(
            x,
            self.param.batch_norm_param.eps,
            self.param.batch_norm_param.moving_average_fraction,
            scale,
            shift,
            rectify,
            z=z,
            mean=self.per_channel('mean'),
            inverse=self.per_channel('inverse'),
            stored_mean=stored_mean,
            stored_var=stored_var,
            factor=factor,
            out=y,
        )

    def stored_statistics(self) -> tuple[Tensor, Tensor]:
        """The stored mean and 1 / sqrt(var + eps), (1, C, 1) each."""
        mean, inverse = self.per_channel('mean'), self.per_channel('inverse')
        stored = [param.values for param in self.params]
        eps = self.param.batch_norm_param.eps
        self.engine.stored_moments(*stored, eps, mean=mean, inverse=inverse)
        return mean, inverse

    def backward(
        self,
        top: Blobs,
        propagate_down: Flags,
        bottom: Blobs,
        affine: Scale | None = None,
        rectify: bool = False,
    ) -> None:
        """`affine` and `rectify` as in forward: the layer's gradients are computed as well."""
        if not propagate_down[0]:
            return
        dy, dx = top[0].diffs.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        inverse = self.per_channel('inverse')
        y = top[0].values.reshape(*self.shape) if rectify else None
        scale, shift = affine.factors() if affine else (None, None)
        sums = affine.factor_gradients() if affine else {}
        if self.from_batch:
            z = self.kept_standardized(bottom[0], top[0])
            self.engine.normalize_batch_backward(z, inverse, dy, scale, shift, y, out=dx, **sums)
            return
        if y:
            self.engine.rectify_backward(y, dy, out=dx)
            dy = dx
        if affine:
            z = self.kept_standardized(bottom[0], top[0])
            self.engine.scale_shift_backward(z, scale, dy, out=dx, **sums)
            dy = dx
        self.engine.binary('mul', dy, inverse, out=dx)

    def kept_standardized(self, x: Blob, y: Blob) -> Tensor:
        """z, as forward has kept it, or computed again."""
        z = self.work.kept_output(x, y)
        if z is None:
            mean, inverse = self.per_channel('mean'), self.per_channel('inverse')
            return self.standardized(x.values.reshape(*self.shape), mean, inverse)
        return z.reshape(*self.shape)

    def compose(self, scale: Tensor, shift: Tensor) -> None:
        """Apply this layer, with its stored statistics, to scale x + shift, both (C,)."""
        mean, inverse = self.stored_statistics()
        mean, inverse = mean.reshape(self.channels), inverse.reshape(self.channels)
        self.engine.standardize(shift, mean, inverse, out=shift)
        self.engine.binary('mul', scale, inverse, out=scale)

    # -- for initializers

    def has_statistics(self) -> bool:
        return self.params[2].values.item() != 0

    def store(self, mean: Any, var: Any, count: int) -> None:
        stored_mean, stored_var, factor = self.params
        stored_mean.data = mean
        stored_var.data = var * (count / max(count - 1, 1))
        factor.data = 1
