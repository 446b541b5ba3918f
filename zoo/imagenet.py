"""AlexNet, CaffeNet, VGG-16, SqueezeNet and ResNet-50, with the layer names of their published
weights."""

from goodinit.proto.spec import NetBuilder

from .model import Model, classifier, imagenet, solver
from .small import gaussian


class AlexNet:
    """BVLC's two forms of Krizhevsky et al.'s net; calling it adds its body to a net.

    pool_first: CaffeNet's order, pooling before normalization. lrn: with local response
    normalization. bias: the constant in the biases of conv2, conv4, conv5, fc6 and fc7.
    """

    def __init__(self, pool_first: bool, bias: float, lrn: bool = True):
        self.pool_first = pool_first
        self.bias = bias
        self.lrn = lrn

    def __call__(self, net: NetBuilder, x: str) -> str:
        x = net.conv('conv1', x, 96, 11, stride=4, weight=gaussian(0.01))
        x = self.reduce(net, net.relu('relu1', x), 1)
        x = net.conv('conv2', x, 256, 5, pad=2, group=2, weight=gaussian(0.01), bias=self.bias)
        x = self.reduce(net, net.relu('relu2', x), 2)
        for index, width, group in ((3, 384, 1), (4, 384, 2), (5, 256, 2)):
            bias = 0 if index == 3 else self.bias
            x = net.conv(
                f'conv{index}', x, width, 3, pad=1, group=group, weight=gaussian(0.01), bias=bias
            )
            x = net.relu(f'relu{index}', x)
        x = net.pool('pool5', x, 3, stride=2)
        for index in (6, 7):
            x = net.inner_product(f'fc{index}', x, 4096, weight=gaussian(0.005), bias=self.bias)
            x = net.dropout(f'drop{index}', net.relu(f'relu{index}', x), 0.5)
        return net.inner_product('fc8', x, 1000, weight=gaussian(0.01))

    def reduce(self, net: NetBuilder, x: str, index: int) -> str:
        """Pooling and normalization, in the net's order."""
        if self.pool_first:
            x = net.pool(f'pool{index}', x, 3, stride=2)
        if self.lrn:
            x = lrn(net, f'norm{index}', x)
        return x if self.pool_first else net.pool(f'pool{index}', x, 3, stride=2)


def lrn(net: NetBuilder, name: str, x: str) -> str:
    """Local response normalization over 5 channels."""
    return net.add('LRN', name, x, lrn_param={'local_size': 5, 'alpha': 0.0001, 'beta': 0.75})


def alexnets() -> list[Model]:
    """AlexNet, CaffeNet, and CaffeNet without normalization."""
    schedule = solver(
        1000,
        1000,
        0.01,
        'step',
        gamma=0.1,
        stepsize=100000,
        weight_decay=0.0005,
        display=20,
        max_iter=450000,
        snapshot=10000,
    )
    data = imagenet(227, (256, 50))
    note = 'The mean pixel is subtracted instead of the mean image.'
    return [
        classifier(
            'alexnet',
            'bvlc_alexnet, after Krizhevsky, Sutskever & Hinton (2012)',
            'AlexNet',
            data,
            AlexNet(pool_first=False, bias=0.1),
            schedule,
            note=note,
        ),
        classifier(
            'caffenet',
            'bvlc_reference_caffenet (Jia et al. 2014)',
            'CaffeNet',
            data,
            AlexNet(pool_first=True, bias=1),
            schedule,
            note=note,
        ),
        classifier(
            'caffenet/no_lrn',
            'bvlc_reference_caffenet without local response normalization',
            'CaffeNet',
            data,
            AlexNet(pool_first=True, bias=1, lrn=False),
            schedule,
            note=note,
        ),
    ]


def vgg16() -> Model:
    """Simonyan & Zisserman's net D."""

    def body(net: NetBuilder, x: str) -> str:
        for block, (width, convolutions) in enumerate(
            ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1
        ):
            for index in range(1, convolutions + 1):
                x = net.relu(
                    f'relu{block}_{index}', net.conv(f'conv{block}_{index}', x, width, 3, pad=1)
                )
            x = net.pool(f'pool{block}', x, 2, stride=2)
        for index in (6, 7):
            x = net.relu(f'relu{index}', net.inner_product(f'fc{index}', x, 4096))
            x = net.dropout(f'drop{index}', x, 0.5)
        return net.inner_product('fc8', x, 1000)

    schedule = solver(
        1000,
        4000,
        0.01,
        'step',
        gamma=0.1,
        stepsize=100000,
        weight_decay=0.0005,
        iter_size=4,
        display=20,
        max_iter=370000,
        snapshot=10000,
    )
    return classifier(
        'vgg16',
        'VGG-16, net D of Simonyan & Zisserman (2015)',
        'VGG_ILSVRC_16_layers',
        imagenet(224, (64, 50), images=1),
        body,
        schedule,
        note='The paper lowers the rate whenever the accuracy stalls; here it falls at fixed '
        'iterations. Batches of 256 are made of four.',
    )


