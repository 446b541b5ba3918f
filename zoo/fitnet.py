"""The FitNets of Mishkin & Matas (2016), Tables 1 and 8, with every nonlinearity of Tables 3 to 5."""

from goodinit.proto.spec import NetBuilder

from .model import BVLC, Model, cifar10, classifier, solver
from .small import CIFAR10_SCALE, MNIST

SAME_RATE = (BVLC[0], {'lr_mult': 1, 'decay_mult': 0})
WIDTHS = {
    'fitnet1': ((16, 16, 16), (32, 32, 32), (48, 48, 64)),
    'fitnet4': ((32, 32, 32, 48, 48), (80,) * 6, (128,) * 6),
    # Every even convolution keeps its input's width, so that the two can be summed.
    'fitresnet4': ((32, 32, 48, 48, 48), (80,) * 6, (128,) * 6),
}
TITLES = {'fitnet1': 'FitNet-1', 'fitnet4': 'FitNet-4', 'fitresnet4': 'FitResNet-4'}
# The layer's type, its settings, the filler of the weights before it, and its name in a sentence.
NONLINEARITIES = {
    'relu': ('ReLU', {}, 'msra', 'ReLU'),
    'vlrelu': ('ReLU', {'relu_param': {'negative_slope': 0.333}}, 'msra', 'very leaky ReLU'),
    'tanh': ('TanH', {}, 'xavier', 'tanh'),
    'sigmoid': ('Sigmoid', {}, 'xavier', 'sigmoid'),
    'maxout': ('Maxout', {}, 'xavier', 'maxout'),
}
CONTRAST = 'A common mean and scale stand in for the contrast normalization of the published data.'
NOTES = {
    'fitresnet4': ' Table 1 prints five convolutions in blocks 2 and 3, of FitNet-4 too, which has six '
    '(Table 8): six here.',
}


class FitNet:
    """One member of the family; calling it adds its body to a net.

    nonlinearity: a key of NONLINEARITIES; maxout has 2 pieces, and 5 in the fully connected layer.
    batch_norm: '' for none, else 'before' or 'after' the nonlinearity.
    """

    def __init__(self, architecture: str, nonlinearity: str, batch_norm: str = ''):
        self.widths = WIDTHS[architecture]
        self.residual = architecture == 'fitresnet4'
        self.nonlinearity = nonlinearity
        self.batch_norm = batch_norm
        self.type, self.settings, self.filler, _ = NONLINEARITIES[nonlinearity]

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = net.dropout('data_drop', x, 0.2)
        for block, widths in enumerate(self.widths, 1):
            for index, width in enumerate(widths, 1):
                x = self.convolution(
                    net, x, f'{block}_{index}', width, self.residual and index % 2 == 0
                )
            last = block == len(self.widths)
            x = (
                net.pool(f'pool{block}', x, None)
                if last
                else net.pool(f'pool{block}', x, 2, stride=2)
            )
            x = self.dropout(net, f'pool{block}_drop', x)
        pieces = 5 if self.type == 'Maxout' else 1
        x = net.inner_product('ip1', x, 500 * pieces, weight=self.filler)
        x = self.dropout(net, 'ip1_drop', self.activation(net, x, '_ip1', pieces))
        return net.inner_product('clf', x, 10, weight=self.filler)

    def convolution(self, net: NetBuilder, x: str, tag: str, width: int, residual: bool) -> str:
        """A 3x3 convolution and its nonlinearity; `residual` adds its input to its output between
        them."""
        pieces = 2 if self.type == 'Maxout' else 1
        y = net.conv(f'conv{tag}', x, width * pieces, 3, pad=1, weight=self.filler)
        if not residual:
            return self.activation(net, y, tag, pieces)
        if self.type == 'Maxout':
            # max(a + x, b + x) = max(a, b) + x
            return net.add('Eltwise', f'sum{tag}', [x, self.activation(net, y, tag, pieces)])
        return self.activation(net, net.add('Eltwise', f'sum{tag}', [x, y]), tag, pieces)

    def activation(self, net: NetBuilder, x: str, tag: str, pieces: int) -> str:
        """The nonlinearity, with batch normalization on its proper side."""
        settings = (
            {'maxout_param': {'num_pieces': pieces}} if self.type == 'Maxout' else self.settings
        )
        if self.batch_norm == 'before':
            x = self.normalize(net, x, tag)
        x = net.add(self.type, f'{self.nonlinearity}{tag}', x, **settings)
        return self.normalize(net, x, tag) if self.batch_norm == 'after' else x

    @staticmethod
    def normalize(net: NetBuilder, x: str, tag: str) -> str:
        """Batch normalization with a learned scale and shift."""
        x = net.add('BatchNorm', f'bn{tag}', x)
        return net.in_place('Scale', f'scale{tag}', x, scale_param={'bias_term': True})

    @staticmethod
    def dropout(net: NetBuilder, name: str, x: str) -> str:
        """Dropout, not in place: TanH and Sigmoid need their own tops for their gradients."""
        return net.add('Dropout', name, x, dropout_param={'dropout_ratio': 0.2})


