"""ResNet-50, with the layer names of its published weights."""

from ..proto.spec import NetBuilder
from .data import imagenet
from .model import Model, classifier

SOLVER = """
    test_iter: 1000 test_interval: 5000
    base_lr: 0.1 momentum: 0.9 weight_decay: 0.0001
    lr_policy: "step" gamma: 0.1 stepsize: 150000
    iter_size: 8
    display: 20 max_iter: 600000 snapshot: 10000
"""
# The names of the stages' blocks, and the width of the 3x3 convolutions in them.
STAGES = {2: ('abc', 64), 3: ('abcd', 128), 4: ('abcdef', 256), 5: ('abc', 512)}


def body(net: NetBuilder, x: str) -> str:
    """He, Zhang, Ren & Sun's net of 50 layers."""
    x = net.conv('conv1', x, 64, 7, pad=3, stride=2, weight='msra', bias=0)
    x = standardize(net, x, '_conv1')
    x = net.relu('conv1_relu', x)
    x = net.pool('pool1', x, 3, stride=2)
    for stage, (blocks, width) in STAGES.items():
        for block in blocks:
            x = bottleneck(net, x, f'{stage}{block}', width)
    x = net.pool('pool5', x, 7, method='AVE')
    return net.inner_product('fc1000', x, 1000, weight='msra')


def bottleneck(net: NetBuilder, x: str, tag: str, width: int) -> str:
    """Three convolutions beside a shortcut, which the first block of a stage projects and, from the
    second stage on, halves."""
    is_first = tag.endswith('a')
    stride = 2 if is_first and tag != '2a' else 1
    shortcut = x
    if is_first:
        shortcut = conv(net, x, f'{tag}_branch1', 4 * width, 1, stride)
    x = conv(net, x, f'{tag}_branch2a', width, 1, stride)
    x = net.relu(f'res{tag}_branch2a_relu', x)
    x = conv(net, x, f'{tag}_branch2b', width, 3)
    x = net.relu(f'res{tag}_branch2b_relu', x)
    x = conv(net, x, f'{tag}_branch2c', 4 * width, 1)
    x = net.add('Eltwise', f'res{tag}', [shortcut, x])
    return net.relu(f'res{tag}_relu', x)


def conv(net: NetBuilder, x: str, tag: str, width: int, kernel: int, stride: int = 1) -> str:
    """A convolution without bias, standardized."""
    pad = kernel // 2
    x = net.conv(f'res{tag}', x, width, kernel, pad=pad, stride=stride, weight='msra', bias=None)
    return standardize(net, x, tag)


def standardize(net: NetBuilder, x: str, tag: str) -> str:
    """Batch normalization with a learned scale and shift, in place."""
    x = net.in_place('BatchNorm', f'bn{tag}', x)
    return net.in_place('Scale', f'scale{tag}', x, scale_param={'bias_term': True})


def models() -> list[Model]:
    """ResNet-50."""
    resnet50 = classifier(
        'resnet50',
        title='ResNet-50',
        source='ResNet-50 (He, Zhang, Ren & Sun 2016)',
        data=imagenet(224, (32, 50), images=1),
        body=body,
        solver=SOLVER,
        multipliers=(),
        note='The paper lowers the rate whenever the error stalls; here it falls at fixed '
        'iterations. Batches of 256 are made of eight.',
    )
    return [resnet50]
