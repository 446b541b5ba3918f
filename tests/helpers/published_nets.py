"""Published classifiers of 2015 to 2018, written with NetSpec as the scripts of their authors write
them.

Each function gives a NetParameter for `images` images of `size` pixels a side.
published_dense_nets.py has nets that label pixels, published_detectors.py nets that find objects.
"""

import re

from goodinit.caffe import NetSpec
from goodinit.caffe import layers as L
from goodinit.caffe import params as P
from goodinit.proto.caffe_pb2 import NetParameter

MSRA, XAVIER = {'type': 'msra'}, {'type': 'xavier'}


def spec(images: int, height: int, width: int) -> NetSpec:
    """A net that has its input so far."""
    n = NetSpec()
    n.data = L.Input(shape={'dim': [images, 3, height, width]})
    return n


def thin(net: NetParameter, divisor: int, keep: str) -> NetParameter:
    """The net with that part of the channels, but in layers whose name the expression `keep`
    matches somewhere."""
    thinner = NetParameter()
    thinner.CopyFrom(net)
    for layer in thinner.layer:
        for param in (layer.convolution_param, layer.inner_product_param):
            if param.num_output and not (keep and re.search(keep, layer.name)):
                width = max(param.num_output // divisor, 1)
                if layer.convolution_param.group == param.num_output:  # depthwise
                    layer.convolution_param.group = width
                param.num_output = width
    return thinner


def standardize(n, name, x, relu=True, in_place=True):
    """BatchNorm, Scale and ReLU."""
    x = n[f'{name}/bn'] = L.BatchNorm(x, in_place=in_place)
    x = n[f'{name}/scale'] = L.Scale(x, bias_term=True, in_place=True)
    if relu:
        x = n[f'{name}/relu'] = L.ReLU(x, in_place=True)
    return x


def conv(n, name, x, width, kernel_size=1, relu=True, **fields):
    """A convolution without bias and what follows it in place."""
    x = n[name] = L.Convolution(
        x, num_output=width, kernel_size=kernel_size, bias_term=False, weight_filler=MSRA, **fields
    )
    return standardize(n, name, x, relu)


def pool(x, kernel_size, stride, pad=0, method=P.Pooling.MAX, **fields):
    return L.Pooling(x, pool=method, kernel_size=kernel_size, stride=stride, pad=pad, **fields)


# -- ResNet, SE-ResNet


def squeeze(n, name, x, width):
    """One factor for each of the `width` channels of each image."""
    y = n[f'{name}_global_pool'] = L.Pooling(x, pool=P.Pooling.AVE, global_pooling=True)
    for way, outputs, activation in (('down', width // 16, L.ReLU), ('up', width, L.Sigmoid)):
        y = n[f'{name}_1x1_{way}'] = L.Convolution(
            y, num_output=outputs, kernel_size=1, weight_filler=MSRA
        )
        y = n[f'{name}_{way}_act'] = activation(y, in_place=True)
    return y


def residual(n, name, x, width, stride, first, squeezed):
    """Three convolutions beside a shortcut."""
    y = conv(n, f'{name}_1x1_reduce', x, width, stride=stride)
    y = conv(n, f'{name}_3x3', y, width, 3, pad=1)
    y = conv(n, f'{name}_1x1_increase', y, 4 * width, relu=False)
    if first:
        x = conv(n, f'{name}_1x1_proj', x, 4 * width, relu=False, stride=stride)
    n[name] = L.Axpy(squeeze(n, name, y, 4 * width), y, x) if squeezed else L.Eltwise(x, y)
    x = n[f'{name}/relu'] = L.ReLU(n[name], in_place=True)
    return x


def resnet(images, size, blocks, squeezed=False):
    n = spec(images, size, size)
    n.pool1 = x = pool(conv(n, 'conv1', n.data, 64, 7, stride=2, pad=3), 3, 2)
    for stage, count in enumerate(blocks):
        for i in range(count):
            x = residual(
                n,
                f'conv{stage + 2}_{i + 1}',
                x,
                64 << stage,
                2 if stage and not i else 1,
                not i,
                squeezed,
            )
    n.pool5 = L.Pooling(x, pool=P.Pooling.AVE, kernel_size=size // 32, stride=1)
    n.classifier = L.InnerProduct(n.pool5, num_output=1000, weight_filler=XAVIER)
    return n.to_proto()


def resnet152(images=1, size=224):
    return resnet(images, size, (3, 8, 36, 3))


def se_resnet50(images=1, size=224):
    return resnet(images, size, (3, 4, 6, 3), squeezed=True)


# -- DenseNet


def densenet121(images=1, size=224):
    n = spec(images, size, size)
    x = n.pool1 = pool(
        conv(n, 'conv1', n.data, 64, 7, stride=2, pad=3), 3, 2, pad=1, round_mode=P.Pooling.FLOOR
    )
    width = 64
    for block, count in enumerate((6, 12, 24, 16), 2):
        for i in range(1, count + 1):
            x = dense(n, f'conv{block}_{i}', x)
        width += 32 * count
        x = standardize(n, f'conv{block}_blk', x, in_place=False)
        if block < 5:
            width //= 2
            n[f'conv{block}_blk'] = L.Convolution(
                x, num_output=width, kernel_size=1, bias_term=False, weight_filler=MSRA
            )
            x = n[f'pool{block}'] = pool(n[f'conv{block}_blk'], 2, 2, method=P.Pooling.AVE)
    n.pool5 = L.Pooling(x, pool=P.Pooling.AVE, global_pooling=True)
    n.fc6 = L.Convolution(n.pool5, num_output=1000, kernel_size=1, weight_filler=MSRA)
    return n.to_proto()


def dense(n, name, x):
    """32 channels more, computed from all channels so far."""
    y = conv(n, f'{name}/x1', standardize(n, f'{name}/x0', x, in_place=False), 128)
    y = n[f'{name}/x2'] = L.Convolution(
        y, num_output=32, kernel_size=3, pad=1, bias_term=False, weight_filler=MSRA
    )
    x = n[f'concat_{name}'] = L.Concat(x, y)
    return x


# -- MobileNet, ShuffleNet


def mobilenet(images=1, size=224):
    n = spec(images, size, size)
    x, width = conv(n, 'conv1', n.data, 32, 3, stride=2, pad=1), 32
    steps = [
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]
    for i, (top, stride) in enumerate(steps, 1):
        x = conv(
            n,
            f'conv{i}/dw',
            x,
            width,
            3,
            pad=1,
            stride=stride,
            group=width,
            engine=P.Convolution.CAFFE,
        )
        x, width = conv(n, f'conv{i}/sep', x, top), top
    n.pool6 = L.Pooling(x, pool=P.Pooling.AVE, global_pooling=True)
    n.fc7 = L.Convolution(n.pool6, num_output=1000, kernel_size=1, weight_filler=MSRA)
    return n.to_proto()


def shuffle_unit(n, name, x, below, width, first):
    """`first`: half the extents, and the channels of x pooled beside the new ones; else added to x.
    below: of x."""
    new, stride = (width - below, 2) if first else (width, 1)
    group = 1 if below == 24 else 3
    y = conv(n, f'{name}_conv1', x, width // 4, group=group)
    if group > 1:
        y = n[f'{name}_shuffle'] = L.ShuffleChannel(y, group=group)
    y = n[f'{name}_conv2'] = L.ConvolutionDepthwise(
        y,
        convolution_param={
            'num_output': width // 4,
            'kernel_size': 3,
            'stride': stride,
            'pad': 1,
            'bias_term': False,
            'weight_filler': MSRA,
        },
    )
    y = conv(
        n, f'{name}_conv3', standardize(n, f'{name}_conv2', y, relu=False), new, relu=False, group=3
    )
    if first:
        n[f'{name}_match'] = pool(x, 3, 2, method=P.Pooling.AVE)
    n[name] = L.Concat(n[f'{name}_match'], y) if first else L.Eltwise(x, y)
    x = n[f'{name}_relu'] = L.ReLU(n[name], in_place=True)
    return x


def shufflenet(images=1, size=224):
    n = spec(images, size, size)
    x = n.pool1 = pool(conv(n, 'conv1', n.data, 24, 3, stride=2, pad=1), 3, 2)
    below = 24
    for stage, (width, count) in enumerate(((240, 4), (480, 8), (960, 4)), 2):
        for i in range(count):
            x, below = shuffle_unit(n, f'res{stage}_{i + 1}', x, below, width, not i), width
    n.pool_ave = L.Pooling(x, pool=P.Pooling.AVE, global_pooling=True)
    n.fc1000 = L.Convolution(n.pool_ave, num_output=1000, kernel_size=1, weight_filler=MSRA)
    return n.to_proto()
