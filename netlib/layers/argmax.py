from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .traits import Traits


@register
class ArgMax(Layer):
    """The indices of the top_k largest values of x, or the values; ties go to the larger index

    Without `axis`, each sample is searched as a whole; y holds the indices, followed by the values
    with out_max_val, and has as many axes as x, but at least 3. With `axis`, the search is along
    that axis; y holds the indices or, with out_max_val, the values.

    bottom  x  (N, ...)
    top     y  (N, 1, top_k, 1 ...), with out_max_val (N, 2, top_k, 1 ...);  with axis (...,
               top_k, ...)

    Source: BVLC Caffe's argmax_layer.
    """

    traits = Traits(answers=True)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.argmax_param
        if not x.axes:
            raise self.error(f"bottom '{x.name}': found a single number, needed at least 1 axis")
        self.along_axis = p.HasField('axis')
        if self.along_axis:
            start = self.axis(p.axis, x)
            self.outer, self.classes, self.inner = fold(x.shape, start)
            shape = [*x.shape[:start], p.top_k, *x.shape[start + 1 :]]
        else:
            self.outer, self.classes, self.inner = fold(x.shape, 1, x.axes)
            rest = [1] * (x.axes - 3)
            shape = [x.shape[0], 1 + p.out_max_val, p.top_k, *rest]
        if not 1 <= p.top_k <= self.classes:
            raise self.error(
                f'top_k: {p.top_k} must lie in 1 .. {self.classes}, as many values as are searched '
                f"of '{x.name}' {x.shape_text} (top_k must be less than or equal to the number of "
                'classes)'
            )
        top[0].reshape(*shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p, plane = self.engine, self.param.argmax_param, (self.outer, self.inner)
        left = self.reversed(bottom[0].values.reshape(self.outer, self.classes, self.inner))
        value, winner = self.buffer('value', *plane), self.buffer('winner', *plane)
        lowest, found = self.buffer('lowest', *plane), self.buffer('found', *left.shape)
        e.fill(-3e38, out=lowest)
        for k in range(p.top_k):
            e.max_forward(left, out=value, winner=winner)
            # Remove the winner from the search: subtract 3e38.
            e.max_backward(lowest, winner, out=found)
            e.axpby(1, found, 1, out=left)
            e.unary('power', winner, 1, -1, self.classes, out=winner)
            self.write(k, winner, value, top[0].values)

    def reversed(self, x: Tensor) -> Tensor:
        """x with its classes in reverse order, so that the larger index wins a tie, after a class
        that never wins."""
        e, backward = self.engine, self.buffer('backward', *x.shape)
        left = self.buffer('left', self.outer, 1 + self.classes, self.inner)
        e.gather(x, range(self.classes)[::-1], 1, out=backward)
        e.fill(float('-inf'), out=left)
        e.copy_window(backward, (0, 0, 0), out=left, at=(0, 1, 0), shape=x.shape)
        return left

    def write(self, k: int, number: Tensor, value: Tensor, y: Tensor) -> None:
        """Write the k-th largest to the top."""
        p = self.param.argmax_param
        if self.along_axis:
            y = y.reshape(self.outer, p.top_k, self.inner)
            self.write_at((0, k, 0), value if p.out_max_val else number, y)
        else:
            y = y.reshape(self.outer, -1, p.top_k)
            self.write_at((0, 0, k), number, y)
            if p.out_max_val:
                self.write_at((0, 1, k), value, y)

    def write_at(self, at: tuple[int, int, int], part: Tensor, y: Tensor) -> None:
        part = part.reshape(self.outer, 1, self.inner)
        self.engine.copy_window(part, (0, 0, 0), out=y, at=at, shape=part.shape)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
