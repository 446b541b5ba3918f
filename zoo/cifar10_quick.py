"""BVLC's quick net for CIFAR-10."""

from dataclasses import replace

from ..proto.spec import NetBuilder
from .data import cifar10
from .model import FAST_BIAS, Model, classifier, gaussian

# BVLC has two solvers, the second with a tenth of the rate, which are one here.
SOLVER = """
    test_iter: 100 test_interval: 500
    base_lr: 0.001 momentum: 0.9 weight_decay: 0.004
    lr_policy: "multistep" gamma: 0.1 stepvalue: 4000
    display: 100 max_iter: 5000 snapshot: 4000
"""


def body(net: NetBuilder, x: str) -> str:
    """Three convolutions with pooling, and two inner products."""
    x = net.conv('conv1', x, 32, 5, pad=2, weight=gaussian(0.0001))
    x = net.pool('pool1', x, 3, stride=2)
    x = net.relu('relu1', x)
    for index, width in ((2, 32), (3, 64)):
        x = net.conv(f'conv{index}', x, width, 5, pad=2, weight=gaussian(0.01))
        x = net.relu(f'relu{index}', x)
        x = net.pool(f'pool{index}', x, 3, stride=2, method='AVE')
    x = net.inner_product('ip1', x, 64, weight=gaussian(0.1))
    return net.inner_product('ip2', x, 10, weight=gaussian(0.1))


def models() -> list[Model]:
    """cifar10_quick."""
    quick = classifier(
        'cifar10_quick',
        title='CIFAR10_quick',
        source='cifar10_quick of BVLC Caffe, after cuda-convnet (Krizhevsky 2012)',
        data=replace(cifar10((100, 100)), train_only={}),
        body=body,
        solver=SOLVER,
        multipliers=FAST_BIAS,
        note='The mean pixel is subtracted instead of the mean image.',
    )
    return [quick]
