"""GoogLeNet as bvlc_googlenet has it, with and without the two auxiliary classifiers."""

from goodinit.proto.spec import NetBuilder

from .imagenet import lrn
from .model import BVLC, Model, accuracy, deploy_net, imagenet, solver

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
AUXILIARY = {'4a': 'loss1', '4d': 'loss2'}


def conv(
    net: NetBuilder, x: str, folder: str, kind: str, width: int, kernel: int, stride: int = 1
) -> str:
    """A convolution that keeps the extent (but for its stride), and its ReLU."""
    x = net.conv(f'{folder}/{kind}', x, width, kernel, pad=kernel // 2, stride=stride, bias=0.2)
    return net.relu(f'{folder}/relu_{kind.removesuffix("_s2")}', x)


def inception(net: NetBuilder, x: str, tag: str) -> str:
    """Four branches side by side, concatenated."""
    folder = f'inception_{tag}'
    one, reduce3, three, reduce5, five, proj = INCEPTIONS[tag]
    branches = [
        conv(net, x, folder, '1x1', one, 1),
        conv(net, conv(net, x, folder, '3x3_reduce', reduce3, 1), folder, '3x3', three, 3),
        conv(net, conv(net, x, folder, '5x5_reduce', reduce5, 1), folder, '5x5', five, 5),
        conv(net, net.pool(f'{folder}/pool', x, 3, pad=1), folder, 'pool_proj', proj, 1),
    ]
    return net.add('Concat', f'{folder}/output', branches)


def losses(net: NetBuilder, folder: str, scores: str, name: str, top: str, weight: float) -> None:
    """The loss of one classifier, and its accuracies."""
    net.add(
        'SoftmaxWithLoss',
        f'{folder}/{name}',
        [scores, 'label'],
        f'{folder}/{top}',
        loss_weight=[weight],
    )
    accuracy(net, f'{folder}/top-1', scores)
    accuracy(net, f'{folder}/top-5', scores, top_k=5)


def auxiliary(net: NetBuilder, x: str, folder: str) -> None:
    """A small classifier on an inner blob, which counts 0.3 in the loss."""
    x = net.pool(f'{folder}/ave_pool', x, 5, stride=3, method='AVE')
    x = conv(net, x, folder, 'conv', 128, 1)
    x = net.relu(f'{folder}/relu_fc', net.inner_product(f'{folder}/fc', x, 1024, bias=0.2))
    x = net.dropout(f'{folder}/drop_fc', x, 0.7)
    losses(net, folder, net.inner_product(f'{folder}/classifier', x, 1000), 'loss', 'loss1', 0.3)


def body(net: NetBuilder, x: str, with_auxiliary: bool = False) -> str:
    """From the image to the scores of the main classifier."""
    x = conv(net, x, 'conv1', '7x7_s2', 64, 7, stride=2)
    x = lrn(net, 'pool1/norm1', net.pool('pool1/3x3_s2', x, 3, stride=2))
    x = conv(net, conv(net, x, 'conv2', '3x3_reduce', 64, 1), 'conv2', '3x3', 192, 3)
    x = net.pool('pool2/3x3_s2', lrn(net, 'conv2/norm2', x), 3, stride=2)
    for tag in INCEPTIONS:
        x = inception(net, x, tag)
        if with_auxiliary and tag in AUXILIARY:
            auxiliary(net, x, AUXILIARY[tag])
        if tag in ('3b', '4e'):
            x = net.pool(f'pool{tag[0]}/3x3_s2', x, 3, stride=2)
    x = net.pool('pool5/7x7_s1', x, 7, method='AVE')
    return net.inner_product('loss3/classifier', net.dropout('pool5/drop_7x7_s1', x, 0.4), 1000)


def googlenet(name: str, source: str, with_auxiliary: bool) -> Model:
    """The Model, with BVLC's quick solver."""
    data = imagenet(224, (32, 50))
    train_val = NetBuilder('GoogleNet', BVLC)
    data.add(train_val)
    losses(train_val, 'loss3', body(train_val, 'data', with_auxiliary), 'loss3', 'loss3', 1)
    schedule = solver(
        1000,
        4000,
        0.01,
        'poly',
        power=0.5,
        weight_decay=0.0002,
        test_initialization=False,
        display=40,
        average_loss=40,
        max_iter=2400000,
        snapshot=40000,
    )
    return Model(name, source, train_val.param, deploy_net('GoogleNet', data.shape, body), schedule)


def models() -> list[Model]:
    """The models of this file."""
    return [
        googlenet('googlenet', 'bvlc_googlenet, after Szegedy et al. (2015)', with_auxiliary=True),
        googlenet(
            'googlenet/no_aux', 'bvlc_googlenet without auxiliary classifiers', with_auxiliary=False
        ),
    ]
