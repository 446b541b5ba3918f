from dataclasses import replace

from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import Scaling, Traits


@register
class Crop(Layer):
    """y = the part of x with the reference's extents, from `axis` on

    The part starts at `offset`: one number for all those axes, one per axis, or none for 0.

    bottom  x          (...)
            reference  (...)        only its shape is used; no gradient
    top     y          (...)

    Source: BVLC Caffe's crop_layer.
    """

    bottoms = 2
    traits = Traits(moves=True)
    scaling = Scaling('equal', ignores=(1,))

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if self.axis(self.param.crop_param.axis, bottom[0]) > 1:
            self.scaling = replace(self.scaling, channels='kept')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, reference = bottom
        if reference.axes != x.axes:
            raise self.error(
                f"'{x.name}' {x.shape_text} and the reference '{reference.name}' "
                f'{reference.shape_text} must have the same number of axes'
            )
        axis = self.axis(self.param.crop_param.axis, x)
        self.start = [0] * axis + self.offsets(x.axes - axis)
        self.shape = x.shape[:axis] + reference.shape[axis:]
        for i, size in enumerate(self.shape):
            if self.start[i] + size > x.shape[i]:
                raise self.error(
                    f'the crop for dimension {i} is out-of-bounds with size {size} and offset '
                    f"{self.start[i]}: '{x.name}' has {x.shape_text}"
                )
        top[0].reshape(*self.shape)

    def offsets(self, axes: int) -> list[int]:
        """The start of the part along each cropped axis."""
        given = list(self.param.crop_param.offset)
        if len(given) > 1 and len(given) != axes:
            raise self.error(
                'number of offset values specified must be equal to the number of dimensions '
                f'following axis: found {len(given)} for {axes}'
            )
        return given if len(given) > 1 else (given or [0]) * axes

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = bottom[0].values, top[0].values
        corner = [0] * len(self.start)
        self.engine.copy_window(x, self.start, out=y, at=corner, shape=self.shape)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)
        if propagate_down[0]:
            dy, dx = top[0].diffs, bottom[0].diffs
            corner = [0] * len(self.start)
            self.engine.copy_window(dy, corner, out=dx, at=self.start, shape=self.shape)
