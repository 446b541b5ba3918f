from ...proto.caffe_pb2 import ScaleParameter
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags
from .shared.operand import Operand
from .traits import EQUAL_BY_CHANNEL, PASSES, PRODUCT, Traits


@register
class Scale(Operand):
    """y = s x + b, with s (and b) repeated over the axes of x that they lack

    dx = s dy;  ds = the sum of x dy, db the sum of dy over the repeats

    bottom  x  (N, C, ...)      may be in place
            s  optional: its axes are those of x from `axis` on
    params  s  with one bottom: num_axes axes of x from `axis` on, (C,) by default; filled with 1
            b  with bias_term: the shape of s
    top     y  (N, C, ...)

    Source: BVLC Caffe's scale_layer.
    """

    @property
    def settings(self) -> ScaleParameter:
        return self.param.scale_param

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.settings
        if len(bottom) == 1:
            self.add_operand(bottom[0], p, 1)
        shape = self.operand(bottom).shape
        self.bias = self.add_param(shape, p.bias_filler) if p.bias_term else None
        if not p.bias_term:
            self.scaling = PRODUCT if len(bottom) > 1 else EQUAL_BY_CHANNEL
        own = range(len(self.params)) if len(bottom) == 1 else ()
        is_affine = len(bottom) == p.axis == p.num_axes == 1
        self.traits = Traits(
            in_place=True,
            keeps_input=True,
            per_unit=True,
            linear_in=tuple(own),
            shift=1 if len(own) == 2 else None,
            can_rectify=True,
            repeats=PASSES,
            by_channel=is_affine,
            is_affine=is_affine,
            by_sample=self.is_by_sample(bottom, p.axis),
        )

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        self.place_operand(bottom, self.settings)
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs, rectify: bool = False) -> None:
        x = self.work.keep_input(bottom[0], top[0])
        s = self.across(self.operand(bottom).values)
        b = self.across(self.bias.values) if self.bias else None
        self.engine.scale_shift(self.seen(x), s, b, rectify, out=self.seen(top[0].values))

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        x, dy = self.work.kept_input(bottom[0], top[0]), top[0].diffs
        s = self.across(self.operand(bottom).values)
        dx = self.seen(bottom[0].diffs) if propagate_down[0] else None
        ds = self.operand_gradient(propagate_down, bottom)
        db = self.across(self.bias.diffs) if self.bias and self.bias.learns else None
        self.engine.scale_shift_backward(
            self.seen(x), s, self.seen(dy), out=dx, dscale=ds, dshift=db
        )

    def factors(self) -> tuple[Tensor, Tensor | None]:
        """s and b, (1, C, 1) each, of a layer that is affine by channel."""
        s, b = self.params[0], self.bias
        return by_channel(s.values), by_channel(b.values) if b else None

    def factor_gradients(self) -> dict[str, Tensor | None]:
        """Where the gradients of s and b are added, likewise, as an op's `dscale` and `dshift`."""
        s, b = self.params[0], self.bias
        ds = by_channel(s.diffs) if s.learns else None
        db = by_channel(b.diffs) if b and b.learns else None
        return {'dscale': ds, 'dshift': db}

    def compose(self, scale: Tensor, shift: Tensor) -> None:
        """Apply this layer, if linear by channel, to scale x + shift, both (C,)."""
        s, b = self.params[0].values, self.bias.values if self.bias else None
        self.engine.binary('mul', scale, s, out=scale)
        self.engine.scale_shift(shift, s, b, out=shift)


def by_channel(tensor: Tensor) -> Tensor:
    """A tensor (C,) shaped to broadcast over (N, C, ...)."""
    return tensor.reshape(1, tensor.size, 1)
