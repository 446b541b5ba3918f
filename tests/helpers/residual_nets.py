"""Nets of residual blocks, with activations before or after their sums, and nets without their
BatchNorm."""

from goodinit.proto.caffe_pb2 import NetParameter
from small_nets import conv, data, fc, layer, relu


def scale(blob, shift=True):
    fields = f'scale_param {{ bias_term: {str(shift).lower()} }}'
    return layer('Scale', f'scale_{blob}', blob, blob, fields)


def batch_norm(blob):
    return layer('BatchNorm', f'bn_{blob}', blob, blob)


def block(name, bottom, outputs, projected=False, last='', fields=''):
    """Two convolutions beside their bottom or a projection of it, then a sum. `last`: the layers
    behind the second convolution; `fields`: of the second convolution."""
    text = conv(f'{name}a', bottom, outputs, more='pad: 1') + relu(f'{name}a')
    text += conv(f'{name}b', f'{name}a', outputs, more='pad: 1', fields=fields) + last
    if projected:
        text += conv(f'{name}p', bottom, outputs, 1)
    skip = f'{name}p' if projected else bottom
    return text + layer('Eltwise', name, f'{skip} {name}b')


def residual_net(blocks=6, after=True, projected=(3,), normalized=False):
    """`blocks` residual blocks, those in `projected` with a projection; ReLU behind each sum, or
    nothing at all; BatchNorm and Scale at the end of each branch if `normalized`."""
    text = data('8 3 12 12') + conv('c', 'data', 8)
    text += relu('c') if after else ''
    below = 'c'
    for k in range(blocks):
        name = f's{k}'
        last = batch_norm(f'{name}b') + scale(f'{name}b') if normalized else ''
        outputs = 12 if k >= 3 and 3 in projected else 8
        text += block(name, below, outputs, k in projected, last)
        text += relu(name) if after else ''
        below = name
    return text + fc('f', below, 5)


def without_batch_norm(net, size=64, images=8):
    """A net's message without BatchNorm and Scale, which must be in place, on small images."""
    found = NetParameter()
    found.CopyFrom(net)
    del found.layer[:]
    for each in net.layer:
        if each.type not in ('BatchNorm', 'Scale'):
            found.layer.add().CopyFrom(each)
        if each.type == 'Pooling' and each.pooling_param.kernel_size == 7:
            pooling = found.layer[-1].pooling_param
            pooling.ClearField('kernel_size')
            pooling.ClearField('stride')
            pooling.global_pooling = True
        if each.type == 'Input':
            shape = found.layer[-1].input_param.shape[0]
            shape.dim[:] = [images, 3, size, size]
    return found
