"""What the tests of shared memory have in common: nets with something in every parameter, inputs,
and random nets."""

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto import parse_net
from small_nets import FILLER, data, fc, layer

# Layers that leave the extents of an image, 5 x 5, as they are.
ALONE = {
    'Convolution': f'convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 {FILLER} }} ',
    'ReLU': 'relu_param { negative_slope: 0.1 } ',
    'Dropout': '',
    'BatchNorm': '',
    'Scale': 'scale_param { bias_term: true } ',
    'Power': 'power_param { power: 2 scale: 0.1 shift: 0.5 } ',
    'Pooling': 'pooling_param { kernel_size: 3 stride: 1 pad: 1 } ',
    'Reshape': 'reshape_param { shape { dim: 0 dim: -1 dim: 5 dim: 5 } } ',
}
IN_PLACE = ('ReLU', 'Dropout', 'BatchNorm', 'Scale', 'Power')
JOINING = {'Eltwise': 'eltwise_param { operation: PROD } ', 'Concat': ''}


def filled(param, phase, engine='fast'):
    """A net of whose parameters none are zero."""
    net, rng = Net(param, phase, seed=0, engine=engine), np.random.default_rng(0)
    fill(net, rng)
    for weight in net.all_params():
        if not weight.data.any():
            weight.data = rng.uniform(0.01, 0.02, weight.shape)
    return net


def put_inputs(net, seed):
    rng = np.random.default_rng(seed)
    for name in net.inputs:
        blob = net.blobs[name]
        blob.data = (
            rng.integers(0, 2, blob.shape) if 'label' in name else rng.standard_normal(blob.shape)
        )


def loss(bottom, weight=1):
    """The sum of the squares of a blob."""
    return layer(
        'Reduction',
        f'loss_{bottom}',
        bottom,
        fields=f'reduction_param {{ operation: SUMSQ }} loss_weight: {weight}',
    )


def random_net(seed):
    """A net of layers drawn at random, each on one of the last blobs: in place and not, with
    several readers and none, with losses in between and bottoms that get no gradient."""
    rng = np.random.default_rng(seed)
    text = (
        'force_backward: true\n' * int(rng.random() < 0.3)
        + data('2 4 5 5')
        + data('2 4 5 5', 'more')
    )
    channels, unread = {'data': 4, 'more': 4}, set()
    for k in range(rng.integers(5, 18)):
        x, kind = (
            str(rng.choice(list(channels)[-4:])),
            str(rng.choice([*ALONE, *JOINING, 'Slice', 'Silence'])),
        )
        n, bottoms, tops = channels[x], [x], [f'b{k}']
        if kind in IN_PLACE and x in unread and rng.random() < 0.7:
            tops = [x]
        elif kind in JOINING:
            bottoms.append(str(rng.choice([name for name in channels if channels[name] == n])))
            n *= 1 + (kind == 'Concat')
        elif kind == 'Slice':
            if n % 2:
                continue
            n, tops = n // 2, [f'b{k}', f'c{k}']
        n, tops = 4 if kind == 'Convolution' else n, tops if kind != 'Silence' else []
        down = (
            f'propagate_down: {str(rng.random() < 0.5).lower()} '
            * len(bottoms)
            * int(rng.random() < 0.1)
        )
        text += layer(
            kind,
            f'l{k}',
            ' '.join(bottoms),
            ' '.join(tops),
            ALONE.get(kind, JOINING.get(kind, '')) + down,
        )
        channels.update(dict.fromkeys(tops, n))
        unread = unread - {*bottoms} | {*tops}
        if tops and rng.random() < 0.1:
            text += loss(tops[0], rng.random())
            unread -= {*tops}
    last = list(channels)[-1]
    return parse_net(text + fc('end', last, 3) + loss('end'))
