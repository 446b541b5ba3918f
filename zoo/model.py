"""What the models have in common: the data layers, the loss, the deploy net and the solver around a
body."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goodinit.proto.caffe_pb2 import NetParameter
from goodinit.proto.spec import NetBuilder

# Adds layers to a net, from the blob of this name to the scores, whose name it returns.
Body = Callable[[NetBuilder, str], str]

# The multipliers of BVLC's ImageNet models: the bias learns twice as fast and does not decay.
BVLC = ({'lr_mult': 1, 'decay_mult': 1}, {'lr_mult': 2, 'decay_mult': 0})
# BVLC's mean pixel (blue, green, red) and CIFAR-10's (red, green, blue, the order in its files).
IMAGENET_MEAN = [104, 117, 123]
CIFAR10_MEAN = [125.307, 122.95, 113.865]


@dataclass(frozen=True)
class Model:
    """One folder of models/.

    source: the publication it follows. note: where it differs from that, or has to choose.
    """

    name: str
    source: str
    train_val: NetParameter
    deploy: NetParameter
    solver: Mapping[str, Any]
    note: str = ''


@dataclass(frozen=True)
class Data:
    """The databases a net is trained and tested on, and how their images are transformed.

    layer: the data layer's name. shape: of the deploy net's input. splits: as in the databases'
    names.
    """

    layer: str
    database: str
    shape: tuple[int, ...]
    batch_sizes: tuple[int, int]
    transform: Mapping[str, Any]
    train_only: Mapping[str, Any] = field(default_factory=dict)
    splits: tuple[str, str] = ('train', 'test')

    def add(self, net: NetBuilder) -> None:
        """Images and labels from one database, for each phase."""
        phases = zip(
            ('TRAIN', 'TEST'), self.splits, self.batch_sizes, (self.train_only, {}), strict=True
        )
        for phase, split, batch_size, extra in phases:
            data_layer(
                net,
                self.layer,
                ('data', 'label'),
                phase,
                f'{self.database}_{split}',
                batch_size,
                transform_param={**self.transform, **extra},
            )


def data_layer(
    net: NetBuilder,
    name: str,
    tops: Sequence[str],
    phase: str,
    database: str,
    batch_size: int,
    **fields: Any,
) -> None:
    """One Data layer that reads an LMDB."""
    source = {'source': f'{database}_lmdb', 'batch_size': batch_size, 'backend': 'LMDB'}
    net.add('Data', name, top=tops, include=[{'phase': phase}], data_param=source, **fields)


def cifar10(batch_sizes: tuple[int, int] = (128, 100), **transform: Any) -> Data:
    """CIFAR-10, mirrored at random, and shifted too where the training database has a border."""
    return Data(
        'cifar',
        'cifar10',
        (1, 3, 32, 32),
        batch_sizes,
        {**transform, 'crop_size': 32, 'mean_value': CIFAR10_MEAN},
        {'mirror': True},
    )


def imagenet(
    crop_size: int, batch_sizes: tuple[int, int], images: int = 10, mirror: bool = True
) -> Data:
    """ILSVRC 2012; `images` is the batch of the deploy net."""
    return Data(
        'data',
        'ilsvrc12',
        (images, 3, crop_size, crop_size),
        batch_sizes,
        {'crop_size': crop_size, 'mean_value': IMAGENET_MEAN},
        {'mirror': True} if mirror else {},
        ('train', 'val'),
    )


def classifier(
    name: str,
    source: str,
    title: str,
    data: Data,
    body: Body,
    solver: Mapping[str, Any],
    *,
    note: str = '',
    multipliers: Sequence[Mapping[str, float]] = BVLC,
    loss: str = 'SoftmaxWithLoss',
    top5: bool = False,
) -> Model:
    """A Model whose body ends in a score per class; `title` is the name inside the nets."""
    train_val = NetBuilder(title, multipliers)
    data.add(train_val)
    scores = body(train_val, 'data')
    accuracy(train_val, 'accuracy', scores)
    if top5:
        accuracy(train_val, 'accuracy_top5', scores, top_k=5)
    train_val.add(loss, 'loss', [scores, 'label'])
    deploy = deploy_net(title, data.shape, body, softmax=loss == 'SoftmaxWithLoss')
    return Model(name, source, train_val.param, deploy, solver, note)


def accuracy(net: NetBuilder, name: str, scores: str, top_k: int = 1) -> None:
    """The share of labels among the top_k scores, when testing."""
    fields = {'accuracy_param': {'top_k': top_k}} if top_k > 1 else {}
    net.add('Accuracy', name, [scores, 'label'], include=[{'phase': 'TEST'}], **fields)


def deploy_net(title: str, shape: Sequence[int], body: Body, softmax: bool = True) -> NetParameter:
    """The net for use. It keeps the fillers, so that it can be initialised like the other."""
    net = NetBuilder(title)
    scores = body(net, net.add('Input', 'data', input_param={'shape': [{'dim': shape}]}))
    if softmax:
        net.add('Softmax', 'prob', scores)
    return net.param


def solver(
    test_iter: int,
    test_interval: int,
    base_lr: float,
    lr_policy: str,
    *,
    max_iter: int,
    momentum: float = 0.9,
    weight_decay: float = 0,
    display: int = 100,
    snapshot: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """A solver's fields in the order in which they are written; `more` are those that only some
    have."""
    fields = {
        'test_iter': [test_iter],
        'test_interval': test_interval,
        'base_lr': base_lr,
        'momentum': momentum,
        'weight_decay': weight_decay,
        'lr_policy': lr_policy,
        **more,
        'display': display,
        'max_iter': max_iter,
        'snapshot': snapshot,
    }
    return {name: value for name, value in fields.items() if value != 0 or name in more}
