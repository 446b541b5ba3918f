from ..registry import register
from .operand import Operand


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

    keeps_input = True

    def setup(self, bottom, top):
        p = self.param.scale_param
        if len(bottom) == 1:
            self.add_operand(bottom[0], p, 1)
        self.bias = self.add_param(self.operand(bottom).shape, p.bias_filler) if p.bias_term else None

    def reshape(self, bottom, top):
        self.place_operand(bottom, self.param.scale_param)
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        self.keep_input(bottom, top)
        e, y = self.engine, self.seen(top[0].values)
        e.binary('mul', self.seen(bottom[0].values), self.across(self.operand(bottom).values), out=y)
        if self.bias:
            e.binary('add', y, self.across(self.bias.values), out=y)

    def backward(self, top, propagate_down, bottom):
        e, dy = self.engine, self.seen(top[0].diffs)
        if self.bias and self.bias.learns:
            e.sum(dy, out=self.across(self.bias.diffs), accumulate=True)
        wanted = self.operand_gradient(propagate_down, bottom)
        if wanted:
            e.dot(dy, self.seen(self.input(bottom, top)), **wanted)
        if propagate_down[0]:
            e.binary('mul', dy, self.across(self.operand(bottom).values), out=self.seen(bottom[0].diffs))

    @property
    def scaling(self):
        if self.param.scale_param.bias_term:
            return 'fixed'
        return 'product' if len(self.param.bottom) > 1 else 'equal'
