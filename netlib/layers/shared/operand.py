"""What Scale and Bias share: a second operand with fewer axes than x, learned or a second bottom."""

from ...shapes import fold
from ..base import Layer
from ..traits import Traits


class Operand(Layer):
    """A layer of x and an operand whose axes are those of x from `axis` on.

    With one bottom the operand is the layer's first parameter and takes num_axes axes of x (-1: all
    up to the last); with two it is the second bottom.
    """

    bottoms = (1, 2)
    traits = Traits(in_place=True, per_unit=True)

    def add_operand(self, x, p, default):
        """Add the parameter, filled with the constant `default` where `p` has no filler."""
        start = self.axis(p.axis, x)
        if p.num_axes < -1:
            raise self.error(
                f'num_axes: {p.num_axes} must be non-negative, or -1 to extend to the end of bottom[0]'
            )
        end = x.axes if p.num_axes == -1 else start + p.num_axes
        if end > x.axes:
            raise self.error(
                f"num_axes: {p.num_axes}; the parameter's shape extends past the shape {x.shape_text} of "
                f"'{x.name}' when applied starting with bottom[0] axis {start}"
            )
        self.add_param(
            x.shape[start:end], p.filler if p.HasField('filler') else type(p.filler)(value=default)
        )

    def operand(self, bottom):
        return bottom[1] if len(bottom) > 1 else self.params[0]

    def place_operand(self, bottom, p):
        """Set `shape`, x as (outer, operand, inner)."""
        x, operand = bottom[0], self.operand(bottom)
        start = self.axis(p.axis, x) if operand.axes else 0
        if start + operand.axes > x.axes:
            raise self.error(
                f"the shape {operand.shape_text} of '{operand.name}' extends past the shape "
                f"{x.shape_text} of '{x.name}' when applied starting with bottom[0] axis {start}"
            )
        for i, extent in enumerate(operand.shape):
            if x.shape[start + i] != extent:
                raise self.error(
                    f'dimension mismatch between bottom[0]->shape({start + i}) and '
                    f"{self.type.lower()}->shape({i}): '{x.name}' has {x.shape_text}, "
                    f"'{operand.name}' {operand.shape_text}"
                )
        self.shape = fold(x.shape, start, start + operand.axes)

    def seen(self, tensor):
        """x, y or a gradient as (outer, operand, inner)."""
        return tensor.reshape(*self.shape)

    def across(self, tensor):
        """The operand, or a tensor of its shape, so that it broadcasts over what `seen` gives."""
        return tensor.reshape(1, self.shape[1], 1)

    def operand_gradient(self, propagate_down, bottom):
        """The operand's diff, across x, for an op that adds to it; None where it is not wanted."""
        blob = self.operand(bottom)
        if not (propagate_down[1] if len(bottom) > 1 else blob.learns):
            return None
        if len(bottom) > 1:
            self.engine.fill(0, out=blob.diffs)
        return self.across(blob.diffs)
