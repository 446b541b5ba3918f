"""Shared by the layers y = W x + b: their two parameters, adding the bias, and the methods for
initializers."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...blob import Blob, Param
from ...memory import Tensor
from ...shapes import Shape
from ..base import Blobs, Layer
from ..traits import AFFINE, PASSES, Traits

Use = tuple[Blob, Blob]  # (bottom, top) of one application of W


class Affine(Layer):
    """A layer whose output is linear in its weights: Convolution, Deconvolution, InnerProduct.

    Subclasses set `num_output`, `groups` and `input_axis`, the first axis of a bottom that W sums
    over. Initializers do not depend on the layer's type; they use `weight`, `bias` (which may be
    None), and the methods from `by_output` on.
    """

    scaling = AFFINE
    traits = Traits(repeats=PASSES)
    groups = 1
    num_output = 0
    input_axis = 1
    sees_patches = False  # its samples are patches of an image
    weight: Param
    bias: Param | None

    def add_weights(self, shape: Shape, p: Any) -> None:
        """Add W with `shape`, and b unless bias_term in the fields `p` is false."""
        self.weight = self.add_param(shape, p.weight_filler)
        self.bias = self.add_param((self.num_output,), p.bias_filler) if p.bias_term else None

    def add_bias(self, y: Tensor, rectify: bool = False) -> None:
        """y += b, then ReLU if `rectify`, for a tensor of the top's shape."""
        y = self.by_output(y)
        b = self.bias.values.reshape(1, self.num_output, 1) if self.bias else None
        if rectify:
            self.engine.scale_shift(y, None, b, True, out=y)
        elif b:
            self.engine.binary('add', y, b, out=y)

    def bias_backward(self, dy: Tensor) -> None:
        """db += the sum of dy over images and positions."""
        db = self.bias_gradient()
        if db:
            self.engine.sum(self.by_output(dy), out=db, accumulate=True)

    def rectified_backward(self, y: Tensor, dy: Tensor) -> None:
        """dy = 0 where y is 0, as ReLU's gradient is, then as `bias_backward`."""
        y, dy = self.by_output(y), self.by_output(dy)
        self.engine.rectify_backward(y, dy, out=dy, dshift=self.bias_gradient())

    def bias_gradient(self) -> Tensor | None:
        """db, shaped to broadcast over `by_output`; None if b does not learn."""
        if self.bias and self.bias.learns:
            return self.bias.diffs.reshape(1, self.num_output, 1)
        return None

    # -- for initializers

    def by_output(self, y: Tensor) -> Tensor:
        """A tensor of the top's shape as (images, num_output, positions)."""
        raise NotImplementedError

    def weights_by_output(self, tensor: Tensor) -> Tensor:
        """W's values, or a tensor of its shape, as (outer, outputs of a group, inner)."""
        raise NotImplementedError

    def weight_view(self, diff: bool = False) -> Any:
        """W, or its diff, as a writable NumPy view (groups, outputs per group, ...).

        The last axes hold the weights of one output.
        """
        raise NotImplementedError

    def sample_count(self, bottom: Blobs) -> int:
        """The number of rows that a forward pass multiplies by each group's weight matrix; 0 if W
        is not applied to rows."""
        return 0

    def samples(self, bottom: Blobs, positions: Sequence[int], *, out: Tensor) -> None:
        """out (groups, rows, fan-in) = the rows at `positions` (numbers below sample_count)."""
        raise NotImplementedError

    def add_squared_gradients(self, uses: Sequence[Use]) -> None:
        """Add to W's diff, element by element, the sum over images of the square of each image's
        own gradient by W.

        uses: every application of W, in this layer and in those that share W, all with the same
        batch size. Bottoms must have their values, and tops their diffs.
        """
        raise NotImplementedError

    def squares_by_output(self, batches: Sequence[Sequence[Use]]) -> Iterator[Tensor]:
        """W's diff with the squared gradients of these batches added, each as uses of W: (outer,
        outputs, inner) for all outputs, or for some after the other. Then it is overwritten."""
        for uses in batches:
            self.add_squared_gradients(uses)
        yield self.weights_by_output(self.weight.diffs)
