"""AlexNet and CaffeNet, with the layer names of their published weights."""

from ..proto.spec import NetBuilder
from .data import imagenet
from .model import Model, classifier, gaussian

SOLVER = """
    test_iter: 1000 test_interval: 1000
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "step" gamma: 0.1 stepsize: 100000
    display: 20 max_iter: 450000 snapshot: 10000
"""


class AlexNet:
    """BVLC's two forms of Krizhevsky et al.'s net; calling it appends its body to a net.

    pool_first: CaffeNet's order, pooling before normalization. normalize: with local response
    normalization. bias: the constant in the biases of conv2, conv4, conv5, fc6 and fc7. centered:
    with so much padding that place i of conv5 is around pixel 16 i of the image.
    """

    def __init__(
        self, pool_first: bool, bias: float, normalize: bool = True, centered: bool = False
    ):
        self.pool_first = pool_first
        self.bias = bias
        self.normalize = normalize
        self.centered = centered

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = self.convolve(net, x)
        x = net.pool('pool5', x, 3, stride=2)
        x = self.connect(net, x)
        return net.inner_product('fc8', x, 1000, weight=gaussian(0.01))

    def convolve(self, net: NetBuilder, x: str) -> str:
        """The convolutions, up to relu5."""
        weight = gaussian(0.01)
        pad = 5 if self.centered else 0
        x = net.conv('conv1', x, 96, 11, pad=pad, stride=4, weight=weight)
        x = net.relu('relu1', x)
        x = self.reduce(net, x, 1)
        x = net.conv('conv2', x, 256, 5, pad=2, group=2, weight=weight, bias=self.bias)
        x = net.relu('relu2', x)
        x = self.reduce(net, x, 2)
        x = net.conv('conv3', x, 384, 3, pad=1, weight=weight)
        x = net.relu('relu3', x)
        x = net.conv('conv4', x, 384, 3, pad=1, group=2, weight=weight, bias=self.bias)
        x = net.relu('relu4', x)
        x = net.conv('conv5', x, 256, 3, pad=1, group=2, weight=weight, bias=self.bias)
        return net.relu('relu5', x)

    def reduce(self, net: NetBuilder, x: str, index: int) -> str:
        """Pooling and normalization, in the net's order."""
        pad = 1 if self.centered else 0
        if self.pool_first:
            x = net.pool(f'pool{index}', x, 3, stride=2, pad=pad)
        if self.normalize:
            x = lrn(net, f'norm{index}', x)
        if not self.pool_first:
            x = net.pool(f'pool{index}', x, 3, stride=2, pad=pad)
        return x

    def connect(self, net: NetBuilder, x: str) -> str:
        """The inner products, up to drop7."""
        for index in (6, 7):
            x = net.inner_product(f'fc{index}', x, 4096, weight=gaussian(0.005), bias=self.bias)
            x = net.relu(f'relu{index}', x)
            x = net.dropout(f'drop{index}', x, 0.5)
        return x


def lrn(net: NetBuilder, name: str, x: str) -> str:
    """Local response normalization over 5 channels."""
    return net.add('LRN', name, x, lrn_param={'local_size': 5, 'alpha': 0.0001, 'beta': 0.75})


def alexnet(name: str, title: str, source: str, body: AlexNet) -> Model:
    """One of the forms as a Model."""
    return classifier(
        name,
        title=title,
        source=source,
        data=imagenet(227, (256, 50)),
        body=body,
        solver=SOLVER,
        note='The mean pixel is subtracted instead of the mean image.',
    )


def models() -> list[Model]:
    """AlexNet, CaffeNet, and CaffeNet without normalization."""
    return [
        alexnet(
            'alexnet',
            'AlexNet',
            'bvlc_alexnet, after Krizhevsky, Sutskever & Hinton (2012)',
            AlexNet(pool_first=False, bias=0.1),
        ),
        alexnet(
            'caffenet',
            'CaffeNet',
            'bvlc_reference_caffenet (Jia et al. 2014)',
            AlexNet(pool_first=True, bias=1),
        ),
        alexnet(
            'caffenet/no_lrn',
            'CaffeNet',
            'bvlc_reference_caffenet without local response normalization',
            AlexNet(pool_first=True, bias=1, normalize=False),
        ),
    ]
