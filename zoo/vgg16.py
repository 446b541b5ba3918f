"""VGG-16, with the layer names of its published weights."""

from ..proto.spec import NetBuilder
from .data import imagenet
from .model import Model, classifier

SOLVER = """
    test_iter: 1000 test_interval: 4000
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "step" gamma: 0.1 stepsize: 100000
    iter_size: 4
    display: 20 max_iter: 370000 snapshot: 10000
"""
# Width and number of the convolutions.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def body(net: NetBuilder, x: str) -> str:
    """Simonyan & Zisserman's net D."""
    for block, (width, count) in enumerate(BLOCKS, 1):
        for index in range(1, count + 1):
            x = net.conv(f'conv{block}_{index}', x, width, 3, pad=1)
            x = net.relu(f'relu{block}_{index}', x)
        x = net.pool(f'pool{block}', x, 2, stride=2)
    for index in (6, 7):
        x = net.inner_product(f'fc{index}', x, 4096)
        x = net.relu(f'relu{index}', x)
        x = net.dropout(f'drop{index}', x, 0.5)
    return net.inner_product('fc8', x, 1000)


def models() -> list[Model]:
    """VGG-16."""
    vgg16 = classifier(
        'vgg16',
        title='VGG_ILSVRC_16_layers',
        source='VGG-16, net D of Simonyan & Zisserman (2015)',
        data=imagenet(224, (64, 50), images=1),
        body=body,
        solver=SOLVER,
        note='The paper lowers the rate whenever the accuracy stalls; here it falls at fixed '
        'iterations. Batches of 256 are made of four.',
    )
    return [vgg16]
