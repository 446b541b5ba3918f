from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.rows import Rows


@register
class Filter(Rows):
    """y_i = the samples of x_i whose selector is not 0;  dx_i = dy_i there, 0 elsewhere

    Their number depends on the selector's values. Before the first forward, the tops have all
    samples.

    bottom  x_i       (N, ...)      one or more
            selector  (N,)          the last bottom
    top     y_i       (M, ...)      M of the N samples, possibly none

    Source: BVLC Caffe's filter_layer.
    """

    bottoms = (2, None)
    tops = (1, None)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if len(top) != len(bottom) - 1:
            raise self.error(
                f'produces one top blob for each bottom except the selector: found {len(top)} tops '
                f'for {len(bottom)} bottoms'
            )
        self.index: list[int] = []
        self.chooses = False  # the selector has no values yet when the layer is first reshaped

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        selector = bottom[-1]
        if count(selector.shape, 1) != 1:
            raise self.error(
                'Selector blob dimensions must be singletons (1), except the first: '
                f"'{selector.name}' has {selector.shape_text}"
            )
        for blob in bottom[:-1]:
            if blob.shape[:1] != selector.shape[:1]:
                raise self.error(
                    'Each bottom should have the same 0th dimension as the selector blob: '
                    f"'{blob.name}' has {blob.shape_text}, '{selector.name}' {selector.shape_text}"
                )
        if not self.chooses:
            self.chooses = True
            self.index = list(range(selector.count))
        else:
            chosen = selector.values.array().reshape(-1).tolist()
            self.index = [i for i, wanted in enumerate(chosen) if wanted]
        for x, y in zip(bottom, top, strict=False):
            y.reshape(len(self.index), *x.shape[1:])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        for x, y in zip(bottom, top, strict=False):
            self.engine.gather(x.values, self.index, 0, out=y.values)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[-1]:
            raise self.error('FilterLayer cannot backpropagate to filter index inputs')
        for x, y, wanted in zip(bottom, top, propagate_down, strict=False):
            if wanted:
                self.engine.scatter_add(y.diffs, self.index, 0, out=x.diffs)
