"""U-Net for the ISBI 2012 membranes, padded so that the output has the extent of the input."""

from collections.abc import Mapping
from typing import Any

from goodinit.proto.spec import NetBuilder

from .model import BVLC, Model, accuracy, data_layer, deploy_net, solver

WIDTHS = (64, 128, 256, 512, 1024)
SHAPE = (1, 1, 512, 512)
# The images' mean, and the reciprocal of their standard deviation.
TRANSFORM = {'scale': 0.0227, 'mean_value': [126]}


class UNet:
    """Ronneberger et al.'s net with the names of their release; calling it adds its body to a net.

    Level l holds the blobs d<l>a, d<l>b and d<l>c on the way down, u<l>a to u<l>d on the way up.
    reflect: pad by reflection instead of zeros.
    """

    def __init__(self, reflect: bool):
        self.reflect = reflect

    def __call__(self, net: NetBuilder, x: str) -> str:
        deepest = len(WIDTHS) - 1
        for level, width in enumerate(WIDTHS):
            if level:
                x = net.pool(f'pool_d{level - 1}c-{level}a', x, 2, stride=2)
            x = self.conv(net, self.conv(net, x, f'd{level}', 'a', width), f'd{level}', 'b', width)
            if level >= deepest - 1:
                x = net.dropout(f'dropout_d{level}c', x, 0.5)
        for level in reversed(range(deepest)):
            width = WIDTHS[level]
            x = net.conv(
                f'upconv_{x}_u{level}a',
                x,
                width,
                2,
                stride=2,
                weight='msra',
                type='Deconvolution',
                top=f'u{level}a',
            )
            x = net.add(
                'Concat', f'concat_d{level}c_u{level}a-b', [x, f'd{level}c'], top=f'u{level}b'
            )
            x = self.conv(net, self.conv(net, x, f'u{level}', 'b', width), f'u{level}', 'c', width)
        return net.conv('conv_u0d-score', x, 2, 1, weight='msra', top='score')

    def conv(self, net: NetBuilder, x: str, level: str, part: str, width: int) -> str:
        """The 3x3 convolution and the ReLU that make the next blob of a level."""
        following = chr(ord(part) + 1)
        pad = 1
        if self.reflect:
            x = net.add('Pad', f'pad_{level}{part}', x, pad_param={'mode': 'REFLECT', 'pad': [pad]})
            pad = 0
        x = net.conv(
            f'conv_{level}{part}-{following}',
            x,
            width,
            3,
            pad=pad,
            weight='msra',
            top=f'{level}{following}',
        )
        return net.relu(f'relu_{level}{following}', x)


def unet(name: str, source: str, note: str, reflect: bool, schedule: Mapping[str, Any]) -> Model:
    """The Model; its labels are images too, with the class of each pixel."""
    body = UNet(reflect)
    train_val = NetBuilder('U-Net', BVLC)
    for phase, split in (('TRAIN', 'train'), ('TEST', 'val')):
        data_layer(
            train_val,
            'isbi_image',
            ['data'],
            phase,
            f'isbi2012_{split}_image',
            1,
            transform_param=TRANSFORM,
        )
        data_layer(train_val, 'isbi_label', ['label'], phase, f'isbi2012_{split}_label', 1)
    scores = body(train_val, 'data')
    accuracy(train_val, 'accuracy', scores)
    train_val.add('SoftmaxWithLoss', 'loss', [scores, 'label'])
    return Model(name, source, train_val.param, deploy_net('U-Net', SHAPE, body), schedule, note)


def models() -> list[Model]:
    """The models of this file."""
    ronneberger = solver(
        5, 1000, 0.001, 'fixed', momentum=0.99, display=20, max_iter=30000, snapshot=10000
    )
    luther = solver(5, 1000, 0.003, 'fixed', display=20, max_iter=10000)
    note = 'Padded, so that nothing is cropped; every pixel has the same weight in the loss.'
    return [
        unet(
            'unet',
            'U-Net (Ronneberger, Fischer & Brox 2015)',
            f'{note} The paper gives the momentum and batches of one image, but no rate.',
            False,
            ronneberger,
        ),
        unet(
            'unet/reflect',
            'U-Net with reflection padding (Luther & Seung 2019)',
            'The rate is one of the four that the paper searches.',
            True,
            luther,
        ),
    ]
