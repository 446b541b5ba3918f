from ...proto.caffe_pb2 import TRAIN
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL_BY_CHANNEL, Traits


@register
class Dropout(Layer):
    """y = x mask, where each element of the mask is 0 with probability dropout_ratio, else 1 / (1 -
    dropout_ratio)

    So the expected output is x, and in the TEST phase y = x. With scale_train: false (an older
    convention), kept units are not scaled in training; instead, all units are scaled by 1 -
    dropout_ratio in the TEST phase. With sample_weights_test: true, units are also dropped in the
    TEST phase (Monte Carlo dropout).

    bottom  x  (...)        top  y  (...)        may be in place

    Source: Srivastava et al. 2014; BVLC Caffe's dropout_layer.
    """

    traits = Traits(in_place=True, per_unit=True, by_sample=True, draws=True)
    scaling = EQUAL_BY_CHANNEL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        ratio = self.param.dropout_param.dropout_ratio
        if not 0 <= ratio <= 1:
            raise self.error(f'dropout_ratio: {ratio:g} must be in 0 .. 1')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p, x, y = self.param.dropout_param, bottom[0].values, top[0].values
        if not self.drops:
            self.apply(x, y)
            return
        mask = self.buffer('mask', *bottom[0].shape)
        seed = int(self.rng.integers(2**63))
        if p.scale_train:
            self.engine.dropout(x, seed, p.dropout_ratio, out=y, mask=mask)
            return
        self.engine.dropout_mask(seed, p.dropout_ratio, out=mask)
        self.engine.axpby(1 - p.dropout_ratio, mask, 0, out=mask)
        self.apply(x, y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            self.apply(top[0].diffs, bottom[0].diffs)

    @property
    def drops(self) -> bool:
        return self.phase == TRAIN or self.param.dropout_param.sample_weights_test

    def apply(self, x: Tensor, out: Tensor) -> None:
        p = self.param.dropout_param
        scale = 1 if p.scale_train else 1 - p.dropout_ratio
        if self.drops:
            self.engine.binary('mul', x, self.buffer('mask', *x.shape), out=out)
        elif scale != 1 or x.memory is not out.memory:
            self.engine.axpby(scale, x, 0, out=out)
