"""Random valid configurations of the layers for dense prediction and of small nets; see
configurations.py."""

from math import prod

from case import case, integers, positive, spread
from configurations import number, of, one, shape, some


def image(draw, most=4):
    return tuple(some(draw, 1, extent) for extent in (2, 2, most, most))


@of('Axpy')
def axpy(draw, type):
    x = shape(draw, 2)
    a = x[:2] + one(draw, (), (1,) * (len(x) - 2))
    return case(type, a=a, x=x, y0=x)


@of('BN')
def bn(draw, type):
    x = (some(draw, 2, 3), *image(draw, 3)[1:])
    mode = one(
        draw,
        'bn_mode: LEARN',
        'bn_mode: INFERENCE',
        'shift_filler { }',
        'slope_filler { }',
        'frozen: true',
        f'momentum: {number(draw, 0, 1)} eps: 0.1',
        f'decay: {number(draw, 0, 1)} var_eps: 0.1 axis: 2',
        'moving_average: true',
    )
    return case(
        type,
        f'bn_param {{ {mode} }}',
        train=one(draw, True, False),
        params={3: positive(x[2 if 'axis' in mode else 1])},
        x=x,
    )


@of('ConvolutionDepthwise', 'DepthwiseConvolution')
def depthwise_convolution(draw, type):
    x = (some(draw, 1, 2), some(draw), *image(draw)[2:])
    fields = (
        f'num_output: {x[1] * some(draw, 1, 2)} kernel_size: {some(draw, 1, min(x[2:]))} '
        f'stride: {some(draw)} {one(draw, "", f"group: {x[1]}", "pad: 1")}'
    )
    return case(type, f'convolution_param {{ {fields} }}', x=x)


@of('Interp')
def interp(draw, type):
    x = (*image(draw)[:2], some(draw, 2, 5), some(draw, 2, 5))
    extents = one(
        draw,
        f'height: {some(draw, 1, 6)} width: {some(draw, 1, 6)}',
        f'zoom_factor: {some(draw)}',
        f'shrink_factor: {some(draw)}',
        f'zoom_factor: {some(draw)} shrink_factor: {some(draw)}',
    )
    return case(
        type, f'interp_param {{ {extents} {one(draw, "", "pad_beg: -1", "pad_end: -1")} }}', x=x
    )


@of('ReLU6')
def relu6(draw, type):
    return case(
        type,
        f'relu6_param {{ negative_slope: {one(draw, 0, 0.25)} }}',
        x=spread(*shape(draw), low=-3, high=9),
    )


@of('ShuffleChannel')
def shuffle_channel(draw, type):
    group, x = some(draw), shape(draw, 2)
    return case(type, f'shuffle_channel_param {{ group: {group} }}', x=(x[0], x[1] * group, *x[2:]))


@of('Unpooling')
def unpooling(draw, type):
    x, stride, kernel = image(draw), some(draw), some(draw)
    method = one(draw, 'MAX', 'AVE', 'TILE')
    kernel = min(kernel, stride) if method == 'TILE' else kernel
    extents = [(n - 1) * stride + some(draw, 1, 4) for n in x[2:]]
    masked = method == 'MAX' and one(draw, True, False)
    mask = {'mask': integers(*x, below=extents[0] * extents[1])} if masked else {}
    return case(
        type,
        f'unpooling_param {{ unpool: {method} kernel_size: {kernel} stride: {stride} '
        f'unpool_h: {extents[0]} unpool_w: {extents[1]} }}',
        x=x,
        **mask,
    )


@of('Upsample')
def upsample(draw, type):
    x, scale = image(draw), some(draw)
    fields = one(draw, f'scale: {scale}', f'scale_h: {scale} scale_w: {scale}')
    mask = one(draw, {}, {'mask': integers(*x, below=scale * x[2] * scale * x[3])})
    return case(type, f'upsample_param {{ {fields} }}', x=x, **mask)


@of('SegAccuracy')
def seg_accuracy(draw, type):
    x = shape(draw, 2)
    label = (x[0], 1, *x[2:])
    fields = f'seg_accuracy_param {{ ignore_label: {x[1]} ignore_label: {some(draw, 0, 2)} }}'
    return case(type, fields, down='', x=x, label=integers(*label, below=x[1] + 1))


@of('CenterLoss')
def center_loss(draw, type):
    x, classes = shape(draw, 2), some(draw)
    axis = some(draw, 1, len(x) - 1)
    samples = prod(x[:axis])
    fields = f'center_loss_param {{ num_output: {classes} axis: {axis} }}'
    return case(type, fields, ruled=[0], x=x, label=integers(samples, below=classes))
