"""The ops that do the work of several others: what a layer would ask for one after another, an
engine may compute in one pass over memory. interface.py says how ops are called."""

from ..memory import Tensor
from .calling import EngineBase, op


class ComposedOps(EngineBase, declares_ops=True):
    """Each op as a composition of those in interface.py. `out` may be dy in rectify_backward and
    normalize_batch_backward, x in dropout, and `z` or `out` x in normalize_batch."""

    @op
    def dropout(self, x: Tensor, seed: int, ratio: float, *, out: Tensor, mask: Tensor) -> None:
        """mask = dropout_mask(seed, ratio), out = x mask."""

    @op
    def rectify_backward(
        self,
        y: Tensor,
        dy: Tensor,
        *,
        out: Tensor,
        dshift: Tensor | None = None,
        also: Tensor | None = None,
    ) -> None:
        """The gradient of y = ReLU(x + shift): out = dx = dy where y > 0, else 0, and `also`, if
        passed, the same; dshift += the sum of dx over the axes where it has extent 1."""

    @op
    def normalize_batch(
        self,
        x: Tensor,
        eps: float,
        keep: float,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        rectify: bool = False,
        *,
        z: Tensor,
        mean: Tensor,
        inverse: Tensor,
        stored_mean: Tensor,
        stored_var: Tensor,
        factor: Tensor,
        out: Tensor | None = None,
    ) -> None:
        """Batch normalization of x (N, C, I) by the mean and the biased variance of each channel;
        mean and inverse are (1, C, 1).

            inverse = 1 / sqrt(variance + eps)          z = (x - mean) inverse
            stored_mean = keep stored_mean + mean       factor = keep factor + 1
            stored_var = keep stored_var + m / (m - 1) variance, where m = N I, at least 2

        If passed, out = scale z + shift, then ReLU if `rectify`; scale and shift are (1, C, 1).
        """

    @op
    def stored_moments(
        self,
        stored_mean: Tensor,
        stored_var: Tensor,
        factor: Tensor,
        eps: float,
        *,
        mean: Tensor,
        inverse: Tensor,
    ) -> None:
        """What `normalize_batch` has stored, to be used: mean = stored_mean / factor, and inverse =
        1 / sqrt(stored_var / factor + eps), (1, C, 1) each. Nothing stored (factor 0) counts as
        zeros."""

    @op
    def normalize_batch_backward(
        self,
        z: Tensor,
        inverse: Tensor,
        dy: Tensor,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        y: Tensor | None = None,
        *,
        out: Tensor,
        dscale: Tensor | None = None,
        dshift: Tensor | None = None,
    ) -> None:
        """out = dx, the gradient of scale z + shift, or of z without a scale, by the x of
        `normalize_batch`; dscale += the sum of dy z, and dshift += the sum of dy, each if passed.
        With y = ReLU(scale z + shift), dy counts as 0 where y is 0."""

    @op
    def cross_entropy(
        self, p: Tensor, label: Tensor, floor: float, factor: float, *, out: Tensor
    ) -> None:
        """p (outer, classes, inner), label (outer, inner) -> out (1, 1, 1) = factor times the sum
        of log(max(p at the label, floor)). A wrong label is the error of `one_hot`."""

    @op
    def cross_entropy_backward(
        self, p: Tensor, label: Tensor, factor: float, *, out: Tensor
    ) -> None:
        """out = factor (p - 1 at the label, factor p elsewhere): where p is a softmax, the gradient
        of -factor log(p at the label) by its scores."""
