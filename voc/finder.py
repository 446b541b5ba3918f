"""A trained Fast R-CNN that finds objects in images.

finder, notes = open_finder('fast_rcnn/caffenet/deploy', 'trained.caffemodel')
for found in finder.find(pixels, search(pixels), least=0.5):
    print(found.label, found.score, found.box)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..feeding.bundled import find_model
from ..feeding.weights_file import take_saved
from ..netlib import Net
from ..netlib.engines import Engine
from ..netlib.errors import NetError
from ..netlib.weights import read_weights_file
from ..proto import blob_shape, blob_to_array
from ..proto.caffe_pb2 import TEST, NetParameter
from .boxes import clip, decode, suppress
from .region_sampler import MEAN, prepared

SUPPRESSED = 0.3  # the overlap with a better box of its class above which a box is dropped
BLOBS = ('data', 'rois', 'cls_prob', 'bbox_pred')


class Found(NamedTuple):
    """An object."""

    label: int  # its class, from 0
    score: float
    box: tuple[float, float, float, float]  # x1, y1, x2, y2: pixels, both corners inside


class Scored(NamedTuple):
    """What a net says of the regions of an image, without background."""

    scores: np.ndarray  # (R, C)
    boxes: np.ndarray  # (R, C, 4)


class Finder:
    """A net with inputs data (1, 3, H, W) and rois (R, 5), and outputs cls_prob (R, C + 1), where 0
    is the background, and bbox_pred (R, 4 C + 4).

    scale: pixels of the short side that an image is resized to; longest: the most of its long side.
    Raises NetError for a net without these blobs.
    """

    def __init__(
        self,
        net: Net,
        *,
        scale: int = 600,
        longest: int = 1000,
        mean: Sequence[float] = MEAN,
    ):
        missing = [name for name in BLOBS if name not in net.blobs]
        if missing:
            raise NetError(
                f"net '{net.name}' has no blob '{missing[0]}'; needed: a Fast R-CNN with the blobs "
                f'{", ".join(BLOBS)}, such as fast_rcnn/caffenet/deploy'
            )
        self.net = net
        self.statistics: np.ndarray | None = None
        self.scale = scale
        self.longest = longest
        self.mean = mean
        self.place = pixels_of_a_place(net)

    def load(self, saved: NetParameter, weights: str) -> list[str]:
        """Take what is `saved` in the file `weights`; returns notes on layers that only one of them
        has. Raises GoodinitError.

        Of a net trained with RegionData, the codes of boxes are without their mean and deviation,
        (2, C + 1, 4) each, which are saved with it.
        """
        self.statistics = take_statistics(saved)
        return take_saved(self.net, saved, weights)

    @property
    def classes(self) -> int:
        return self.net.blobs['cls_prob'].shape[1] - 1

    def find(self, pixels: np.ndarray, regions: np.ndarray, least: float = 0.0) -> list[Found]:
        """The objects in an image uint8 (3, H, W) among its regions (R, 4), the best first: those
        with at least this score that no better one of their class overlaps."""
        scored = self.score(pixels, regions)
        found = []
        for label in range(self.classes):
            chosen = np.flatnonzero(scored.scores[:, label] >= least)
            scores = scored.scores[chosen, label]
            boxes = scored.boxes[chosen, label]
            for i in suppress(boxes, scores, SUPPRESSED):
                found.append(Found(label, float(scores[i]), tuple(boxes[i].tolist())))
        return sorted(found, key=lambda each: -each.score)

    def score(self, pixels: np.ndarray, regions: np.ndarray) -> Scored:
        """What the net says of each region (R, 4) of an image uint8 (3, H, W)."""
        if not len(regions):
            none = np.zeros((0, self.classes))
            return Scored(none, np.zeros((0, self.classes, 4)))
        image, factor = prepared(pixels, self.scale, self.longest, self.mean)
        scaled = regions * factor
        # Regions of the same places of the maps are one to the net.
        _, first, which = np.unique(
            np.floor(scaled / self.place + 0.5), axis=0, return_index=True, return_inverse=True
        )
        probabilities, codes = self.run(image, scaled[first])
        which = which.reshape(-1)
        codes = codes.reshape(len(first), -1, 4)
        if self.statistics is not None:
            mean, deviation = self.statistics
            codes = codes * deviation + mean
        boxes = decode(codes[which, 1:], regions[:, None])
        _, height, width = pixels.shape
        return Scored(probabilities[which, 1:], clip(boxes, width, height))

    def run(self, image: np.ndarray, regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The outputs for an image as the net takes it, and regions in its pixels."""
        data, rois, probabilities, codes = (self.net.blobs[name] for name in BLOBS)
        data.reshape(1, *image.shape)
        rois.reshape(len(regions), 5)
        data.data = image[None]
        rois.data = np.insert(regions, 0, 0, axis=1)
        self.net.forward()
        return probabilities.data.copy(), codes.data.copy()


def pixels_of_a_place(net: Net) -> float:
    """How many pixels of an image a place has in the maps that regions are pooled from."""
    for layer in net.layers:
        if layer.type == 'ROIPooling':
            return 1 / layer.param.roi_pooling_param.spatial_scale
    return 1.0


# -- from files


def open_finder(
    deploy: str,
    weights: str,
    *,
    scale: int = 600,
    longest: int = 1000,
    mean: Sequence[float] = MEAN,
    engine: Engine | str = 'fast',
) -> tuple[Finder, list[str]]:
    """A Finder from a deploy prototxt, or the name of a bundled model, and its trained weights; and
    notes on layers that only one of them has. Raises GoodinitError."""
    net = Net(find_model(deploy, 'deploy'), TEST, engine=engine)
    finder = Finder(net, scale=scale, longest=longest, mean=mean)
    notes = finder.load(read_weights_file(weights, net), weights)
    net.share_memory()
    return finder, notes


def take_statistics(saved: NetParameter) -> np.ndarray | None:
    """Remove the layer of RegionData, which a net for use lacks, from saved weights; returns its
    statistics (2, C + 1, 4), if there is one."""
    for i, layer in enumerate(saved.layer):
        shapes = [blob_shape(blob) for blob in layer.blobs]
        if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][::2] == (2, 4):
            statistics = blob_to_array(layer.blobs[0]).copy()
            del saved.layer[i]
            return statistics
    return None
