from typing import Any

from ....proto.caffe_pb2 import FillerParameter
from ...blob import Blob
from ...errors import NetError, did_you_mean
from ...registry import FILLERS, Filler, register
from ...shapes import Shape
from ..base import Blobs, Flags, Layer

OLD_FIELDS = ('num', 'channels', 'height', 'width')

AT_ONCE = 1 << 24  # constants of more elements are filled in forward, not when a net is built


@register
class DummyData(Layer):
    """Tops written by fillers: constants once, everything else again in every forward pass

    top  x  (shape of dummy_data_param, or its older num, channels, height, width)

    Shapes, fillers and each of the older fields are given once for all tops, or once per top.
    Without a filler, the tops are zero. Source: BVLC Caffe's dummy_data_layer.
    """

    bottoms = 0
    tops = (1, None)
    is_data = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.fillers = self.fillers_of(top)
        for blob, shape, filler in zip(top, self.shapes_of(top), self.fillers, strict=True):
            blob.reshape(*shape)
            if filler.type == 'constant':
                self.function_of(filler)
                if blob.count <= AT_ONCE:
                    self.fill(blob, filler)

    def fillers_of(self, top: Blobs) -> list[FillerParameter]:
        p = self.param.dummy_data_param
        if len(p.data_filler) not in (0, 1, len(top)):
            raise self.error(
                f'Number of data fillers must be 0, 1 or equal to the number of tops: {len(top)}; '
                f'you specified {len(p.data_filler)} data fillers.'
            )
        if not p.data_filler:
            return [FillerParameter()] * len(top)
        return self.per_top('data_filler', top)

    def shapes_of(self, top: Blobs) -> list[Shape]:
        p = self.param.dummy_data_param
        old = [field for field in OLD_FIELDS if getattr(p, field)]
        if p.shape and old:
            raise self.error(
                f'Both shape and legacy fields specified ({", ".join(old)}): keep shape only'
            )
        if old:
            extents = [self.per_top(field, top) for field in OLD_FIELDS]
            return list(zip(*extents, strict=True))
        return [tuple(shape.dim) for shape in self.per_top('shape', top)]

    def per_top(self, field: str, top: Blobs) -> list[Any]:
        """The values of a field, one for each top; a single value applies to all."""
        values = list(getattr(self.param.dummy_data_param, field))
        if len(values) not in (1, len(top)):
            raise self.error(
                f"Must specify '{field}' once, or once per top blob ({len(top)}); "
                f'specified {len(values)}.'
            )
        return values if len(values) == len(top) else values * len(top)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        for blob, filler in zip(top, self.fillers, strict=True):
            if filler.type != 'constant' or blob.values.memory.head is None:
                self.fill(blob, filler)

    def function_of(self, filler: FillerParameter) -> Filler:
        """The filler's function. Raises LayerError for an unknown name."""
        if filler.type not in FILLERS:
            known = ', '.join(sorted(FILLERS))
            known = known or 'none; import goodinit.initializers to register them'
            raise self.error(
                f'Unknown filler name: {filler.type}{did_you_mean(filler.type, FILLERS)} '
                f'(known fillers: {known})'
            )
        return FILLERS[filler.type]

    def fill(self, blob: Blob, filler: FillerParameter) -> None:
        try:
            blob.data = self.function_of(filler)(blob.shape, self.rng, filler)
        except NetError as error:
            raise self.error(f"data_filler of top '{blob.name}': {error}") from error

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
