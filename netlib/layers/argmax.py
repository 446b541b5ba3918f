from ..registry import register
from ..shapes import fold
from .base import Blobs, Layer
from .traits import Traits


@register
class ArgMax(Layer):
    """The top_k largest of x and where they are; of equal values the one with the larger number
    comes first

    Without `axis` all of a sample is searched; y holds the numbers, followed with out_max_val by
    the values. With `axis` the search goes along it, and y holds the numbers or, with out_max_val,
    the values.

    bottom  x  (N, ...)
    top     y  (N, 1, top_k), with out_max_val (N, 2, top_k);  with axis (..., top_k, ...)

    Source: BVLC Caffe's argmax_layer.
    """

    traits = Traits(answers=True)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.argmax_param
        start = self.axis(p.axis, x) if p.HasField('axis') else 1
        end = start + 1 if p.HasField('axis') else x.axes
        self.outer, self.classes, self.inner = fold(x.shape, start, end)
        if not 1 <= p.top_k <= self.classes:
            raise self.error(
                f'top_k: {p.top_k} must lie in 1 .. {self.classes}, as many values as are searched of '
                f"'{x.name}' {x.shape_text} (top_k must be less than or equal to the number of classes)"
            )
        if p.HasField('axis'):
            top[0].reshape(*x.shape[:start], p.top_k, *x.shape[end:])
        else:
            top[0].reshape(x.shape[0], 2 if p.out_max_val else 1, p.top_k)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p, plane = self.engine, self.param.argmax_param, (self.outer, self.inner)
        left = self.reversed(bottom[0].values.reshape(self.outer, self.classes, self.inner))
        value, winner, lowest = (
            self.buffer(name, *plane) for name in ('value', 'winner', 'lowest')
        )
        found = self.buffer('found', *left.shape)
        e.fill(-3e38, out=lowest)
        for k in range(p.top_k):
            e.max_forward(left, out=value, winner=winner)
            e.max_backward(lowest, winner, out=found)
            e.axpby(1, found, 1, out=left)
            e.unary('power', winner, 1, -1, self.classes, out=winner)
            self.write(k, winner, value, top[0].values)

    def reversed(self, x):
        """x with its classes in reverse order, so that the larger number wins a tie, behind one
        that never wins."""
        e, backward = self.engine, self.buffer('backward', *x.shape)
        left = self.buffer('left', self.outer, 1 + self.classes, self.inner)
        e.gather(x, range(self.classes)[::-1], 1, out=backward)
        e.fill(float('-inf'), out=left)
        e.copy_window(backward, (0, 0, 0), out=left, at=(0, 1, 0), shape=x.shape)
        return left

    def write(self, k, number, value, y):
        """Put what came k-th into the top."""
        p = self.param.argmax_param
        if p.HasField('axis'):
            parts, y = (
                [value if p.out_max_val else number],
                y.reshape(self.outer, p.top_k, self.inner),
            )
        else:
            parts, y = [number, value][: y.shape[1]], y
        for row, part in enumerate(parts):
            at = (0, k, 0) if p.HasField('axis') else (0, row, k)
            part = part.reshape(self.outer, 1, self.inner)
            self.engine.copy_window(part, (0, 0, 0), out=y, at=at, shape=part.shape)

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
