"""Top-1 and top-5: how often a net's best answers include an image's label, by one crop or ten.

The ten are the middle and the corners, each as it is and mirrored; their scores, after a softmax,
are averaged. Source: A. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural
Networks, 2012, section 4.1.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..netlib import Net
from ..netlib.data.images import ImageError, center_crop, cover
from ..netlib.data.samples import fit_mean
from ..netlib.data.stores import Store
from ..netlib.errors import DataError, NetError
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter
from .data_layers import data_layers
from .data_options import DataOptions
from .input_layers import with_inputs
from .net_file import NetFile

CROPS = (1, 10)
ROWS = 50  # of a batch
TOP = 5

Readable = tuple[np.ndarray, int]  # pixels and label
Item = tuple[np.ndarray | None, int]


class Ranked(NamedTuple):
    """How many images' labels were the best answer, and among the best five."""

    images: int
    first: int
    among_five: int
    unreadable: int


class Ranking:
    """A net from images to the scores below its loss, in the phase TEST.

    Images are prepared as its data layer's transform_param says. Raises NetError for a net without
    a data layer that crops, or without a SoftmaxWithLoss.
    """

    def __init__(self, file: NetFile, engine: str):
        layers = data_layers(file.param)
        if not layers or not layers[0].transform_param.crop_size:
            raise NetError(
                f'{file.path}: has no data layer with a crop_size; needed: one, whose '
                'transform_param says how images are prepared'
            )
        self.layer: LayerParameter = layers[0]
        self.scores = _scores_of(file)
        self.crop = self.layer.transform_param.crop_size
        self.input = self.layer.top[0]
        shape = (3, self.crop, self.crop)
        options = DataOptions()
        self.mean = fit_mean(options.mean_of(self.layer), shape)
        self.scale = np.float32(options.scale_of(self.layer))
        shapes: dict[str, Shape] = {self.input: (ROWS, *shape)}
        for label in self.layer.top[1:]:
            shapes[label] = (ROWS,)
        self.net = Net(with_inputs(file.param, shapes), engine=engine)

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """float64 (N, classes) of crops (N, 3, crop, crop), N at most ROWS."""
        rows = np.zeros((ROWS, *crops.shape[1:]), np.float32)
        rows[: len(crops)] = (crops - self.mean) * self.scale
        self.net.blobs[self.input].data = rows
        self.net.forward()
        scores = self.net.blobs[self.scores].data.reshape(ROWS, -1)[: len(crops)].astype(float)
        powers = np.exp(scores - scores.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)


def _scores_of(file: NetFile) -> str:
    """The blob below the last loss."""
    losses = [layer for layer in file.param.layer if layer.type == 'SoftmaxWithLoss']
    if not losses:
        raise NetError(f'{file.path}: has no SoftmaxWithLoss; needed: one, on the scores')
    return losses[-1].bottom[0]


def rank(
    ranking: Ranking,
    store: Store,
    side: int,
    crops: int,
    progress: Callable[[int], object] = lambda images: None,
) -> Ranked:
    """Score every image of a store, resized to cover side x side, by its middle or by ten crops.

    Images that cannot be read are counted. Raises DataError for images without labels.
    """
    store.suit((3, ranking.crop, ranking.crop))
    found = Ranked(0, 0, 0, 0)
    for images in _batches(store, ROWS // crops):
        readable = [(pixels, label) for pixels, label in images if pixels is not None]
        ranks = _ranks(ranking, readable, side, crops)
        found = Ranked(
            found.images + len(readable),
            found.first + int((ranks < 1).sum()),
            found.among_five + int((ranks < TOP).sum()),
            found.unreadable + len(images) - len(readable),
        )
        progress(len(images))
    if not found.images:
        raise DataError(f'{store.describe}: none of the images can be read')
    return found


def _batches(store: Store, size: int) -> Iterator[list[Item]]:
    for start in range(0, len(store), size):
        stop = min(start + size, len(store))
        yield [_item(store, index) for index in range(start, stop)]


def _item(store: Store, index: int) -> Item:
    try:
        pixels, label = store[index]
    except ImageError:
        return None, 0
    if label is None:
        raise DataError(
            f'{store.name(index)}: has no label; needed: a database, or a list of paths and labels'
        )
    return pixels, label


def _ranks(ranking: Ranking, images: list[Readable], side: int, crops: int) -> np.ndarray:
    """(N,): how many other classes have the label's probability or a higher one, as in Caffe's
    Accuracy."""
    if not images:
        return np.empty(0)
    cut = []
    for pixels, _ in images:
        cut.append(crops_of(cover(pixels, side, side), ranking.crop, crops))
    means = ranking.probabilities(np.concatenate(cut))
    means = means.reshape(len(images), crops, -1).mean(1)
    if not np.isfinite(means).all():
        raise DataError('the scores are not finite; are these the weights of the net?')
    classes = means.shape[1]
    labels = [label for _, label in images]
    for label in labels:
        if not 0 <= label < classes:
            raise DataError(f'found the label {label}, the net has {classes} classes')
    own = means[np.arange(len(images)), labels]
    return (means >= own[:, None]).sum(1) - 1


def crops_of(pixels: np.ndarray, crop: int, count: int) -> np.ndarray:
    """The middle (1, 3, crop, crop), or ten: the middle and the corners, then their mirrors."""
    middle = center_crop(pixels, crop, crop)
    if count == 1:
        return middle[None]
    top, bottom = pixels[:, :crop], pixels[:, -crop:]
    corners = [top[..., :crop], top[..., -crop:], bottom[..., :crop], bottom[..., -crop:]]
    five = np.stack([middle, *corners])
    return np.concatenate([five, five[..., ::-1]])
