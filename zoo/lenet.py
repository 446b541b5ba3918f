"""LeNet for MNIST, as BVLC has it."""

from ..proto.spec import NetBuilder
from .data import MNIST
from .model import FAST_BIAS, Model, classifier

SOLVER = """
    test_iter: 100 test_interval: 500
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "inv" gamma: 0.0001 power: 0.75
    display: 100 max_iter: 10000 snapshot: 5000
"""


def body(net: NetBuilder, x: str) -> str:
    """Two convolutions with pooling, and two inner products."""
    x = net.conv('conv1', x, 20, 5)
    x = net.pool('pool1', x, 2, stride=2)
    x = net.conv('conv2', x, 50, 5)
    x = net.pool('pool2', x, 2, stride=2)
    x = net.inner_product('ip1', x, 500)
    x = net.relu('relu1', x)
    return net.inner_product('ip2', x, 10)


def models() -> list[Model]:
    """LeNet."""
    lenet = classifier(
        'lenet',
        title='LeNet',
        source='LeNet of BVLC Caffe, after LeCun et al. (1998)',
        data=MNIST,
        body=body,
        solver=SOLVER,
        multipliers=FAST_BIAS,
    )
    return [lenet]
