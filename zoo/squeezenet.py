"""SqueezeNet 1.0, with the layer names of its published weights."""

from dataclasses import replace

from ..proto.spec import NetBuilder
from .data import imagenet
from .model import Model, classifier, gaussian

SOLVER = """
    test_iter: 2000 test_interval: 1000
    base_lr: 0.04 momentum: 0.9 weight_decay: 0.0002
    lr_policy: "poly" power: 1
    test_initialization: false iter_size: 16 random_seed: 42 average_loss: 40
    display: 40 max_iter: 170000 snapshot: 1000
"""
# The widths of fire2 to fire9: squeezed, and of each of the two expansions.
WIDTHS = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def body(net: NetBuilder, x: str) -> str:
    """Fire modules between two convolutions."""
    x = net.conv('conv1', x, 96, 7, stride=2)
    x = net.relu('relu_conv1', x)
    x = net.pool('pool1', x, 3, stride=2)
    for index, (squeeze, expand) in enumerate(WIDTHS, 2):
        x = fire(net, x, f'fire{index}', squeeze, expand)
        if index in (4, 8):
            x = net.pool(f'pool{index}', x, 3, stride=2)
    x = net.dropout('drop9', x, 0.5)
    # The published net pads this 1x1 convolution, which frames its output with the bias.
    x = net.conv('conv10', x, 1000, 1, pad=1, weight=gaussian(0.01))
    x = net.relu('relu_conv10', x)
    return net.pool('pool10', x, None, method='AVE')


def fire(net: NetBuilder, x: str, name: str, squeeze: int, expand: int) -> str:
    """Squeeze by 1x1 convolutions, expand by 1x1 and 3x3 ones."""
    x = conv(net, x, name, 'squeeze1x1', squeeze, 1)
    ones = conv(net, x, name, 'expand1x1', expand, 1)
    threes = conv(net, x, name, 'expand3x3', expand, 3)
    return net.add('Concat', f'{name}/concat', [ones, threes])


def conv(net: NetBuilder, x: str, folder: str, kind: str, width: int, kernel: int) -> str:
    """A convolution that keeps the extent, and its ReLU."""
    x = net.conv(f'{folder}/{kind}', x, width, kernel, pad=kernel // 2)
    return net.relu(f'{folder}/relu_{kind}', x)


def models() -> list[Model]:
    """SqueezeNet."""
    squeezenet = classifier(
        'squeezenet',
        title='SqueezeNet_v1.0',
        source='SqueezeNet 1.0 (Iandola et al. 2016)',
        data=replace(imagenet(227, (32, 25)), train_only={}),
        body=body,
        solver=SOLVER,
        multipliers=(),
        top5=True,
    )
    return [squeezenet]
