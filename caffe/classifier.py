"""caffe.Classifier: a net that names the classes of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..netlib.errors import DataError, NetError
from ..proto.caffe_pb2 import TEST
from .io import Transformer, cut, resize_image
from .io import oversample as ten_crops
from .pycaffe import Net

CROPS = 10
Images = Sequence[np.ndarray] | np.ndarray  # each one (H, W, K)


class Classifier(Net):
    """A net that takes images (H, W, K) in [0, 1] as io.load_image gives them, resized to
    `image_dims` (height, width; default: the net's input) and cropped to the net's input.

    mean, input_scale, raw_scale, channel_swap: what io.Transformer's set_mean and so on take.
    Raises NetError for a net without an input of images, DataError or ValueError where an argument
    does not fit it.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = tuple(self.crop_dims if image_dims is None else image_dims)
        if (self.crop_dims > self.image_dims).any():
            found = '{} x {}'.format(*self.image_dims)
            needed = '{} x {}'.format(*self.crop_dims)
            raise DataError(
                f'image_dims: found {found}, needed: {needed} or more, the input of the net'
            )

    def predict(self, inputs: Images, oversample: bool = True) -> np.ndarray:
        """What the net's first output says of each image (H, W, K).

        With `oversample` the mean over ten crops, (N, C): the corners, the center, and their mirror
        images. Without it that of the crop in the center, in the output's own shape. Raises
        DataError where there is no image.
        """
        if not len(inputs):
            raise DataError('predict: found no images, needed: one or more')
        images = [resize_image(image, self.image_dims) for image in inputs]
        if not oversample:
            return self._scores(center_crops(images, tuple(self.crop_dims)))
        scores = self._scores(ten_crops(images, tuple(self.crop_dims)))
        return scores.reshape(len(images), CROPS, -1).mean(axis=1)

    def _scores(self, crops: Images) -> np.ndarray:
        """What the net's first output says of each crop, of the size of the net's input."""
        name = self.inputs[0]
        prepared = [self.transformer.preprocess(name, crop) for crop in crops]
        batch: dict[str, Any] = {name: np.stack(prepared)}
        return self.forward_all(**batch)[self.outputs[0]]


def center_crops(images: Sequence[np.ndarray], crop_dims: Sequence[int]) -> list[np.ndarray]:
    """The crop (height, width) in the center of each image (H, W, K); all images have one size."""
    size = np.array(images[0].shape[:2])
    corner = (size - crop_dims) // 2
    return [cut(image, corner, crop_dims) for image in images]


def transformer_for(
    net: Net,
    mean: np.ndarray | None,
    input_scale: float | None,
    raw_scale: float | None,
    channel_swap: Sequence[int] | None,
) -> Transformer:
    """What prepares images (H, W, K) for the net's first input. Raises NetError where that is not
    (N, K, H, W)."""
    if not net.inputs or len(net.blobs[net.inputs[0]].shape) != 4:
        raise NetError(
            f"net '{net.net.name}' has no input of images (N, K, H, W); needed: a deploy prototxt"
        )
    name = net.inputs[0]
    transformer = Transformer({name: tuple(net.blobs[name].shape)})
    transformer.set_transpose(name, (2, 0, 1))
    if mean is not None:
        transformer.set_mean(name, mean)
    if input_scale is not None:
        transformer.set_input_scale(name, input_scale)
    if raw_scale is not None:
        transformer.set_raw_scale(name, raw_scale)
    if channel_swap is not None:
        transformer.set_channel_swap(name, channel_swap)
    return transformer
