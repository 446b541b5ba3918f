"""The databases that the models are trained and tested on, and the layers that read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..proto.spec import NetBuilder

# BVLC's mean pixel (blue, green, red) and that of CIFAR-10 (red, green, blue, as in its files).
IMAGENET_MEAN = [104, 117, 123]
CIFAR10_MEAN = [125.307, 122.95, 113.865]
# CIFAR-10's pixels scaled to a variance near 1.
CIFAR10_SCALE = 0.015625


@dataclass(frozen=True)
class Data:
    """A database for training and one for testing, and how their images are transformed.

    layer        the name of the data layers
    database     the beginning of the databases' names
    shape        of the deploy net's input
    batch_sizes  in training and in testing
    transform    fields of TransformationParameter
    train_only   more of them, in training only
    splits       the middle of the databases' names, in training and in testing
    """

    layer: str
    database: str
    shape: tuple[int, ...]
    batch_sizes: tuple[int, int]
    transform: Mapping[str, Any]
    train_only: Mapping[str, Any] = field(default_factory=dict)
    splits: tuple[str, str] = ('train', 'test')

    def add(self, net: NetBuilder) -> None:
        """Append a layer for each phase, with images and labels of one database."""
        self._add_layer(net, 'TRAIN', 0, {**self.transform, **self.train_only})
        self._add_layer(net, 'TEST', 1, self.transform)

    def _add_layer(
        self, net: NetBuilder, phase: str, index: int, transform: Mapping[str, Any]
    ) -> None:
        database = f'{self.database}_{self.splits[index]}'
        tops = ('data', 'label')
        size = self.batch_sizes[index]
        data_layer(net, self.layer, tops, phase, database, size, transform_param=transform)


def data_layer(
    net: NetBuilder,
    name: str,
    tops: Sequence[str],
    phase: str,
    database: str,
    batch_size: int,
    **fields: Any,
) -> None:
    """Append a Data layer that reads an LMDB in one phase."""
    source = {'source': f'{database}_lmdb', 'batch_size': batch_size, 'backend': 'LMDB'}
    net.add('Data', name, top=tops, include=[{'phase': phase}], data_param=source, **fields)


MNIST = Data('mnist', 'mnist', (64, 1, 28, 28), (64, 100), {'scale': 0.00390625})


def cifar10(batch_sizes: tuple[int, int] = (128, 100), **transform: Any) -> Data:
    """CIFAR-10, mirrored at random, and shifted too where the training database has a border."""
    transform = {**transform, 'crop_size': 32, 'mean_value': CIFAR10_MEAN}
    shape = (1, 3, 32, 32)
    return Data('cifar', 'cifar10', shape, batch_sizes, transform, train_only={'mirror': True})


def imagenet(crop_size: int, batch_sizes: tuple[int, int], images: int = 10) -> Data:
    """ILSVRC 2012, mirrored at random; `images` is the batch of the deploy net."""
    shape = (images, 3, crop_size, crop_size)
    transform = {'crop_size': crop_size, 'mean_value': IMAGENET_MEAN}
    return Data(
        'data',
        'ilsvrc12',
        shape,
        batch_sizes,
        transform,
        train_only={'mirror': True},
        splits=('train', 'val'),
    )
