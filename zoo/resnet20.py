"""ResNet-20 for CIFAR-10, with batch normalization and without."""

from ..proto.spec import NetBuilder
from .data import CIFAR10_SCALE, cifar10
from .model import Model, classifier

SOLVER = """
    test_iter: 100 test_interval: 1000
    base_lr: {rate} momentum: 0.9 weight_decay: 0.0001
    lr_policy: "multistep" gamma: 0.1 stepvalue: 32000 stepvalue: 48000
    display: 100 max_iter: 64000 snapshot: 10000
"""
WIDTHS = (16, 32, 64)  # of the stages
BLOCKS = 3  # in each
PROJECTED = 'Shortcuts that change shape are projections (option B).'


class ResNet20:
    """ResNet-20; calling it appends its body to a net."""

    def __init__(self, batch_norm: bool):
        self.batch_norm = batch_norm

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = self.conv(net, x, 'conv1', WIDTHS[0], 3)
        x = net.relu('conv1_relu', x)
        for stage, width in enumerate(WIDTHS, 1):
            for block in range(1, BLOCKS + 1):
                halves = stage > 1 and block == 1
                x = self.block(net, x, f'res{stage}_{block}', width, 2 if halves else 1)
        x = net.pool('pool', x, None, method='AVE')
        return net.inner_product('fc', x, 10, weight='msra')

    def block(self, net: NetBuilder, x: str, name: str, width: int, stride: int) -> str:
        """Two convolutions beside a shortcut, which is projected where the block halves."""
        shortcut = x
        if stride > 1:
            shortcut = self.conv(net, x, f'{name}_shortcut', width, 1, stride)
        x = self.conv(net, x, f'{name}_a', width, 3, stride)
        x = net.relu(f'{name}_a_relu', x)
        x = self.conv(net, x, f'{name}_b', width, 3)
        x = net.add('Eltwise', name, [shortcut, x])
        return net.relu(f'{name}_relu', x)

    def conv(
        self, net: NetBuilder, x: str, name: str, width: int, kernel: int, stride: int = 1
    ) -> str:
        """A convolution, standardized if the net is."""
        bias = None if self.batch_norm else 0
        pad = kernel // 2
        x = net.conv(name, x, width, kernel, pad=pad, stride=stride, weight='msra', bias=bias)
        if not self.batch_norm:
            return x
        x = net.in_place('BatchNorm', f'{name}_bn', x)
        return net.in_place('Scale', f'{name}_scale', x, scale_param={'bias_term': True})


def models() -> list[Model]:
    """Both forms of ResNet-20."""
    with_norm = classifier(
        'resnet20',
        title='ResNet-20',
        source='ResNet-20 (He, Zhang, Ren & Sun 2016)',
        data=cifar10(scale=CIFAR10_SCALE),
        body=ResNet20(batch_norm=True),
        solver=SOLVER.format(rate=0.1),
        multipliers=(),
        note=PROJECTED,
    )
    without = classifier(
        'resnet20/no_bn',
        title='ResNet-20',
        source='ResNet-20 without batch normalization',
        data=cifar10(scale=CIFAR10_SCALE),
        body=ResNet20(batch_norm=False),
        solver=SOLVER.format(rate=0.01),
        multipliers=(),
        note=f'{PROJECTED} The rate is a tenth of the published one.',
    )
    return [with_norm, without]
