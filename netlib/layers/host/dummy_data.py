from ....proto.caffe_pb2 import FillerParameter
from ...errors import NetError, did_you_mean
from ...registry import FILLERS, register
from ..base import Layer

OLD_FIELDS = ('num', 'channels', 'height', 'width')


@register
class DummyData(Layer):
    """Tops that fillers make: constants once, everything else anew in every forward pass

    top  x  (shape of dummy_data_param, or its older num, channels, height, width)

    Shapes, fillers and each of the older fields are given once for all tops or once per top;
    without a filler the tops are zero. Source: BVLC Caffe's dummy_data_layer.
    """

    bottoms, tops = 0, (1, None)
    is_data = True

    def setup(self, bottom, top):
        p = self.param.dummy_data_param
        if len(p.data_filler) not in (0, 1, len(top)):
            raise self.error(
                f'Number of data fillers must be 0, 1 or equal to the number of tops: {len(top)}; you '
                f'specified {len(p.data_filler)} data fillers.'
            )
        old = [field for field in OLD_FIELDS if getattr(p, field)]
        if p.shape and old:
            raise self.error(
                f'Both shape and legacy fields specified ({", ".join(old)}): keep shape only'
            )
        self.fillers = (
            self.per_top('data_filler', top) if p.data_filler else [FillerParameter()] * len(top)
        )
        shapes = (
            zip(*(self.per_top(field, top) for field in OLD_FIELDS), strict=True)
            if old
            else [shape.dim for shape in self.per_top('shape', top)]
        )
        for blob, shape, filler in zip(top, shapes, self.fillers, strict=True):
            blob.reshape(*shape)
            if filler.type == 'constant':
                self.fill(blob, filler)

    def per_top(self, field, top):
        values = list(getattr(self.param.dummy_data_param, field))
        if len(values) not in (1, len(top)):
            raise self.error(
                f"Must specify '{field}' once, or once per top blob ({len(top)}); "
                f'specified {len(values)}.'
            )
        return values if len(values) == len(top) else values * len(top)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        for blob, filler in zip(top, self.fillers, strict=True):
            if filler.type != 'constant' or blob.values.memory.head is None:
                self.fill(blob, filler)

    def fill(self, blob, filler):
        if filler.type not in FILLERS:
            raise self.error(
                f'Unknown filler name: {filler.type}{did_you_mean(filler.type, FILLERS)} (known fillers: '
                f'{", ".join(sorted(FILLERS)) or "none; import goodinit.initializers, which has them"})'
            )
        try:
            blob.data = FILLERS[filler.type](blob.shape, self.rng, filler)
        except NetError as error:
            raise self.error(f"data_filler of top '{blob.name}': {error}") from error

    def backward(self, top, propagate_down, bottom):
        pass
