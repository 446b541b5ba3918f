"""What a net costs: shapes, parameters and multiply-accumulates, from its prototxt alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from goodinit.netlib.shapes import Shape, conv_extent, deconv_extent, pool_extent
from goodinit.proto.caffe_pb2 import LayerParameter, NetParameter

LOSSES = ('SoftmaxWithLoss', 'HingeLoss', 'Accuracy')


@dataclass
class Cost:
    """parameters: the learned numbers. statistics: BatchNorm's running ones, also in a caffemodel.
    macs: multiply-accumulates of convolutions and inner products, per image. shapes: of every blob.
    """

    parameters: int
    statistics: int
    macs: int
    shapes: dict[str, Shape]


def cost(net: NetParameter, shape: Sequence[int]) -> Cost:
    """The cost of a net whose data layers give a blob `data` of this shape."""
    total = Cost(0, 0, 0, {})
    for layer in net.layer:
        if layer.type in ('Data', 'Input'):
            total.shapes.update({top: tuple(shape) for top in layer.top if top != 'label'})
            continue
        if layer.type in LOSSES:
            continue
        bottoms = [total.shapes[bottom] for bottom in layer.bottom]
        top = _top(layer, bottoms)
        total.shapes[layer.top[0]] = top
        blobs = param_shapes(layer, bottoms[0])
        if layer.type == 'BatchNorm':
            total.statistics += sum(map(prod, blobs))
            continue
        total.parameters += sum(map(prod, blobs))
        if blobs and layer.type != 'Scale':
            positions = bottoms[0] if layer.type == 'Deconvolution' else top
            total.macs += prod(blobs[0]) * prod(positions[2:])
    return total


def param_shapes(layer: LayerParameter, bottom: Shape) -> list[Shape]:
    """The shapes of a layer's parameter blobs."""
    channels = bottom[1]
    match layer.type:
        case 'Convolution' | 'Deconvolution':
            param = layer.convolution_param
            ends = (param.num_output, channels // param.group)
            if layer.type == 'Deconvolution':
                ends = (channels, param.num_output // param.group)
            kernel = tuple(param.kernel_size) * 2
            return [(*ends, *kernel), *([(param.num_output,)] if param.bias_term else [])]
        case 'InnerProduct':
            ip = layer.inner_product_param
            return [
                (ip.num_output, prod(bottom[1:])),
                *([(ip.num_output,)] if ip.bias_term else []),
            ]
        case 'BatchNorm':
            return [(channels,), (channels,), (1,)]
        case 'Scale':
            return [(channels,)] * (1 + layer.scale_param.bias_term)
    return []


def _top(layer: LayerParameter, bottoms: list[Shape]) -> Shape:
    images, channels, *extents = bottoms[0]
    match layer.type:
        case 'Convolution' | 'Deconvolution':
            param = layer.convolution_param
            extent = conv_extent if layer.type == 'Convolution' else deconv_extent
            window = (param.kernel_size[0], *(param.stride or [1]), *(param.pad or [0]))
            return (images, param.num_output, *(extent(size, *window) for size in extents))
        case 'Pooling':
            pool = layer.pooling_param
            if pool.global_pooling:
                return (images, channels, *(1 for _ in extents))
            window = (pool.kernel_size, pool.stride, pool.pad)
            return (
                images,
                channels,
                *(pool_extent(size, *window, padded=pool.pad > 0) for size in extents),
            )
        case 'InnerProduct':
            return (images, layer.inner_product_param.num_output)
        case 'Concat':
            return (images, sum(bottom[1] for bottom in bottoms), *extents)
        case 'Maxout':
            return (images, channels // layer.maxout_param.num_pieces, *extents)
        case 'Pad':
            return (images, channels, *(size + 2 * layer.pad_param.pad[0] for size in extents))
    return bottoms[0]
