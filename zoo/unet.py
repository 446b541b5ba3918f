"""U-Net for the ISBI 2012 membranes, padded so that the output has the extent of the input."""

from typing import Any

from ..proto.caffe_pb2 import NetParameter
from ..proto.spec import NetBuilder
from .data import data_layer
from .model import BVLC, Model, accuracy, deploy_net, reflect_pad

RONNEBERGER = """
    test_iter: 5 test_interval: 1000
    base_lr: 0.001 momentum: 0.99 lr_policy: "fixed"
    display: 20 max_iter: 30000 snapshot: 10000
"""
LUTHER = """
    test_iter: 5 test_interval: 1000
    base_lr: 0.003 momentum: 0.9 lr_policy: "fixed"
    display: 20 max_iter: 10000
"""
WIDTHS = (64, 128, 256, 512, 1024)
DEEPEST = len(WIDTHS) - 1
SHAPE = (1, 1, 512, 512)
# The images' mean, and the reciprocal of their standard deviation.
TRANSFORM = {'scale': 0.0227, 'mean_value': [126]}


class UNet:
    """Ronneberger et al.'s net with the names of their release; calling it appends its body to a
    net.

    Level l holds the blobs d<l>a, d<l>b and d<l>c on the way down, u<l>a to u<l>d on the way up.
    reflect: pad by reflection instead of zeros.
    """

    def __init__(self, reflect: bool):
        self.reflect = reflect

    def __call__(self, net: NetBuilder, x: str) -> str:
        for level in range(DEEPEST + 1):
            x = self.down(net, x, level)
        for level in reversed(range(DEEPEST)):
            x = self.up(net, x, level)
        return net.conv('conv_u0d-score', x, 2, 1, weight='msra', top='score')

    def down(self, net: NetBuilder, x: str, level: int) -> str:
        """Two convolutions, except on the first level after pooling."""
        if level:
            x = net.pool(f'pool_d{level - 1}c-{level}a', x, 2, stride=2)
        x = self.conv(net, x, f'd{level}', 'a', WIDTHS[level])
        x = self.conv(net, x, f'd{level}', 'b', WIDTHS[level])
        if level >= DEEPEST - 1:
            x = net.dropout(f'dropout_d{level}c', x, 0.5)
        return x

    def up(self, net: NetBuilder, x: str, level: int) -> str:
        """Twice the extent, the blob of that extent from the way down, and two convolutions."""
        width = WIDTHS[level]
        name, top = f'upconv_{x}_u{level}a', f'u{level}a'
        settings: dict[str, Any] = {'weight': 'msra', 'type': 'Deconvolution', 'top': top}
        x = net.conv(name, x, width, 2, stride=2, **settings)
        both = [x, f'd{level}c']
        x = net.add('Concat', f'concat_d{level}c_u{level}a-b', both, top=f'u{level}b')
        x = self.conv(net, x, f'u{level}', 'b', width)
        return self.conv(net, x, f'u{level}', 'c', width)

    def conv(self, net: NetBuilder, x: str, level: str, part: str, width: int) -> str:
        """The 3x3 convolution and the ReLU that make the next blob of a level."""
        following = chr(ord(part) + 1)
        name, top = f'conv_{level}{part}-{following}', f'{level}{following}'
        pad = 1
        if self.reflect:
            x = reflect_pad(net, f'pad_{level}{part}', x, pad)
            pad = 0
        x = net.conv(name, x, width, 3, pad=pad, weight='msra', top=top)
        return net.relu(f'relu_{top}', x)


def train_val(body: UNet) -> NetParameter:
    """The net with its data; its labels are images too, with the class of each pixel."""
    net = NetBuilder('U-Net', BVLC)
    for phase, split in (('TRAIN', 'train'), ('TEST', 'val')):
        images, labels = f'isbi2012_{split}_image', f'isbi2012_{split}_label'
        data_layer(net, 'isbi_image', ['data'], phase, images, 1, transform_param=TRANSFORM)
        data_layer(net, 'isbi_label', ['label'], phase, labels, 1)
    scores = body(net, 'data')
    accuracy(net, 'accuracy', scores)
    net.add('SoftmaxWithLoss', 'loss', [scores, 'label'])
    return net.param


def unet(name: str, source: str, note: str, body: UNet, solver: str) -> Model:
    """The Model."""
    return Model(name, source, train_val(body), deploy_net('U-Net', SHAPE, body), solver, note)


def models() -> list[Model]:
    """U-Net with both kinds of padding."""
    padded = (
        'Padded, so that nothing is cropped; every pixel has the same weight in the loss. '
        'The paper gives the momentum and batches of one image, but no rate.'
    )
    reflected = 'The rate is one of the four that the paper searches.'
    zeros = 'U-Net (Ronneberger, Fischer & Brox 2015)'
    mirrors = 'U-Net with reflection padding (Luther & Seung 2019)'
    return [
        unet('unet', zeros, padded, UNet(reflect=False), RONNEBERGER),
        unet('unet/reflect', mirrors, reflected, UNet(reflect=True), LUTHER),
    ]
