from ..registry import register
from .base import Blobs, Flags
from .shared.rows import Rows


@register
class BatchReindex(Rows):
    """y[i] = x[index[i]]: samples selected, omitted or repeated

    dx[j] = the sum of dy[i] where index[i] = j

    bottom  x      (N, ...)
            index  (M,)         integers as floats, in 0 .. N - 1
    top     y      (M, ...)

    Source: BVLC Caffe's batch_reindex_layer.
    """

    bottoms = 2

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, index = bottom
        if index.axes != 1 or not x.axes:
            raise self.error(
                f"needs a list of indices and samples to pick from: '{index.name}' has "
                f"{index.shape_text}, '{x.name}' {x.shape_text}"
            )
        top[0].reshape(index.shape[0], *x.shape[1:])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.index = self.integers(bottom[1])
        self.check_range(
            self.index,
            bottom[0].shape[0],
            'Index specified for reindex layer was negative.',
            'Index specified for reindex layer was greater than batch size.',
        )
        self.engine.gather(bottom[0].values, self.index, 0, out=top[0].values)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[1]:
            raise self.error('Cannot backprop to index.')
        if propagate_down[0]:
            self.engine.scatter_add(top[0].diffs, self.index, 0, out=bottom[0].diffs)
