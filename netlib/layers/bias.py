from dataclasses import replace

from ..registry import register
from .base import Blobs, Flags
from .shared.operand import Operand
from .traits import EQUAL


@register
class Bias(Operand):
    """y = x + b, with b repeated over the axes of x that it lacks

    db = the sum of dy over the repeats

    bottom  x  (N, C, ...)      may be in place
            b  optional: its axes are those of x from `axis` on
    params  b  with one bottom: num_axes axes of x from `axis` on, (C,) by default; filled with 0
    top     y  (N, C, ...)

    Source: BVLC Caffe's bias_layer.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if len(bottom) > 1:
            self.scaling = EQUAL
        else:
            self.add_operand(bottom[0], self.param.bias_param, 0)
            self.traits = replace(self.traits, shift=0)
        by_sample = self.is_by_sample(bottom, self.param.bias_param.axis)
        self.traits = replace(self.traits, by_sample=by_sample)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        self.place_operand(bottom, self.param.bias_param)
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, b = self.seen(bottom[0].values), self.across(self.operand(bottom).values)
        self.engine.binary('add', x, b, out=self.seen(top[0].values))

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        wanted = self.operand_gradient(propagate_down, bottom)
        if wanted:
            self.engine.sum(self.seen(top[0].diffs), out=wanted, accumulate=True)
        if propagate_down[0] and bottom[0] is not top[0]:
            self.engine.copy(top[0].diffs, out=bottom[0].diffs)
