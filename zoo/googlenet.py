"""GoogLeNet as bvlc_googlenet has it, with and without the two auxiliary classifiers."""

from ..proto.spec import NetBuilder
from .alexnet import lrn
from .data import imagenet
from .model import BVLC, Model, accuracy, deploy_net

# BVLC's quick solver.
SOLVER = """
    test_iter: 1000 test_interval: 4000
    base_lr: 0.01 momentum: 0.9 weight_decay: 0.0002
    lr_policy: "poly" power: 0.5
    test_initialization: false average_loss: 40
    display: 40 max_iter: 2400000 snapshot: 40000
"""
# Outputs of 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5 and pool_proj.
INCEPTIONS = {
    '3a': (64, 96, 128, 16, 32, 32),
    '3b': (128, 128, 192, 32, 96, 64),
    '4a': (192, 96, 208, 16, 48, 64),
    '4b': (160, 112, 224, 24, 64, 64),
    '4c': (128, 128, 256, 24, 64, 64),
    '4d': (112, 144, 288, 32, 64, 64),
    '4e': (256, 160, 320, 32, 128, 128),
    '5a': (256, 160, 320, 32, 128, 128),
    '5b': (384, 192, 384, 48, 128, 128),
}
LAST_OF_THEIR_EXTENT = ('3b', '4e')
AUXILIARY = {'4a': 'loss1', '4d': 'loss2'}


def body(net: NetBuilder, x: str, with_auxiliary: bool = False) -> str:
    """From the image to the scores of the main classifier."""
    x = conv(net, x, 'conv1', '7x7_s2', 64, 7, stride=2)
    x = net.pool('pool1/3x3_s2', x, 3, stride=2)
    x = lrn(net, 'pool1/norm1', x)
    x = conv(net, x, 'conv2', '3x3_reduce', 64, 1)
    x = conv(net, x, 'conv2', '3x3', 192, 3)
    x = lrn(net, 'conv2/norm2', x)
    x = net.pool('pool2/3x3_s2', x, 3, stride=2)
    for tag in INCEPTIONS:
        x = inception(net, x, tag)
        if with_auxiliary and tag in AUXILIARY:
            auxiliary(net, x, AUXILIARY[tag])
        if tag in LAST_OF_THEIR_EXTENT:
            x = net.pool(f'pool{tag[0]}/3x3_s2', x, 3, stride=2)
    x = net.pool('pool5/7x7_s1', x, 7, method='AVE')
    x = net.dropout('pool5/drop_7x7_s1', x, 0.4)
    return net.inner_product('loss3/classifier', x, 1000)


def conv(
    net: NetBuilder, x: str, folder: str, kind: str, width: int, kernel: int, stride: int = 1
) -> str:
    """A convolution that keeps the extent (except for its stride), and its ReLU."""
    x = net.conv(f'{folder}/{kind}', x, width, kernel, pad=kernel // 2, stride=stride, bias=0.2)
    return net.relu(f'{folder}/relu_{kind.removesuffix("_s2")}', x)


def inception(net: NetBuilder, x: str, tag: str) -> str:
    """Four branches side by side, concatenated."""
    folder = f'inception_{tag}'
    one, reduce3, three, reduce5, five, projected = INCEPTIONS[tag]
    first = conv(net, x, folder, '1x1', one, 1)
    second = conv(net, x, folder, '3x3_reduce', reduce3, 1)
    second = conv(net, second, folder, '3x3', three, 3)
    third = conv(net, x, folder, '5x5_reduce', reduce5, 1)
    third = conv(net, third, folder, '5x5', five, 5)
    fourth = net.pool(f'{folder}/pool', x, 3, pad=1)
    fourth = conv(net, fourth, folder, 'pool_proj', projected, 1)
    return net.add('Concat', f'{folder}/output', [first, second, third, fourth])


def auxiliary(net: NetBuilder, x: str, folder: str) -> None:
    """A small classifier on an inner blob, which counts 0.3 in the loss."""
    x = net.pool(f'{folder}/ave_pool', x, 5, stride=3, method='AVE')
    x = conv(net, x, folder, 'conv', 128, 1)
    x = net.inner_product(f'{folder}/fc', x, 1024, bias=0.2)
    x = net.relu(f'{folder}/relu_fc', x)
    x = net.dropout(f'{folder}/drop_fc', x, 0.7)
    scores = net.inner_product(f'{folder}/classifier', x, 1000)
    loss_and_accuracy(net, folder, scores, f'{folder}/loss', f'{folder}/loss1', weight=0.3)


def loss_and_accuracy(
    net: NetBuilder, folder: str, scores: str, name: str, top: str, weight: float
) -> None:
    """The loss of one classifier, and its accuracies."""
    net.add('SoftmaxWithLoss', name, [scores, 'label'], top, loss_weight=[weight])
    accuracy(net, f'{folder}/top-1', scores)
    accuracy(net, f'{folder}/top-5', scores, top_k=5)


def googlenet(name: str, source: str, with_auxiliary: bool) -> Model:
    """The Model."""
    data = imagenet(224, (32, 50))
    train_val = NetBuilder('GoogleNet', BVLC)
    data.add(train_val)
    scores = body(train_val, 'data', with_auxiliary)
    loss_and_accuracy(train_val, 'loss3', scores, 'loss3/loss3', 'loss3/loss3', weight=1)
    deploy = deploy_net('GoogleNet', data.shape, body)
    return Model(name, source, train_val.param, deploy, SOLVER)


def models() -> list[Model]:
    """GoogLeNet with and without its auxiliary classifiers."""
    without = 'bvlc_googlenet without auxiliary classifiers'
    return [
        googlenet('googlenet', 'bvlc_googlenet, after Szegedy et al. (2015)', with_auxiliary=True),
        googlenet('googlenet/no_aux', without, with_auxiliary=False),
    ]
