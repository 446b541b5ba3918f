"""ALL-CNN-C for CIFAR-10, as Springenberg et al. and as Luther & Seung have it."""

from ..proto.spec import NetBuilder
from .data import CIFAR10_SCALE, cifar10
from .model import Model, classifier, reflect_pad
from .nin import WHITENED

# The rate falls after 200, 250 and 300 of 350 epochs of 391 iterations.
SPRINGENBERG = """
    test_iter: 100 test_interval: 1000
    base_lr: 0.05 momentum: 0.9 weight_decay: 0.001
    lr_policy: "multistep" gamma: 0.1 stepvalue: 78200 stepvalue: 97750 stepvalue: 117300
    display: 100 max_iter: 136850 snapshot: 20000
"""
LUTHER = """
    test_iter: 100 test_interval: 1000
    base_lr: 0.003 momentum: 0.9 lr_policy: "fixed"
    display: 100 max_iter: 10000
"""


class AllCnnC:
    """ALL-CNN-C; calling it appends its body to a net. reflect: in the form of Luther & Seung."""

    def __init__(self, reflect: bool):
        self.reflect = reflect

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = net.dropout('data_drop', x, 0.2)
        for index, width in ((1, 96), (4, 192)):
            x = self.conv(net, x, index, width)
            x = self.conv(net, x, index + 1, width)
            x = self.conv(net, x, index + 2, width, stride=2)
            x = net.dropout(f'conv{index + 2}_drop', x, 0.5)
        x = self.conv(net, x, 7, 192, pad=1 if self.reflect else 0)
        x = self.conv(net, x, 8, 192, kernel_size=1, pad=0)
        x = self.conv(net, x, 9, 10, kernel_size=1, pad=0)
        x = net.pool('pool', x, None, method='AVE')
        return net.inner_product('ip', x, 10, weight='msra') if self.reflect else x

    def conv(
        self,
        net: NetBuilder,
        x: str,
        index: int,
        width: int,
        kernel_size: int = 3,
        pad: int = 1,
        stride: int = 1,
    ) -> str:
        """A padded convolution and its ReLU."""
        if pad and self.reflect:
            x = reflect_pad(net, f'pad{index}', x, pad)
            pad = 0
        x = net.conv(f'conv{index}', x, width, kernel_size, pad=pad, stride=stride, weight='msra')
        return net.relu(f'relu{index}', x)


def models() -> list[Model]:
    """Both forms of ALL-CNN-C."""
    springenberg = classifier(
        'all_cnn_c',
        title='ALL-CNN-C',
        source='ALL-CNN-C (Springenberg, Dosovitskiy, Brox & Riedmiller 2015)',
        data=cifar10(scale=CIFAR10_SCALE),
        body=AllCnnC(reflect=False),
        solver=SPRINGENBERG,
        note=f'{WHITENED} Batches of 128 and the fillers are our choice.',
    )
    luther = classifier(
        'all_cnn_c/reflect',
        title='ALL-CNN-C',
        source='ALL-CNN-C with reflection padding (Luther & Seung 2019)',
        data=cifar10(scale=CIFAR10_SCALE),
        body=AllCnnC(reflect=True),
        solver=LUTHER,
        note='The paper counts nine convolutions, a global pooling layer and a fully connected '
        'layer, without widths: here the ninth convolution has 10 outputs.',
    )
    return [springenberg, luther]