def squeezenet() -> Model:
    """SqueezeNet 1.0: fire modules squeeze with 1x1 convolutions and expand with 1x1 and 3x3."""

    def fire(net: NetBuilder, x: str, index: int, squeeze: int, expand: int) -> str:
        def conv(bottom: str, kind: str, width: int, kernel: int) -> str:
            y = net.conv(f'fire{index}/{kind}', bottom, width, kernel, pad=kernel // 2)
            return net.relu(f'fire{index}/relu_{kind}', y)

        x = conv(x, 'squeeze1x1', squeeze, 1)
        parts = [conv(x, 'expand1x1', expand, 1), conv(x, 'expand3x3', expand, 3)]
        return net.add('Concat', f'fire{index}/concat', parts)

    def body(net: NetBuilder, x: str) -> str:
        x = net.relu('relu_conv1', net.conv('conv1', x, 96, 7, stride=2))
        x = net.pool('pool1', x, 3, stride=2)
        widths = (
            (16, 64),
            (16, 64),
            (32, 128),
            (32, 128),
            (48, 192),
            (48, 192),
            (64, 256),
            (64, 256),
        )
        for index, (squeeze, expand) in enumerate(widths, 2):
            x = fire(net, x, index, squeeze, expand)
            if index in (4, 8):
                x = net.pool(f'pool{index}', x, 3, stride=2)
        x = net.dropout('drop9', x, 0.5)
        # The published net pads this 1x1 convolution, which frames its output with the bias.
        x = net.relu('relu_conv10', net.conv('conv10', x, 1000, 1, pad=1, weight=gaussian(0.01)))
        return net.pool('pool10', x, None, method='AVE')

    schedule = solver(
        2000,
        1000,
        0.04,
        'poly',
        power=1,
        weight_decay=0.0002,
        test_initialization=False,
        iter_size=16,
        random_seed=42,
        display=40,
        average_loss=40,
        max_iter=170000,
        snapshot=1000,
    )
    return classifier(
        'squeezenet',
        'SqueezeNet 1.0 (Iandola et al. 2016)',
        'SqueezeNet_v1.0',
        imagenet(227, (32, 25), mirror=False),
        body,
        schedule,
        multipliers=(),
        top5=True,
    )


def resnet50() -> Model:
    """He, Zhang, Ren & Sun's net of 50 layers."""

    def conv(
        net: NetBuilder,
        x: str,
        name: str,
        tag: str,
        width: int,
        kernel: int,
        stride: int = 1,
        bias: float | None = None,
    ) -> str:
        x = net.conv(
            name, x, width, kernel, pad=kernel // 2, stride=stride, weight='msra', bias=bias
        )
        x = net.in_place('BatchNorm', f'bn{tag}', x)
        return net.in_place('Scale', f'scale{tag}', x, scale_param={'bias_term': True})

    def bottleneck(
        net: NetBuilder, x: str, tag: str, width: int, stride: int, project: bool
    ) -> str:
        shortcut = (
            conv(net, x, f'res{tag}_branch1', f'{tag}_branch1', 4 * width, 1, stride)
            if project
            else x
        )
        for part, out, kernel in (('a', width, 1), ('b', width, 3), ('c', 4 * width, 1)):
            name = f'{tag}_branch2{part}'
            x = conv(net, x, f'res{name}', name, out, kernel, stride if part == 'a' else 1)
            if part != 'c':
                x = net.relu(f'res{name}_relu', x)
        return net.relu(f'res{tag}_relu', net.add('Eltwise', f'res{tag}', [shortcut, x]))

    def body(net: NetBuilder, x: str) -> str:
        x = net.relu('conv1_relu', conv(net, x, 'conv1', '_conv1', 64, 7, stride=2, bias=0))
        x = net.pool('pool1', x, 3, stride=2)
        for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
            for block in range(blocks):
                stride = 2 if block == 0 and stage > 2 else 1
                x = bottleneck(
                    net, x, f'{stage}{"abcdef"[block]}', width, stride, project=block == 0
                )
        x = net.pool('pool5', x, 7, method='AVE')
        return net.inner_product('fc1000', x, 1000, weight='msra')

    schedule = solver(
        1000,
        5000,
        0.1,
        'step',
        gamma=0.1,
        stepsize=150000,
        weight_decay=0.0001,
        iter_size=8,
        display=20,
        max_iter=600000,
        snapshot=10000,
    )
    return classifier(
        'resnet50',
        'ResNet-50 (He, Zhang, Ren & Sun 2016)',
        'ResNet-50',
        imagenet(224, (32, 50), images=1),
        body,
        schedule,
        multipliers=(),
        note='The paper lowers the rate whenever the error stalls; here it falls at fixed '
        'iterations. Batches of 256 are made of eight.',
    )


def models() -> list[Model]:
    """The models of this file."""
    return [*alexnets(), vgg16(), squeezenet(), resnet50()]
