from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.affine import Affine, Use
from .traits import PASSES, Traits

BLOCK = 4_000_000  # squares of gradients at a time


@register
class InnerProduct(Affine):
    """y = x W^T + b

    bottom  x  (..., K)             axes before `axis` are rows; the rest are K numbers each
    params  W  (num_output, K)      with `transpose` (K, num_output)
            b  (num_output,)        unless bias_term is false
    top     y  (..., num_output)

    Source: BVLC Caffe's inner_product_layer.
    """

    traits = Traits(can_rectify=True, can_rectify_back=True, repeats=PASSES)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.inner_product_param
        if not p.num_output:
            raise self.error('num_output: must be positive')
        self.num_output, self.transposed = p.num_output, p.transpose
        self.input_axis = self.axis(p.axis, bottom[0])
        self.traits = replace(self.traits, by_sample=self.input_axis > 0)
        self.K = count(bottom[0].shape, self.input_axis)
        shape = (self.K, p.num_output) if p.transpose else (p.num_output, self.K)
        self.add_weights(shape, p)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, start = bottom[0], self.input_axis
        numbers = count(x.shape, start)
        if numbers != self.K:
            raise self.error(
                f"Input size incompatible with inner product parameters: blob '{x.name}' has "
                f'{numbers} numbers per row, the weights take {self.K}'
            )
        top[0].reshape(*x.shape[:start], self.num_output)
        self.M = count(x.shape, 0, start)

    def forward(self, bottom: Blobs, top: Blobs, rectify: bool = False) -> None:
        x, y = self.rows(bottom[0].values), top[0].values.reshape(self.M, self.num_output)
        self.engine.gemm(x, self.weight.values, out=y, transpose_b=not self.transposed)
        self.add_bias(y, rectify)

    def backward(
        self, top: Blobs, propagate_down: Flags, bottom: Blobs, rectify: bool = False
    ) -> None:
        """With `rectify`: y has gone through ReLU."""
        dy = top[0].diffs.reshape(self.M, self.num_output)
        if rectify:
            self.rectified_backward(top[0].values, dy)
        else:
            self.bias_backward(dy)
        if self.weight.learns:
            self.add_outer(self.rows(bottom[0].values), dy, self.weight.diffs)
        if propagate_down[0]:
            dx = self.rows(bottom[0].diffs)
            self.engine.gemm(dy, self.weight.values, out=dx, transpose_b=self.transposed)

    def add_outer(self, x: Tensor, dy: Tensor, dW: Tensor) -> None:
        """dW += the sum over rows of the outer products of dy and x, for as many outputs as dy
        has."""
        a, b = (x, dy) if self.transposed else (dy, x)
        self.engine.gemm(a, b, out=dW, transpose_a=True, accumulate=True)

    def rows(self, x: Tensor) -> Tensor:
        return x.reshape(self.M, self.K)

    # -- for initializers

    def by_output(self, y: Tensor) -> Tensor:
        return y.reshape(-1, self.num_output, 1)

    def weights_by_output(self, tensor: Tensor) -> Tensor:
        outer, inner = (self.K, 1) if self.transposed else (1, self.K)
        return tensor.reshape(outer, self.num_output, inner)

    def weight_view(self, diff: bool = False) -> Any:
        W = self.weight.diff if diff else self.weight.data
        return (W.T if self.transposed else W)[None]

    def sample_count(self, bottom: Blobs) -> int:
        return self.M

    def samples(self, bottom: Blobs, positions: Sequence[int], *, out: Tensor) -> None:
        self.engine.gather(self.rows(bottom[0].values), positions, 0, out=out[0])

    def add_squared_gradients(self, uses: Sequence[Use]) -> None:
        self._add_squares(uses, range(self.num_output), self.weight.diffs)

    def squares_by_output(self, batches: Sequence[Sequence[Use]]) -> Iterator[Tensor]:
        if self.weight.diffs.memory.held:  # some are there already
            yield from super().squares_by_output(batches)
            return
        step = max(BLOCK // max(self.K, 1), 1)
        for first in range(0, self.num_output, step):
            outputs = range(self.num_output)[first : first + step]
            n = len(outputs)
            squares = self.buffer('some', *((self.K, n) if self.transposed else (n, self.K)))
            self.engine.fill(0, out=squares)
            for uses in batches:
                self._add_squares(uses, outputs, squares)
            yield squares.reshape(self.K if self.transposed else 1, n, -1)

    def _add_squares(self, uses: Sequence[Use], outputs: range, squares: Tensor) -> None:
        """Add the squares of each row's gradient by the weights of some outputs."""
        # One row's gradient is a sum of outer products, so its square is that of the products of
        # all pairs.
        e = self.engine
        M = uses[0][1].count // self.num_output
        x, dy = self.buffer('x x', M, self.K), self.buffer('dy dy', M, self.num_output)
        part = self.buffer('some of dy dy', M, len(outputs))
        for (x1, y1), (x2, y2) in product(uses, repeat=2):
            e.binary('mul', x1.values.reshape(*x.shape), x2.values.reshape(*x.shape), out=x)
            e.binary('mul', y1.diffs.reshape(*dy.shape), y2.diffs.reshape(*dy.shape), out=dy)
            e.copy_window(dy, (0, outputs.start), out=part, at=(0, 0), shape=part.shape)
            self.add_outer(x, part, squares)
