"""Shared by the losses over classes: the view of scores as (outer, classes, inner), labels, and
normalization."""

from collections.abc import Callable

from ...memory import Tensor
from ..base import Blobs, Count, Flags, Layer
from ..traits import PASSES, Traits


class Loss(Layer):
    """A layer whose first top is a scalar with loss weight 1 unless the prototxt says otherwise."""

    bottoms: Count = 2
    is_loss = True
    traits = Traits(repeats=PASSES)
    no_gradient: tuple[int, ...] = (1,)

    def same_batch(self, bottom: Blobs) -> None:
        """Check that the first extents agree, and set `batch`, the number of samples to divide by
        (at least 1)."""
        self.axis(0, bottom[0])
        if bottom[0].shape[:1] != bottom[1].shape[:1]:
            raise self.error(
                f"The data and label should have the same first dimension: '{bottom[0].name}' has "
                f"{bottom[0].shape_text}, '{bottom[1].name}' {bottom[1].shape_text}"
            )
        self.batch = max(bottom[0].shape[0], 1)

    def loss_weight(self, top: Blobs, i: int = 0) -> float:
        """The gradient of the total loss by the scalar top[i]: where backward starts."""
        return top[i].diffs.item()

    def refuse_label_gradient(self, propagate_down: Flags) -> None:
        if len(propagate_down) > 1 and propagate_down[1]:
            raise self.error(f'{self.type} Layer cannot backpropagate to label inputs.')

    def normalization(self, default: int) -> int:
        """loss_param's normalization; if it is not given, the older `normalize: false` means
        BATCH_SIZE."""
        p = self.param.loss_param
        if not p.HasField('normalization') and p.HasField('normalize'):
            return p.VALID if p.normalize else p.BATCH_SIZE
        return p.normalization if p.HasField('normalization') else default

    def normalizer(self, mode: int, outer: int, inner: int, valid: Callable[[], float]) -> float:
        """The number to divide by, at least 1 unless it is given; `valid()` counts the labels that
        are not ignored."""
        p = self.param.loss_param
        if mode == p.PRE_FIXED:
            if not p.pre_fixed_normalizer > 0:
                found = p.pre_fixed_normalizer
                raise self.error(
                    f'pre_fixed_normalizer: found {found:g}, needed: a positive number'
                )
            return p.pre_fixed_normalizer
        if mode == p.FULL:
            return max(1.0, outer * inner)
        if mode == p.VALID:
            return max(1.0, valid())
        return max(1.0, outer) if mode == p.BATCH_SIZE else 1.0

    def count_ones(self, marked: Tensor) -> Tensor:
        """The number of ones among zeros and ones, at least 1, as a tensor of one element: the host
        need not know it, and does not wait for a device to count."""
        total = self.buffer('total', *[1] * len(marked.shape))
        self.engine.sum(marked, out=total)
        self.engine.unary('clip', total, 1, max(1, marked.size), out=total)
        return total

    def normalize(self, factor: float, divisor: float | Tensor, values: Tensor) -> None:
        """values *= factor / divisor."""
        e = self.engine
        if not isinstance(divisor, Tensor):
            e.axpby(factor / divisor, values, 0, out=values)
            return
        quotient = self.buffer('quotient', *[1] * len(values.shape))
        e.fill(factor, out=quotient)
        e.binary('div', quotient, divisor.reshape(*quotient.shape), out=quotient)
        e.binary('mul', values, quotient, out=values)
