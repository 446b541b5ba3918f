"""One or more small cases of every layer type: what the generic tests (gradients, stale memory, engines, ...) run over.

    case('Pooling', 'pooling_param { kernel_size: 2 }', x=(2, 3, 4, 5))

A bottom is given by its shape, and then holds distinct numbers that are no kink of any layer, or by one of the makers
below. Parameters hold such numbers too, unless `params` says otherwise.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN

Maker = Callable[[np.random.Generator], np.ndarray]


def spread(*shape, low=-1.0, high=1.0) -> Maker:
    """Distinct numbers, in random order, about evenly spread between low and high."""
    def make(rng):
        n = int(np.prod(shape))
        steps = rng.permutation(n) + 0.5 + rng.uniform(-0.3, 0.3, n)
        return (low + (high - low) * steps / max(n, 1)).reshape(shape)
    return make


def integers(*shape, below) -> Maker:
    return lambda rng: rng.integers(below, size=shape).astype(float)


def exactly(values) -> Maker:
    return lambda rng: np.array(values, float)


def probabilities(*shape) -> Maker:
    """Positive numbers that sum to 1 along axis 1."""
    def make(rng):
        values = rng.uniform(0.5, 1.5, shape)
        return values / values.sum(1, keepdims=True)
    return make


@dataclass(frozen=True)
class Case:
    id: str
    type: str
    fields: str
    bottoms: dict[str, Maker]
    tops: Sequence[str] = ('y',)
    phase: int = TEST
    params: dict[int, Maker] = field(default_factory=dict)      # by index
    no_top_gradient: Sequence[str] = ()                         # tops whose diffs the layer ignores
    down: Sequence[str] | None = None                           # bottoms with a gradient; None: as the layer says

    def net(self, engine, in_place=False) -> Net:
        """A net of Input layers and the layer (the last one), with the case's values in inputs and parameters."""
        values = self.values()
        inputs = [f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
                  f'{" ".join(f"dim: {n}" for n in array.shape)} }} }} }}' for name, array in values.items()]
        tops = [next(iter(self.bottoms)), *self.tops[1:]] if in_place else self.tops
        layer = (f'layer {{ name: "l" type: "{self.type}" {" ".join(f"bottom: {b!r}" for b in self.bottoms)} '
                 f'{" ".join(f"top: {t!r}" for t in tops)} {self.fields} }}')
        net = Net(parse_net('\n'.join([*inputs, layer])), self.phase, engine=engine, seed=0)
        self.put(net)
        return net

    def rng(self):
        return np.random.default_rng(crc32(self.id.encode()))

    def values(self):
        rng = self.rng()
        return {name: make(rng) for name, make in self.bottoms.items()}

    def put(self, net):
        """Write the case's values into the net's inputs and parameters, and start the layer's randomness anew."""
        for name, array in self.values().items():
            net.blobs[name].reshape(*array.shape)
            net.blobs[name].data = array
        rng = self.rng()
        for i, param in enumerate(net.layers[-1].params):
            param.data = self.params.get(i, spread(*param.shape, low=-0.6, high=0.6))(rng).reshape(param.shape)
        net.layers[-1].rng = np.random.default_rng(0)

    def wanted(self, net):
        """Per bottom of the layer, whether it gets a gradient."""
        layer = net.layers[-1]
        return [i not in layer.no_gradient if self.down is None else name in self.down
                for i, name in enumerate(self.bottoms)]

    def backward(self, net):
        """Put diffs on the layer's tops and run its backward."""
        self.put_top_diffs(net)
        net.layers[-1].backward(net.tops[-1], self.wanted(net), net.bottoms[-1])

    def put_top_diffs(self, net):
        for top, diff in zip(net.tops[-1], self.top_diffs(net), strict=True):
            top.diff = diff

    def gradients(self, net):
        """{name: blob} of what has a gradient: bottoms, and parameters that learn."""
        found = {f"bottom '{blob.name}'": blob
                 for blob, yes in zip(net.bottoms[-1], self.wanted(net), strict=True) if yes}
        return found | {f'param {i}': param for i, param in enumerate(net.layers[-1].params) if param.learns}

    def top_diffs(self, net):
        """What the tests put on the diffs of the layer's tops: distinct numbers, zeros where the layer ignores them."""
        rng = np.random.default_rng(7)
        diffs = [spread(*top.shape)(rng) for top in net.tops[-1]]
        return [0 * diff if top.name in self.no_top_gradient else diff
                for top, diff in zip(net.tops[-1], diffs, strict=True)]


