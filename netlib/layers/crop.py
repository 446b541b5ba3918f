from ..registry import register
from .base import Blobs, Layer
from .traits import EQUAL


@register
class Crop(Layer):
    """y = the part of x that has the extents of the reference from `axis` on

    It starts at `offset`: one number for all those axes, one each, or none for 0.

    bottom  x          (...)
            reference  (...)        only its shape matters; it gets no gradient
    top     y          (...)

    Source: BVLC Caffe's crop_layer.
    """

    bottoms = 2
    scaling = EQUAL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, reference = bottom
        p = self.param.crop_param
        axis, offset = self.axis(p.axis, x), list(p.offset)
        if reference.axes != x.axes:
            raise self.error(
                f"'{x.name}' {x.shape_text} and the reference '{reference.name}' {reference.shape_text} "
                'must have the same number of axes'
            )
        if len(offset) > 1 and axis + len(offset) != x.axes:
            raise self.error(
                'number of offset values specified must be equal to the number of dimensions following '
                f'axis: found {len(offset)} for {x.axes - axis}'
            )
        offset = offset * (x.axes - axis) if len(offset) == 1 else offset or [0] * (x.axes - axis)
        self.start = [0] * axis + offset
        self.shape = x.shape[:axis] + reference.shape[axis:]
        for i, (extent, start, size) in enumerate(
            zip(x.shape, self.start, self.shape, strict=True)
        ):
            if start + size > extent:
                raise self.error(
                    f'the crop for dimension {i} is out-of-bounds with size {size} and offset {start}: '
                    f"'{x.name}' has {x.shape_text}"
                )
        top[0].reshape(*self.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.engine.copy_window(
            bottom[0].values,
            self.start,
            out=top[0].values,
            at=[0] * len(self.start),
            shape=self.shape,
        )

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)
        if propagate_down[0]:
            self.engine.copy_window(
                top[0].diffs,
                [0] * len(self.start),
                out=bottom[0].diffs,
                at=self.start,
                shape=self.shape,
            )
