"""Published nets that label every pixel, 2015 to 2017, written with NetSpec: FCN-8s, SegNet,
PSPNet.

Each function gives a NetParameter for `images` images of the given extents.
"""

from goodinit.caffe import layers as L
from goodinit.caffe import params as P
from goodinit.caffe.coord_map import crop
from goodinit.proto.caffe_pb2 import TRAIN
from published_nets import MSRA, pool, spec

LEARNS = [{'lr_mult': 1, 'decay_mult': 1}, {'lr_mult': 2, 'decay_mult': 0}]
VGG = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


# -- FCN-8s


def conv_relu(n, name, x, width, kernel_size=3, pad=1):
    n[name] = L.Convolution(
        x, num_output=width, kernel_size=kernel_size, pad=pad, param=LEARNS, weight_filler=MSRA
    )
    x = n[f'relu_{name}'] = L.ReLU(n[name], in_place=True)
    return x


def score(n, name, x):
    n[name] = L.Convolution(x, num_output=21, kernel_size=1, param=LEARNS)
    return n[name]


def upscore(n, name, x, stride):
    """Enlarges by interpolation; the authors' solve.py fills its weights by hand."""
    n[name] = L.Deconvolution(
        x,
        param={'lr_mult': 0},
        convolution_param={
            'num_output': 21,
            'kernel_size': 2 * stride,
            'stride': stride,
            'bias_term': False,
            'weight_filler': {'type': 'bilinear'},
        },
    )
    return n[name]


def fcn8s(images=1, size=500):
    n = spec(images, size, size)
    x, pad = n.data, 100
    for block, (width, count) in enumerate(VGG, 1):
        for i in range(1, count + 1):
            x, pad = conv_relu(n, f'conv{block}_{i}', x, width, pad=pad), 1
        x = n[f'pool{block}'] = pool(x, 2, 2)
    for name, kernel_size in (('fc6', 7), ('fc7', 1)):
        x = n[f'drop_{name}'] = L.Dropout(
            conv_relu(n, name, x, 4096, kernel_size, pad=0), in_place=True
        )
    x = upscore(n, 'upscore2', score(n, 'score_fr', x), 2)
    for name, stride in (('pool4', 2), ('pool3', 8)):
        below = n[f'score_{name}c'] = crop(score(n, f'score_{name}', n[name]), x)
        n[f'fuse_{name}'] = L.Eltwise(x, below)
        x = upscore(n, f'upscore_{name}' if stride == 2 else 'upscore8', n[f'fuse_{name}'], stride)
    n.score = crop(x, n.data)
    n.label = L.Input(shape={'dim': [images, 1, size, size]}, include={'phase': TRAIN})
    n.loss = L.SoftmaxWithLoss(
        n.score,
        n.label,
        loss_param={'normalize': False, 'ignore_label': 255},
        include={'phase': TRAIN},
    )
    return n.to_proto()


# -- SegNet


def conv_bn(n, name, x, width):
    n[name] = L.Convolution(
        x, num_output=width, kernel_size=3, pad=1, param=LEARNS, weight_filler=MSRA
    )
    n[f'{name}_bn'] = L.BN(
        n[name], scale_filler={'value': 1}, shift_filler={'value': 0.001}, in_place=True
    )
    x = n[f'relu_{name}'] = L.ReLU(n[f'{name}_bn'], in_place=True)
    return x


def segnet(images=1, height=360, width=480):
    n = spec(images, height, width)
    x, extents = n.data, [(height, width)]
    for block, (channels, count) in enumerate(VGG, 1):
        for i in range(1, count + 1):
            x = conv_bn(n, f'conv{block}_{i}', x, channels)
        n[f'pool{block}'], n[f'pool{block}_mask'] = x, _ = pool(x, 2, 2, ntop=2)
        extents.append(tuple(-(-side // 2) for side in extents[-1]))
    for block, (channels, count) in reversed(list(enumerate(VGG, 1))):
        high, wide = extents[block - 1]
        x = n[f'pool{block}_D'] = L.Upsample(
            x, n[f'pool{block}_mask'], upsample_h=high, upsample_w=wide
        )
        for i in range(count, 1, -1):
            x = conv_bn(n, f'conv{block}_{i}_D', x, channels)
        if block > 1:
            x = conv_bn(n, f'conv{block}_1_D', x, VGG[block - 2][0])
    n.conv1_1_D = L.Convolution(
        x, num_output=11, kernel_size=3, pad=1, param=LEARNS, weight_filler=MSRA
    )
    return n.to_proto()


# -- PSPNet


def conv_slope(n, name, x, width, kernel_size=1, relu=True, **fields):
    n[name] = L.Convolution(
        x, num_output=width, kernel_size=kernel_size, bias_term=False, weight_filler=MSRA, **fields
    )
    x = n[f'{name}/bn'] = L.BN(
        n[name], slope_filler={'value': 1}, bias_filler={'value': 0}, momentum=0.95, in_place=True
    )
    if relu:
        x = n[f'{name}/relu'] = L.ReLU(x, in_place=True)
    return x


def bottleneck(n, name, x, width, stride, dilation, first):
    y = conv_slope(n, f'{name}_1x1_reduce', x, width, stride=stride)
    y = conv_slope(n, f'{name}_3x3', y, width, 3, pad=dilation, dilation=dilation)
    y = conv_slope(n, f'{name}_1x1_increase', y, 4 * width, relu=False)
    if first:
        x = conv_slope(n, f'{name}_1x1_proj', x, 4 * width, relu=False, stride=stride)
    n[name] = L.Eltwise(x, y)
    x = n[f'{name}/relu'] = L.ReLU(n[name], in_place=True)
    return x


def pspnet50(images=1, size=473):
    """size: 8 m - 7, where the map has extents m, a multiple of 6."""
    n = spec(images, size, size)
    x = conv_slope(n, 'conv1_1_3x3_s2', n.data, 64, 3, stride=2, pad=1)
    x = conv_slope(n, 'conv1_3_3x3', conv_slope(n, 'conv1_2_3x3', x, 64, 3, pad=1), 128, 3, pad=1)
    x = n.pool1_3x3_s2 = pool(x, 3, 2, pad=1)
    for stage, (count, width, stride, dilation) in enumerate(
        [(3, 64, 1, 1), (4, 128, 2, 1), (6, 256, 1, 2), (3, 512, 1, 4)], 2
    ):
        for i in range(count):
            x = bottleneck(n, f'conv{stage}_{i + 1}', x, width, 1 if i else stride, dilation, not i)
    extent = (size + 7) // 8
    parts = [x]
    for bins in (6, 3, 2, 1):
        name, side = f'conv5_3_pool{bins}', extent // bins
        n[name] = pool(x, side, side, method=P.Pooling.AVE)
        parts.append(
            L.Interp(conv_slope(n, f'{name}_conv', n[name], 512), height=extent, width=extent)
        )
    n.conv5_3_concat = L.Concat(*parts)
    x = L.Dropout(
        conv_slope(n, 'conv5_4', n.conv5_3_concat, 512, 3, pad=1), dropout_ratio=0.1, in_place=True
    )
    n.conv6 = L.Convolution(x, num_output=150, kernel_size=1, param=LEARNS, weight_filler=MSRA)
    n.conv6_interp = L.Interp(n.conv6, zoom_factor=8)
    return n.to_proto()
