"""What a net costs: shapes, parameters and multiply-accumulates, from its prototxt alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from ..netlib.shapes import Shape, conv_extent, deconv_extent, pool_extent
from ..proto.caffe_pb2 import LayerParameter, NetParameter, PoolingParameter

SOURCES = ('Data', 'Input', 'Python')
ENDS = ('SoftmaxWithLoss', 'HingeLoss', 'SmoothL1Loss', 'Accuracy')


@dataclass
class Cost:
    """parameters: the learned numbers. statistics: BatchNorm's running ones, also in a caffemodel.
    macs: multiply-accumulates of convolutions and inner products, per image, and per region where a
    net pools regions. shapes: of every blob.
    """

    parameters: int = 0
    statistics: int = 0
    macs: int = 0
    shapes: dict[str, Shape] = field(default_factory=dict)

    def add(self, layer: LayerParameter) -> None:
        """Count a layer whose bottoms have their shapes."""
        bottoms = [self.shapes[bottom] for bottom in layer.bottom]
        top = top_shape(layer, bottoms)
        self.shapes[layer.top[0]] = top
        params = param_shapes(layer, bottoms[0])
        count = sum(map(prod, params))
        if layer.type == 'BatchNorm':
            self.statistics += count
            return
        self.parameters += count
        if params and layer.type != 'Scale':
            positions = bottoms[0] if layer.type == 'Deconvolution' else top
            self.macs += prod(params[0]) * prod(positions[2:])


def cost(net: NetParameter, shape: Sequence[int]) -> Cost:
    """The cost of a net whose data layers give a blob `data` of this shape."""
    total = Cost()
    for layer in net.layer:
        if layer.type in SOURCES:
            total.shapes.update({top: tuple(shape) for top in layer.top if top != 'label'})
        elif layer.type not in ENDS:
            total.add(layer)
    return total


def param_shapes(layer: LayerParameter, bottom: Shape) -> list[Shape]:
    """The shapes of a layer's parameter blobs."""
    channels = bottom[1]
    match layer.type:
        case 'Convolution' | 'Deconvolution':
            conv = layer.convolution_param
            kernel = list(conv.kernel_size) * 2
            ends = [conv.num_output, channels // conv.group]
            if layer.type == 'Deconvolution':
                ends = [channels, conv.num_output // conv.group]
            return with_bias((*ends, *kernel), conv.num_output, conv.bias_term)
        case 'InnerProduct':
            ip = layer.inner_product_param
            weights = (ip.num_output, prod(bottom[1:]))
            return with_bias(weights, ip.num_output, ip.bias_term)
        case 'BatchNorm':
            return [(channels,), (channels,), (1,)]
        case 'Scale':
            return with_bias((channels,), channels, layer.scale_param.bias_term)
    return []


def with_bias(weights: Shape, outputs: int, has_bias: bool) -> list[Shape]:
    return [weights, (outputs,)] if has_bias else [weights]


def top_shape(layer: LayerParameter, bottoms: list[Shape]) -> Shape:
    """The shape of a layer's top."""
    images, channels, *extents = bottoms[0]
    match layer.type:
        case 'Convolution' | 'Deconvolution':
            return (images, layer.convolution_param.num_output, *slid(layer, extents))
        case 'Pooling':
            return (images, channels, *pooled(layer.pooling_param, extents))
        case 'InnerProduct':
            return (images, layer.inner_product_param.num_output)
        case 'ROIPooling':
            extents = [layer.roi_pooling_param.pooled_h, layer.roi_pooling_param.pooled_w]
        case 'Concat':
            channels = sum(bottom[1] for bottom in bottoms)
        case 'Maxout':
            channels //= layer.maxout_param.num_pieces
        case 'Pad':
            extents = [size + 2 * layer.pad_param.pad[0] for size in extents]
    return (images, channels, *extents)


def slid(layer: LayerParameter, extents: Sequence[int]) -> list[int]:
    """The extents after a convolution or a deconvolution."""
    conv = layer.convolution_param
    stride = conv.stride[0] if conv.stride else 1
    pad = conv.pad[0] if conv.pad else 0
    extent = conv_extent if layer.type == 'Convolution' else deconv_extent
    return [extent(size, conv.kernel_size[0], stride, pad) for size in extents]


def pooled(pool: PoolingParameter, extents: Sequence[int]) -> list[int]:
    """The extents after pooling."""
    if pool.global_pooling:
        return [1] * len(extents)
    window = (pool.kernel_size, pool.stride, pool.pad)
    return [pool_extent(size, *window, padded=pool.pad > 0) for size in extents]
