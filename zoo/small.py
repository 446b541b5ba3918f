"""LeNet for MNIST; cifar10_quick, Network in Network and ALL-CNN-C for CIFAR-10."""

from dataclasses import replace
from typing import Any

from goodinit.proto.spec import NetBuilder

from .model import Data, Model, cifar10, classifier, solver

MNIST = Data('mnist', 'mnist', (64, 1, 28, 28), (64, 100), {'scale': 0.00390625})
FAST_BIAS = ({'lr_mult': 1}, {'lr_mult': 2})
# CIFAR-10's pixels scaled to a variance near 1.
CIFAR10_SCALE = 0.015625
WHITENED = (
    'Mean subtraction stands in for the contrast normalization and whitening of the published data.'
)


def gaussian(std: float) -> dict[str, Any]:
    """The fields of a gaussian filler."""
    return {'type': 'gaussian', 'std': std}


def lenet() -> Model:
    """BVLC's LeNet."""

    def body(net: NetBuilder, x: str) -> str:
        x = net.pool('pool1', net.conv('conv1', x, 20, 5), 2, stride=2)
        x = net.pool('pool2', net.conv('conv2', x, 50, 5), 2, stride=2)
        x = net.relu('relu1', net.inner_product('ip1', x, 500))
        return net.inner_product('ip2', x, 10)

    schedule = solver(
        100,
        500,
        0.01,
        'inv',
        gamma=0.0001,
        power=0.75,
        weight_decay=0.0005,
        max_iter=10000,
        snapshot=5000,
    )
    return classifier(
        'lenet',
        'LeNet of BVLC Caffe, after LeCun et al. (1998)',
        'LeNet',
        MNIST,
        body,
        schedule,
        multipliers=FAST_BIAS,
    )


def cifar10_quick() -> Model:
    """BVLC's quick CIFAR-10 net; its two solvers, the second with a tenth of the rate, are one
    here."""

    def body(net: NetBuilder, x: str) -> str:
        x = net.conv('conv1', x, 32, 5, pad=2, weight=gaussian(0.0001))
        x = net.relu('relu1', net.pool('pool1', x, 3, stride=2))
        for index, width in ((2, 32), (3, 64)):
            x = net.conv(f'conv{index}', x, width, 5, pad=2, weight=gaussian(0.01))
            x = net.pool(f'pool{index}', net.relu(f'relu{index}', x), 3, stride=2, method='AVE')
        x = net.inner_product('ip1', x, 64, weight=gaussian(0.1))
        return net.inner_product('ip2', x, 10, weight=gaussian(0.1))

    data = replace(cifar10((100, 100)), train_only={})
    schedule = solver(
        100,
        500,
        0.001,
        'multistep',
        weight_decay=0.004,
        gamma=0.1,
        stepvalue=[4000],
        max_iter=5000,
        snapshot=4000,
    )
    return classifier(
        'cifar10_quick',
        'cifar10_quick of BVLC Caffe, after cuda-convnet (Krizhevsky 2012)',
        'CIFAR10_quick',
        data,
        body,
        schedule,
        multipliers=FAST_BIAS,
        note='The mean pixel is subtracted instead of the mean image.',
    )


def nin_cifar10() -> Model:
    """Three convolutions, each followed by a perceptron of two layers at every position."""
    slow = ({'lr_mult': 0.1, 'decay_mult': 1}, {'lr_mult': 0.1, 'decay_mult': 0})

    def block(
        net: NetBuilder, x: str, index: int, widths: tuple[int, int, int], kernel: int
    ) -> str:
        x = net.conv(f'conv{index}', x, widths[0], kernel, pad=kernel // 2, weight=gaussian(0.05))
        x = net.relu(f'relu{index}', x)
        for cccp, width in enumerate(widths[1:], 2 * index - 1):
            param: dict[str, Any] = {'param': slow} if cccp == 6 and net.multipliers else {}
            x = net.conv(f'cccp{cccp}', x, width, 1, weight=gaussian(0.05), **param)
            x = net.relu(f'relu_cccp{cccp}', x)
        return x

    def body(net: NetBuilder, x: str) -> str:
        x = block(net, x, 1, (192, 160, 96), 5)
        x = net.dropout('drop3', net.pool('pool1', x, 3, stride=2), 0.5)
        x = block(net, x, 2, (192, 192, 192), 5)
        x = net.dropout('drop6', net.pool('pool2', x, 3, stride=2, method='AVE'), 0.5)
        x = block(net, x, 3, (192, 192, 10), 3)
        return net.pool('pool3', x, 8, method='AVE')

    schedule = solver(
        100,
        500,
        0.1,
        'step',
        gamma=0.1,
        stepsize=100000,
        weight_decay=0.0001,
        max_iter=120000,
        snapshot=10000,
    )
    return classifier(
        'nin_cifar10',
        'Network in Network (Lin, Chen & Yan 2014)',
        'CIFAR10_NIN',
        cifar10(),
        body,
        schedule,
        note=WHITENED,
    )


class AllCnnC:
    """ALL-CNN-C; calling it adds its body to a net. reflect: in the form of Luther & Seung."""

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
            x = net.add('Pad', f'pad{index}', x, pad_param={'mode': 'REFLECT', 'pad': [pad]})
            pad = 0
        x = net.conv(f'conv{index}', x, width, kernel_size, pad=pad, stride=stride, weight='msra')
        return net.relu(f'relu{index}', x)


def all_cnn_c() -> list[Model]:
    """ALL-CNN-C as Springenberg et al. and as Luther & Seung have it."""
    # The rate falls after 200, 250 and 300 of 350 epochs of 391 iterations.
    springenberg = solver(
        100,
        1000,
        0.05,
        'multistep',
        gamma=0.1,
        stepvalue=[78200, 97750, 117300],
        weight_decay=0.001,
        max_iter=136850,
        snapshot=20000,
    )
    luther = solver(100, 1000, 0.003, 'fixed', max_iter=10000)
    data = cifar10(scale=CIFAR10_SCALE)
    return [
        classifier(
            'all_cnn_c',
            'ALL-CNN-C (Springenberg, Dosovitskiy, Brox & Riedmiller 2015)',
            'ALL-CNN-C',
            data,
            AllCnnC(reflect=False),
            springenberg,
            note=f'{WHITENED} Batches of 128 and the fillers are our choice.',
        ),
        classifier(
            'all_cnn_c/reflect',
            'ALL-CNN-C with reflection padding (Luther & Seung 2019)',
            'ALL-CNN-C',
            data,
            AllCnnC(reflect=True),
            luther,
            note='The paper counts nine convolutions, a global pooling layer and a fully connected '
            'layer, without widths: here the ninth convolution has 10 outputs.',
        ),
    ]


def models() -> list[Model]:
    """The models of this file."""
    return [lenet(), cifar10_quick(), nin_cifar10(), *all_cnn_c()]
