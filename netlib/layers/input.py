from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import PASSES, Traits


@register
class Input(Layer):
    """The net's inputs: tops to be filled by the caller before forward

    top  x  (shape of input_param; one shape for all tops, or one per top)
    """

    bottoms, tops = 0, (1, None)
    traits = Traits(by_sample=True, repeats=PASSES)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        shapes = self.param.input_param.shape
        if len(shapes) not in (0, 1, len(top)):
            raise self.error(
                f"Must specify 'shape' once, once per top blob, or not at all: {len(top)} tops vs. "
                f'{len(shapes)} shapes.'
            )
        for i, blob in enumerate(top):
            if shapes:
                blob.reshape(*shapes[i if len(shapes) > 1 else 0].dim)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