def fitnet(architecture: str, nonlinearity: str, batch_norm: str = '') -> Model:
    """FitNet-1, FitNet-4 or FitResNet-4 for CIFAR-10, with the settings of the published FitNet-4
    solvers."""
    variant = f'bn_{batch_norm}_{nonlinearity}' if batch_norm else nonlinearity
    source = f'{TITLES[architecture]} with {NONLINEARITIES[nonlinearity][3]}'
    if batch_norm:
        source += f', batch normalization {batch_norm} it'
    schedule = solver(
        100,
        1000,
        0.01,
        'multistep',
        gamma=0.1,
        stepvalue=[40000, 60000, 80000],
        weight_decay=0.0005,
        max_iter=90000,
        snapshot=10000,
    )
    return classifier(
        f'{architecture}/{variant}',
        f'{source} (Mishkin & Matas 2016)',
        f'{TITLES[architecture]} {variant}',
        cifar10(scale=CIFAR10_SCALE),
        FitNet(architecture, nonlinearity, batch_norm),
        schedule,
        multipliers=SAME_RATE,
        note=CONTRAST + NOTES.get(architecture, ''),
    )


def fitnet_mnist(name: str, loss: str) -> Model:
    """FitNet-MNIST: six thin maxout convolutions and a classifier."""

    def body(net: NetBuilder, x: str) -> str:
        for block, (width, kernel) in enumerate(((16, 4), (16, 4), (12, 2)), 1):
            for index in (1, 2):
                x = net.conv(f'conv{block}_{index}', x, 2 * width, 3, pad=1)
                x = net.add('Maxout', f'maxout{block}_{index}', x, maxout_param={'num_pieces': 2})
            x = net.pool(f'pool{block}', x, kernel, stride=2)
        return net.inner_product('clf', net.dropout('final_drop', x, 0.3), 10)

    schedule = solver(
        100,
        500,
        0.002,
        'step',
        gamma=0.1,
        stepsize=15000,
        weight_decay=0.0005,
        momentum=0,
        max_iter=50000,
        type='RMSProp',
        rms_decay=0.99,
    )
    return classifier(
        f'fitnet_mnist/{name}',
        f'FitNet-MNIST with {name} loss (Mishkin & Matas 2016)',
        f'FitNet-MNIST {name}',
        MNIST,
        body,
        schedule,
        loss=loss,
        multipliers=({'lr_mult': 1}, {'lr_mult': 1}),
        note='The paper says 30K parameters; its published prototxt has as many as this one.',
    )


def models() -> list[Model]:
    """The models of this file."""
    return [
        fitnet_mnist('softmax', 'SoftmaxWithLoss'),
        fitnet_mnist('hinge', 'HingeLoss'),
        *(fitnet(architecture, kind) for architecture in WIDTHS for kind in NONLINEARITIES),
        *(
            fitnet('fitnet4', kind, side)
            for kind in ('relu', 'tanh', 'maxout')
            for side in ('before', 'after')
        ),
    ]
