"""FitNet-MNIST of Mishkin & Matas (2016): thin maxout convolutions, with two losses."""

from ..proto.spec import NetBuilder
from .data import MNIST
from .model import Model, classifier

SOLVER = """
    test_iter: 100 test_interval: 500
    base_lr: 0.002 weight_decay: 0.0005
    lr_policy: "step" gamma: 0.1 stepsize: 15000
    type: "RMSProp" rms_decay: 0.99
    display: 100 max_iter: 50000
"""
# Width of the two convolutions, kernel of the pooling.
BLOCKS = ((16, 4), (16, 4), (12, 2))


def body(net: NetBuilder, x: str) -> str:
    """Six convolutions of two pieces each, and a classifier."""
    for block, (width, kernel) in enumerate(BLOCKS, 1):
        for index in (1, 2):
            x = net.conv(f'conv{block}_{index}', x, 2 * width, 3, pad=1)
            x = net.add('Maxout', f'maxout{block}_{index}', x, maxout_param={'num_pieces': 2})
        x = net.pool(f'pool{block}', x, kernel, stride=2)
    return net.inner_product('clf', net.dropout('final_drop', x, 0.3), 10)


def fitnet_mnist(name: str, loss: str) -> Model:
    """The net with a loss of this layer type."""
    return classifier(
        f'fitnet_mnist/{name}',
        title=f'FitNet-MNIST {name}',
        source=f'FitNet-MNIST with {name} loss (Mishkin & Matas 2016)',
        data=MNIST,
        body=body,
        solver=SOLVER,
        loss=loss,
        multipliers=({'lr_mult': 1}, {'lr_mult': 1}),
        note='The paper says 30K parameters; its published prototxt has as many as this one.',
    )


def models() -> list[Model]:
    """The net with each loss."""
    return [fitnet_mnist('softmax', 'SoftmaxWithLoss'), fitnet_mnist('hinge', 'HingeLoss')]
