"""The FitNets of Mishkin & Matas (2016): Tables 1 and 8, the nonlinearities of Tables 3 to 5."""

from dataclasses import dataclass, field
from typing import Any

from ..proto.spec import NetBuilder
from .data import CIFAR10_SCALE, cifar10
from .model import BVLC, Model, classifier

# The settings of the published FitNet-4 solvers.
SOLVER = """
    test_iter: 100 test_interval: 1000
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "multistep" gamma: 0.1 stepvalue: 40000 stepvalue: 60000 stepvalue: 80000
    display: 100 max_iter: 90000 snapshot: 10000
"""
SAME_RATE = (BVLC[0], {'lr_mult': 1, 'decay_mult': 0})
WIDTHS = {
    'fitnet1': ((16, 16, 16), (32, 32, 32), (48, 48, 64)),
    'fitnet4': ((32, 32, 32, 48, 48), (80,) * 6, (128,) * 6),
    # Every even convolution keeps its input's width, so that the two can be summed.
    'fitresnet4': ((32, 32, 48, 48, 48), (80,) * 6, (128,) * 6),
}
TITLES = {'fitnet1': 'FitNet-1', 'fitnet4': 'FitNet-4', 'fitresnet4': 'FitResNet-4'}
CONTRAST = 'A common mean and scale stand in for the contrast normalization of the published data.'
SIX_NOT_FIVE = (
    'Table 1 prints five convolutions in blocks 2 and 3, of FitNet-4 too, which has six (Table 8): '
    'six here.'
)


@dataclass(frozen=True)
class Nonlinearity:
    """type: of its layer. filler: of the weights before it. title: its name in a sentence.
    pieces: the outputs of a layer before it, for each of its own."""

    type: str
    filler: str
    title: str
    fields: dict[str, Any] = field(default_factory=dict)
    pieces: int = 1


VERY_LEAKY = {'relu_param': {'negative_slope': 0.333}}
NONLINEARITIES = {
    'relu': Nonlinearity('ReLU', 'msra', 'ReLU'),
    'vlrelu': Nonlinearity('ReLU', 'msra', 'very leaky ReLU', VERY_LEAKY),
    'tanh': Nonlinearity('TanH', 'xavier', 'tanh'),
    'sigmoid': Nonlinearity('Sigmoid', 'xavier', 'sigmoid'),
    'maxout': Nonlinearity('Maxout', 'xavier', 'maxout', pieces=2),
}


class FitNet:
    """One member of the family; calling it appends its body to a net.

    kind: a key of NONLINEARITIES; maxout has 5 pieces in the fully connected layer. batch_norm: ''
    for none, else 'before' or 'after' the nonlinearity.
    """

    def __init__(self, architecture: str, kind: str, batch_norm: str = ''):
        self.widths = WIDTHS[architecture]
        self.residual = architecture == 'fitresnet4'
        self.kind = kind
        self.nonlinearity = NONLINEARITIES[kind]
        self.filler = self.nonlinearity.filler
        self.is_maxout = kind == 'maxout'
        self.batch_norm = batch_norm

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = net.dropout('data_drop', x, 0.2)
        for block, widths in enumerate(self.widths, 1):
            for index, width in enumerate(widths, 1):
                x = self.convolution(net, x, block, index, width)
            x = self.pool(net, x, block)
        pieces = 5 if self.is_maxout else 1
        x = net.inner_product('ip1', x, 500 * pieces, weight=self.filler)
        x = self.activation(net, x, '_ip1', pieces)
        x = dropout(net, 'ip1_drop', x)
        return net.inner_product('clf', x, 10, weight=self.filler)

    def convolution(self, net: NetBuilder, x: str, block: int, index: int, width: int) -> str:
        """A 3x3 convolution and its nonlinearity. In a residual net every second one adds its input
        between them."""
        tag = f'{block}_{index}'
        pieces = self.nonlinearity.pieces
        y = net.conv(f'conv{tag}', x, width * pieces, 3, pad=1, weight=self.filler)
        adds = self.residual and index % 2 == 0
        if adds and not self.is_maxout:
            y = net.add('Eltwise', f'sum{tag}', [x, y])
        y = self.activation(net, y, tag, pieces)
        if adds and self.is_maxout:
            # max(a + x, b + x) = max(a, b) + x
            y = net.add('Eltwise', f'sum{tag}', [x, y])
        return y

    def activation(self, net: NetBuilder, x: str, tag: str, pieces: int) -> str:
        """The nonlinearity, with batch normalization on its proper side."""
        fields = self.nonlinearity.fields
        if self.is_maxout:
            fields = {'maxout_param': {'num_pieces': pieces}}
        if self.batch_norm == 'before':
            x = normalize(net, x, tag)
        x = net.add(self.nonlinearity.type, f'{self.kind}{tag}', x, **fields)
        if self.batch_norm == 'after':
            x = normalize(net, x, tag)
        return x

    def pool(self, net: NetBuilder, x: str, block: int) -> str:
        """Pooling after a block, after the last one over the whole image."""
        name = f'pool{block}'
        if block == len(self.widths):
            x = net.pool(name, x, None)
        else:
            x = net.pool(name, x, 2, stride=2)
        return dropout(net, f'{name}_drop', x)


def normalize(net: NetBuilder, x: str, tag: str) -> str:
    """Batch normalization with a learned scale and shift."""
    x = net.add('BatchNorm', f'bn{tag}', x)
    return net.in_place('Scale', f'scale{tag}', x, scale_param={'bias_term': True})


def dropout(net: NetBuilder, name: str, x: str) -> str:
    """Dropout, not in place: TanH and Sigmoid need their own tops for their gradients."""
    return net.add('Dropout', name, x, dropout_param={'dropout_ratio': 0.2})


def fitnet(architecture: str, kind: str, batch_norm: str = '') -> Model:
    """FitNet-1, FitNet-4 or FitResNet-4 for CIFAR-10."""
    title = TITLES[architecture]
    source = f'{title} with {NONLINEARITIES[kind].title}'
    variant = kind
    if batch_norm:
        source += f', batch normalization {batch_norm} it'
        variant = f'bn_{batch_norm}_{kind}'
    return classifier(
        f'{architecture}/{variant}',
        title=f'{title} {variant}',
        source=f'{source} (Mishkin & Matas 2016)',
        data=cifar10(scale=CIFAR10_SCALE),
        body=FitNet(architecture, kind, batch_norm),
        solver=SOLVER,
        multipliers=SAME_RATE,
        note=f'{CONTRAST} {SIX_NOT_FIVE}' if architecture == 'fitresnet4' else CONTRAST,
    )


def models() -> list[Model]:
    """Each architecture with each nonlinearity, and FitNet-4 with batch normalization."""
    plain = [fitnet(architecture, kind) for architecture in WIDTHS for kind in NONLINEARITIES]
    normalized = [
        fitnet('fitnet4', kind, side)
        for kind in ('relu', 'tanh', 'maxout')
        for side in ('before', 'after')
    ]
    return plain + normalized
