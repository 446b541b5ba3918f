"""Shared by Scale and Bias: a second operand with fewer axes than x, learned or a second bottom."""

from ....proto.caffe_pb2 import BiasParameter, FillerParameter, ScaleParameter
from ...blob import Blob
from ...memory import Tensor
from ...shapes import fold
from ..base import Blobs, Flags, Layer
from ..traits import PASSES, Traits

Fields = ScaleParameter | BiasParameter


class Operand(Layer):
    """A layer of x and an operand whose axes are those of x from `axis` on.

    With one bottom, the operand is the layer's first parameter and spans num_axes axes of x (-1:
    all up to the last). With two bottoms, it is the second bottom.
    """

    bottoms = (1, 2)
    traits = Traits(in_place=True, per_unit=True, repeats=PASSES)

    def add_operand(self, x: Blob, p: Fields, default: float) -> None:
        """Add the parameter, filled with the constant `default` if `p` has no filler."""
        start = self.axis(p.axis, x)
        if p.num_axes < -1:
            raise self.error(
                f'num_axes: {p.num_axes} must be non-negative, or -1 to extend to the end of '
                'bottom[0]'
            )
        end = x.axes if p.num_axes == -1 else start + p.num_axes
        if end > x.axes:
            raise self.error(
                f"num_axes: {p.num_axes}; the parameter's shape extends past the shape "
                f"{x.shape_text} of '{x.name}' when applied starting with bottom[0] axis {start}"
            )
        filler = p.filler if p.HasField('filler') else FillerParameter(value=default)
        self.add_param(x.shape[start:end], filler)

    def is_by_sample(self, bottom: Blobs, axis: int) -> bool:
        """Whether the operand is the same for all samples, or has an axis for them."""
        if len(bottom) == 1:
            return self.axis(axis, bottom[0]) > 0
        return bool(bottom[1].axes) and self.axis(axis, bottom[0]) == 0

    def operand(self, bottom: Blobs) -> Blob:
        """The second bottom, or the learned one."""
        return bottom[1] if len(bottom) > 1 else self.params[0]

    def place_operand(self, bottom: Blobs, p: Fields) -> None:
        """Set `shape`, x as (outer, operand, inner)."""
        x, operand = bottom[0], self.operand(bottom)
        start = self.axis(p.axis, x) if operand.axes else 0
        if start + operand.axes > x.axes:
            raise self.error(
                f"the shape {operand.shape_text} of '{operand.name}' extends past the shape "
                f"{x.shape_text} of '{x.name}' when applied starting with bottom[0] axis {start}"
            )
        self.check_operand(x, operand, start)
        self.shape = fold(x.shape, start, start + operand.axes)

    def check_operand(self, x: Blob, operand: Blob, start: int) -> None:
        for i, extent in enumerate(operand.shape):
            if x.shape[start + i] != extent:
                raise self.error(
                    f'dimension mismatch between bottom[0]->shape({start + i}) and '
                    f"{self.type.lower()}->shape({i}): '{x.name}' has {x.shape_text}, "
                    f"'{operand.name}' {operand.shape_text}"
                )

    def seen(self, tensor: Tensor) -> Tensor:
        """x, y or a gradient as (outer, operand, inner)."""
        return tensor.reshape(*self.shape)

    def across(self, tensor: Tensor) -> Tensor:
        """The operand, or a tensor of its shape, shaped to broadcast over a tensor of `seen`."""
        return tensor.reshape(1, self.shape[1], 1)

    def operand_gradient(self, propagate_down: Flags, bottom: Blobs) -> Tensor | None:
        """The operand's diff, across x, for an op that adds to it; None if it is not wanted."""
        if len(bottom) == 1:
            param = self.params[0]
            return self.across(param.diffs) if param.learns else None
        if not propagate_down[1]:
            return None
        diffs = bottom[1].diffs
        self.engine.fill(0, out=diffs)
        return self.across(diffs)
