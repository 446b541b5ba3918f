"""Inception-v3, as published in 2015."""

from goodinit.caffe import layers as L
from goodinit.caffe import params as P
from published_nets import XAVIER, conv, pool, spec

# Each branch of a module is a chain of convolutions: width, then kernel (h or h, w; 1), stride (1),
# each padded so that the extents stay, unless it strides; 'ave' and 'max' pool first. A list of two
# ends the chain in a fork.
A = [[(64,)], [(48,), (64, 5)], [(64,), (96, 3), (96, 3)]]
B = [
    [(192,)],
    [(0,), (0, (1, 7)), (192, (7, 1))],
    [(0,), (0, (7, 1)), (0, (1, 7)), (0, (7, 1)), (192, (1, 7))],
    ['ave', (192,)],
]
FORK = [(384, (1, 3)), (384, (3, 1))]
C = [[(320,)], [(384,), FORK], [(448,), (384, 3), FORK]]
MODULES = {
    'a1': [*A, ['ave', (32,)]],
    'a2': [*A, ['ave', (64,)]],
    'a3': [*A, ['ave', (64,)]],
    'reduction_a': [[(384, 3, 2)], [(64,), (96, 3), (96, 3, 2)], ['max']],
    'b1': (B, 128),
    'b2': (B, 160),
    'b3': (B, 160),
    'b4': (B, 192),
    'reduction_b': [
        [(192,), (320, 3, 2)],
        [(192,), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)],
        ['max'],
    ],
    'c1': [*C, ['ave', (192,)]],
    'c2': [*C, ['max1', (192,)]],
}
POOLS = {'ave': (1, 1, P.Pooling.AVE), 'max1': (1, 1, P.Pooling.MAX), 'max': (2, 0, P.Pooling.MAX)}


def link(n, name, x, step, narrow):
    """One step of a branch; narrow: the width of those with 0."""
    if isinstance(step, str):
        n[name] = pool(x, 3, *POOLS[step])
        return n[name]
    width, kernel, stride = (*step, *(1, 1)[len(step) - 1 :])
    sides = [kernel] * 2 if isinstance(kernel, int) else list(kernel)
    pads = [side // 2 if stride == 1 else 0 for side in sides]
    return conv(n, name, x, width or narrow, sides, pad=pads, stride=stride)


def inception(n, name, x, branches, narrow=0):
    tops = []
    for i, branch in enumerate(branches):
        y = x
        for j, step in enumerate(branch):
            forks = step if isinstance(step, list) else [step]
            ends = [
                link(n, f'{name}_{i}_{j}{"ab"[k]}', y, fork, narrow) for k, fork in enumerate(forks)
            ]
            y = ends[0]
        tops += ends
    n[name] = L.Concat(*tops)
    return n[name]


def inception_v3(images=1, size=299):
    n = spec(images, size, size)
    x = conv(n, 'conv1_3x3_s2', n.data, 32, 3, stride=2)
    x = conv(n, 'conv3_3x3_s1', conv(n, 'conv2_3x3_s1', x, 32, 3), 64, 3, pad=1)
    x = n.pool1_3x3_s2 = pool(x, 3, 2)
    x = n.pool2_3x3_s2 = pool(
        conv(n, 'conv4_3x3', conv(n, 'conv4_3x3_reduce', x, 80), 192, 3), 3, 2
    )
    for name, module in MODULES.items():
        x = inception(
            n, f'inception_{name}', x, *(module if isinstance(module, tuple) else (module,))
        )
    n.pool_8x8_s1 = L.Pooling(x, pool=P.Pooling.AVE, global_pooling=True)
    n.classifier = L.InnerProduct(
        L.Dropout(n.pool_8x8_s1, in_place=True), num_output=1000, weight_filler=XAVIER
    )
    return n.to_proto()
