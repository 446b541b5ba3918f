"""Network in Network for CIFAR-10."""

from typing import Any

from ..proto.spec import NetBuilder
from .data import cifar10
from .model import Model, classifier, gaussian

SOLVER = """
    test_iter: 100 test_interval: 500
    base_lr: 0.1 momentum: 0.9 weight_decay: 0.0001
    lr_policy: "step" gamma: 0.1 stepsize: 100000
    display: 100 max_iter: 120000 snapshot: 10000
"""
WHITENED = (
    'Mean subtraction stands in for the contrast normalization and whitening of the published data.'
)
# The multipliers of the last layer.
SLOW = ({'lr_mult': 0.1, 'decay_mult': 1}, {'lr_mult': 0.1, 'decay_mult': 0})


def body(net: NetBuilder, x: str) -> str:
    """Three convolutions, each followed by a perceptron of two layers at every position."""
    x = block(net, x, 1, (192, 160, 96), 5)
    x = net.pool('pool1', x, 3, stride=2)
    x = net.dropout('drop3', x, 0.5)
    x = block(net, x, 2, (192, 192, 192), 5)
    x = net.pool('pool2', x, 3, stride=2, method='AVE')
    x = net.dropout('drop6', x, 0.5)
    x = block(net, x, 3, (192, 192, 10), 3)
    return net.pool('pool3', x, 8, method='AVE')


def block(net: NetBuilder, x: str, index: int, widths: tuple[int, int, int], kernel: int) -> str:
    """A convolution and the perceptron over its outputs."""
    x = net.conv(f'conv{index}', x, widths[0], kernel, pad=kernel // 2, weight=gaussian(0.05))
    x = net.relu(f'relu{index}', x)
    for cccp, width in enumerate(widths[1:], 2 * index - 1):
        fields: dict[str, Any] = {'weight': gaussian(0.05)}
        if cccp == 6 and net.multipliers:
            fields['param'] = SLOW
        x = net.conv(f'cccp{cccp}', x, width, 1, **fields)
        x = net.relu(f'relu_cccp{cccp}', x)
    return x


def models() -> list[Model]:
    """Network in Network."""
    nin = classifier(
        'nin_cifar10',
        title='CIFAR10_NIN',
        source='Network in Network (Lin, Chen & Yan 2014)',
        data=cifar10(),
        body=body,
        solver=SOLVER,
        note=WHITENED,
    )
    return [nin]
