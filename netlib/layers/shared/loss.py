"""What the losses over classes share: the view of scores as (outer, classes, inner), labels, and
normalization."""

from ..base import Layer


class Loss(Layer):
    """A layer whose first top is a scalar with loss weight 1 unless the prototxt says otherwise."""

    bottoms: int | tuple[int, int | None] = 2
    tops: int | tuple[int, int | None] = 1
    is_loss = True
    no_gradient: tuple[int, ...] = (1,)

    def same_batch(self, bottom):
        """The first extents must agree; sets `batch`, the number of samples to divide by, at least
        1."""
        self.axis(0, bottom[0])
        if bottom[0].shape[:1] != bottom[1].shape[:1]:
            raise self.error(
                f"The data and label should have the same first dimension: '{bottom[0].name}' has "
                f"{bottom[0].shape_text}, '{bottom[1].name}' {bottom[1].shape_text}"
            )
        self.batch = max(bottom[0].shape[0], 1)

    def loss_weight(self, top, i=0):
        """The gradient of the total loss by the scalar top[i]: where backward starts."""
        return top[i].diffs.item()

    def refuse_label_gradient(self, propagate_down):
        if len(propagate_down) > 1 and propagate_down[1]:
            raise self.error(f'{self.type} Layer cannot backpropagate to label inputs.')

    def normalization(self, default):
        """loss_param's normalization; the older `normalize: false` means BATCH_SIZE where the other
        is not given."""
        p = self.param.loss_param
        if not p.HasField('normalization') and p.HasField('normalize'):
            return p.VALID if p.normalize else p.BATCH_SIZE
        return p.normalization if p.HasField('normalization') else default

    def normalizer(self, mode, outer, inner, valid):
        """The number to divide by, at least 1; `valid()` counts the labels that are not ignored."""
        p = self.param.loss_param
        counts = {
            p.FULL: lambda: outer * inner,
            p.VALID: valid,
            p.BATCH_SIZE: lambda: outer,
            p.NONE: lambda: 1,
        }
        return max(1.0, counts[mode]())