def case(type, fields='', *, id='', tops='y', train=False, params=None, ignored='', down=None, **bottoms) -> Case:
    makers = {name: spread(*maker) if isinstance(maker, tuple) else maker for name, maker in bottoms.items()}
    return Case(f'{type}/{id}' if id else type, type, fields, makers, tops.split(), TRAIN if train else TEST,
                params or {}, ignored.split(), None if down is None else down.split())


def positive(*shape) -> Maker:
    return spread(*shape, low=0.3, high=2.0)


STATISTICS = {0: spread(3, low=-1, high=1), 1: positive(3), 2: exactly([1.7])}
CONT = exactly([[0, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0]])
FROM_STATES = exactly([[1, 0, 1], [1, 1, 1], [1, 0, 1], [1, 1, 0]])
IMAGES, ROWS = (2, 3, 5, 4), (4, 6)

CASES = [
    # -- element by element
    case('AbsVal', x=(3, 4)),
    case('BNLL', x=(3, 4)),
    case('Clip', 'clip_param { min: -0.5 max: 0.25 }', x=(3, 4)),
    case('Dropout', x=(3, 4)),
    case('Dropout', 'dropout_param { dropout_ratio: 0.3 }', id='train', train=True, x=(3, 4)),
    case('ELU', 'elu_param { alpha: 0.7 }', x=(3, 4)),
    case('Exp', x=(3, 4)),
    case('Exp', 'exp_param { base: 2 scale: 0.5 shift: 1 }', id='base', x=(3, 4)),
    case('Log', x=positive(3, 4)),
    case('Log', 'log_param { base: 2 scale: 0.5 shift: 1 }', id='base', x=(3, 4)),
    case('Power', 'power_param { power: 3 scale: 0.5 shift: 0.1 }', x=(3, 4)),
    case('Power', 'power_param { power: 2 scale: -0.5 }', id='square', x=(3, 4)),
    case('Power', 'power_param { power: -0.5 }', id='root', x=positive(3, 4)),
    case('Power', 'power_param { scale: 3 }', id='linear', x=(3, 4)),
    case('Power', 'power_param { power: 0 shift: 3 }', id='constant', x=(3, 4)),
    case('ReLU', x=(3, 4)),
    case('ReLU', 'relu_param { negative_slope: 0.2 }', id='slope', x=(3, 4)),
    case('ReLU', id='5 axes', x=(2, 1, 3, 1, 2)),
    case('PReLU', x=IMAGES),
    case('PReLU', 'prelu_param { channel_shared: true }', id='shared', x=(3, 4)),
    case('Sigmoid', x=(3, 4)),
    case('Swish', 'swish_param { beta: 1.5 }', x=(3, 4)),
    case('TanH', x=(3, 4)),
    case('Threshold', 'threshold_param { threshold: 0.25 }', down='', x=(3, 4)),
    # -- with weights
    case('Convolution', 'convolution_param { num_output: 4 kernel_size: 3 pad: 1 }', x=IMAGES),
    case('Convolution', 'convolution_param { num_output: 4 kernel_size: 2 stride: 2 group: 2 bias_term: false }',
         id='groups', x=(2, 4, 5, 4)),
    case('Convolution', 'convolution_param { num_output: 2 kernel_size: 2 dilation: 2 pad: 1 }', id='dilated',
         x=IMAGES),
    case('Convolution', 'convolution_param { num_output: 5 kernel_size: 1 }', id='pointwise', x=IMAGES),
    case('Convolution', 'convolution_param { num_output: 2 kernel_size: 2 }', id='1-d', x=(2, 3, 5)),
    case('Convolution', 'convolution_param { num_output: 2 kernel_size: 2 stride: 2 stride: 1 stride: 1 }', id='3-d',
         x=(1, 2, 4, 3, 3)),
    case('Convolution', 'convolution_param { num_output: 2 kernel_size: 2 axis: 2 }', id='axis', x=(2, 2, 3, 4)),
    case('Convolution', 'convolution_param { num_output: 2 kernel_size: 2 }', id='two bottoms', tops='y z',
         x=(2, 1, 3, 3), x2=(2, 1, 3, 3)),
    case('Deconvolution', 'convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 }', x=(2, 3, 3, 2)),
    case('Deconvolution', 'convolution_param { num_output: 4 kernel_size: 2 group: 2 }', id='groups', x=(2, 4, 3, 2)),
    case('InnerProduct', 'inner_product_param { num_output: 3 }', x=IMAGES),
    case('InnerProduct', 'inner_product_param { num_output: 3 transpose: true axis: -1 }', id='transposed',
         x=(2, 3, 4)),
    case('InnerProduct', 'inner_product_param { num_output: 3 bias_term: false }', id='no bias', x=ROWS),
    case('Embed', 'embed_param { input_dim: 5 num_output: 3 }', down='', x=integers(2, 4, below=5)),
    case('Embed', 'embed_param { input_dim: 5 num_output: 3 bias_term: false }', id='no bias', down='',
         x=integers(6, below=5)),
    case('Bias', x=IMAGES),
    case('Bias', 'bias_param { axis: 2 num_axes: -1 }', id='last axes', x=(2, 2, 3, 2)),
    case('Bias', 'bias_param { axis: 0 }', id='two bottoms', x=IMAGES, b=(2, 3)),
    case('Scale', x=IMAGES),
    case('Scale', 'scale_param { axis: 1 num_axes: 2 bias_term: true }', id='bias', x=(2, 2, 3, 2)),
    case('Scale', 'scale_param { num_axes: 0 }', id='scalar', x=(3, 2)),
    case('Scale', 'scale_param { axis: 0 }', id='two bottoms', x=IMAGES, s=(2, 3)),
    case('Parameter', 'parameter_param { shape { dim: 2 dim: 3 } }'),
    # -- through time; streams begin in the first step, for what was before would follow from what a test ran before
    case('LSTM', 'recurrent_param { num_output: 2 }', x=(4, 3, 2), cont=CONT),
    case('LSTM', 'recurrent_param { num_output: 2 }', id='static', x=(4, 3, 1, 2), cont=CONT, s=(3, 2)),
    case('LSTM', 'recurrent_param { num_output: 2 expose_hidden: true }', id='exposed', tops='y hT cT', ignored='hT cT',
         x=(4, 3, 2), cont=FROM_STATES, h=(1, 3, 2), c=(1, 3, 2)),
    case('LSTM', 'recurrent_param { num_output: 2 }', id='one step', x=(1, 2, 3), cont=exactly([[0, 0]])),
    case('LSTMUnit', tops='c2 h2', c=(1, 3, 2), gates=(1, 3, 8), cont=exactly([[1, 0, 1]])),
    case('RNN', 'recurrent_param { num_output: 2 }', x=(4, 3, 2), cont=CONT),
    case('RNN', 'recurrent_param { num_output: 2 expose_hidden: true }', id='static, exposed', tops='y hT',
         ignored='hT', x=(4, 3, 2), cont=FROM_STATES, s=(3, 2), h=(1, 3, 2)),
    # -- pooling and normalization
    case('Pooling', 'pooling_param { kernel_size: 3 stride: 2 }', x=IMAGES),
    case('Pooling', 'pooling_param { kernel_size: 3 stride: 2 pad: 1 }', id='pad', x=IMAGES),
    case('Pooling', 'pooling_param { kernel_size: 2 }', id='mask', tops='y mask', ignored='mask', x=IMAGES),
    case('Pooling', 'pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }', id='average', x=IMAGES),
    case('Pooling', 'pooling_param { pool: AVE global_pooling: true }', id='global', x=IMAGES),
    case('SPP', 'spp_param { pyramid_height: 2 }', x=IMAGES),
    case('SPP', 'spp_param { pyramid_height: 2 pool: AVE }', id='average', x=IMAGES),
    case('LRN', 'lrn_param { local_size: 3 alpha: 0.5 }', x=IMAGES),
    case('LRN', 'lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }', id='within', x=IMAGES),
    case('LRN', 'lrn_param { local_size: 5 alpha: 2 beta: 0.5 k: 2 }', id='wide', x=IMAGES),
    case('BatchNorm', id='train', train=True, params=STATISTICS, x=IMAGES),
    case('BatchNorm', params=STATISTICS, x=IMAGES),
    case('BatchNorm', 'batch_norm_param { use_global_stats: false }', id='test with batch statistics',
         params=STATISTICS, x=(5, 3)),
    case('MVN', x=IMAGES),
    case('MVN', 'mvn_param { across_channels: true }', id='across', x=IMAGES),
    case('MVN', 'mvn_param { normalize_variance: false }', id='mean only', x=IMAGES),
    case('Softmax', x=(3, 5)),
    case('Softmax', 'softmax_param { axis: 2 }', id='axis', x=(2, 3, 4, 2)),
    # -- shapes
    case('ArgMax', 'argmax_param { top_k: 2 out_max_val: true }', down='', x=ROWS),
    case('ArgMax', 'argmax_param { axis: 1 }', id='axis', down='', x=IMAGES),
    case('BatchReindex', down='x', x=IMAGES, index=exactly([1, 0, 0])),
    case('Concat', x=(2, 3, 4), x2=(2, 1, 4), x3=(2, 2, 4)),
    case('Concat', 'concat_param { axis: 0 }', id='batch', x=(2, 3), x2=(1, 3)),
    case('Crop', 'crop_param { axis: 2 offset: 1 offset: 0 }', x=IMAGES, size=(2, 3, 3, 2)),
    case('Eltwise', x=(2, 3), x2=(2, 3), x3=(2, 3)),
    case('Eltwise', 'eltwise_param { coeff: 2 coeff: -0.5 }', id='coefficients', x=(2, 3), x2=(2, 3)),
    case('Eltwise', 'eltwise_param { operation: PROD }', id='product', x=(2, 3), x2=(2, 3), x3=(2, 3)),
    case('Eltwise', 'eltwise_param { operation: PROD stable_prod_grad: false }', id='quotient', x=(2, 3), x2=(2, 3)),
    case('Eltwise', 'eltwise_param { operation: MAX }', id='max', x=(2, 3), x2=(2, 3), x3=(2, 3)),
    case('Filter', tops='a b', down='x x2', x=(4, 3), x2=(4, 2), pick=exactly([1, 0, 0, 1])),
    case('Flatten', 'flatten_param { axis: 1 end_axis: 2 }', x=IMAGES),
    case('Im2col', 'convolution_param { kernel_size: 2 stride: 2 pad: 1 }', x=IMAGES),
    case('Input', 'input_param { shape { dim: 2 dim: 3 } }'),
    case('Maxout', x=(2, 4, 3)),
    case('Maxout', 'maxout_param { num_pieces: 3 axis: -1 }', id='axis', x=(2, 6)),
    case('Pad', 'pad_param { pad: 2 }', x=IMAGES),
    case('Pad', 'pad_param { mode: REFLECT pad_h: 2 pad_w: 1 }', id='reflect', x=IMAGES),
    case('Reduction', 'reduction_param { coeff: 0.5 }', x=ROWS),
    case('Reduction', 'reduction_param { operation: ASUM axis: 1 }', id='asum', x=IMAGES),
    case('Reduction', 'reduction_param { operation: SUMSQ axis: -1 }', id='sumsq', x=IMAGES),
    case('Reduction', 'reduction_param { operation: MEAN axis: 1 }', id='mean', x=ROWS),
    case('Reshape', 'reshape_param { shape { dim: 0 dim: -1 dim: 2 } }', x=IMAGES),
    case('Silence', tops='', x=ROWS, x2=(3,)),
    case('Slice', 'slice_param { slice_point: 1 slice_point: 4 }', tops='a b c', x=ROWS),
    case('Slice', 'slice_param { axis: 2 }', id='axis', tops='a b', x=(2, 3, 4)),
    case('Split', tops='a b c', x=ROWS),
    case('Tile', 'tile_param { tiles: 3 }', x=(2, 2, 3)),
    # -- losses and scores
    case('Accuracy', 'accuracy_param { top_k: 2 }', down='', x=ROWS, label=integers(4, below=6)),
    case('Accuracy', id='per class', tops='y each', down='', x=ROWS, label=integers(4, below=6)),
    case('ContrastiveLoss', a=(4, 3), b=(4, 3), same=exactly([1, 0, 0, 1])),
    case('ContrastiveLoss', 'contrastive_loss_param { margin: 4 legacy_version: true }', id='legacy',
         a=(4, 3), b=(4, 3), same=exactly([1, 0, 0, 1])),
    case('EuclideanLoss', x=(4, 3), target=(4, 3)),
    case('HingeLoss', x=ROWS, label=integers(4, below=6)),
    case('HingeLoss', 'hinge_loss_param { norm: L2 }', id='L2', x=ROWS, label=integers(4, below=6)),
    case('InfogainLoss', down='x', x=ROWS, label=integers(4, below=6), H=positive(6, 6)),
    case('MultinomialLogisticLoss', x=probabilities(4, 6), label=integers(4, below=6)),
    case('SigmoidCrossEntropyLoss', x=ROWS, target=spread(4, 6, low=0, high=1)),
    case('SigmoidCrossEntropyLoss', 'loss_param { ignore_label: 1 normalization: VALID }', id='ignore', x=ROWS,
         target=integers(4, 6, below=2)),
    case('SoftmaxWithLoss', x=ROWS, label=integers(4, below=6)),
    case('SoftmaxWithLoss', 'loss_param { ignore_label: 1 normalization: FULL }', id='ignore', x=(2, 3, 2, 2),
         label=integers(2, 2, 2, below=3)),
]
