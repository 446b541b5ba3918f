from ..registry import register
from .base import Blobs, Flags
from .shared.rows import Rows
from .traits import Traits


@register
class Embed(Rows):
    """y = W[x] + b: for each number, the row of W with that index

    The same as an InnerProduct of one-hot vectors, without computing the zeros.

    dW[x] += dy;  db += the sum of dy

    bottom  x  (...)                        integers as floats, in 0 .. input_dim - 1
    params  W  (input_dim, num_output)
            b  (num_output,)                unless bias_term is false
    top     y  (..., num_output)

    Source: BVLC Caffe's embed_layer.
    """

    traits = Traits(indices=(0,))

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.embed_param
        if not p.num_output:
            raise self.error('EmbedLayer num_output must be positive.')
        if not p.input_dim:
            raise self.error('EmbedLayer input_dim must be positive.')
        self.shape = p.input_dim, p.num_output
        self.weight = self.add_param(self.shape, p.weight_filler)
        self.bias = self.add_param((p.num_output,), p.bias_filler) if p.bias_term else None

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*bottom[0].shape, self.shape[1])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, y = self.engine, top[0].values.reshape(-1, self.shape[1])
        self.index = self.integers(bottom[0])
        self.check_range(
            self.index,
            self.shape[0],
            'a number must not be negative.',
            'a number must be below input_dim.',
        )
        e.gather(self.weight.values, self.index, 0, out=y)
        if self.bias:
            e.binary('add', y, self.bias.values.reshape(1, -1), out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            raise self.error("Can't backpropagate to EmbedLayer input.")
        e, dy = self.engine, top[0].diffs.reshape(-1, self.shape[1])
        if self.weight.learns:
            gradient = self.buffer('dW', *self.shape)
            e.scatter_add(dy, self.index, 0, out=gradient)
            e.axpby(1, gradient, 1, out=self.weight.diffs)
        if self.bias and self.bias.learns:
            e.sum(dy, out=self.bias.diffs.reshape(1, -1), accumulate=True)
