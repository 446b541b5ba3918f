"""caffe.io: arrays to protobuf messages and back, images, and what prepares them for a net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..netlib.data.images import UNREADABLE
from ..netlib.errors import DataError
from ..netlib.shapes import Shape
from ..proto import ProtoError, array_to_blob, blob_to_array, caffe_pb2

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Pair = Sequence[int] | np.ndarray  # along height and width

# The luminance of red, green, blue: ITU-R BT.709, as in scikit-image.
LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)

# -- messages


def blobproto_to_array(blob: caffe_pb2.BlobProto, return_diff: bool = False) -> np.ndarray:
    """The values of a blob, or its gradients, float64. Raises ValueError where they do not fit its
    shape."""
    try:
        return blob_to_array(blob, return_diff).astype(float)
    except ProtoError as error:
        raise ValueError(str(error)) from error


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> caffe_pb2.BlobProto:
    """A blob with these values, and gradients."""
    return array_to_blob(arr, diff)


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """A serialized BlobProtoVector."""
    blobs = map(array_to_blobproto, arraylist)
    return caffe_pb2.BlobProtoVector(blobs=blobs).SerializeToString()


def blobprotovector_str_to_arraylist(string: bytes) -> list[np.ndarray]:
    """The arrays of a serialized BlobProtoVector."""
    vector = caffe_pb2.BlobProtoVector.FromString(string)
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> caffe_pb2.Datum:
    """A datum from an array (channels, height, width): its bytes if it is uint8, else floats.
    Raises ValueError."""
    if arr.ndim != 3:
        raise ValueError(
            f'Incorrect array shape. Found {arr.shape}, needed (channels, height, width)'
        )
    channels, height, width = arr.shape
    datum = caffe_pb2.Datum(channels=channels, height=height, width=width, label=label)
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.flat)
    return datum


def datum_to_array(datum: caffe_pb2.Datum) -> np.ndarray:
    """The array (channels, height, width) of a datum that is not encoded: uint8, or float64. Raises
    ValueError."""
    values: np.ndarray
    if datum.data:
        values = np.frombuffer(datum.data, np.uint8).copy()
    else:
        values = np.array(datum.float_data, float)
    return values.reshape(datum.channels, datum.height, datum.width)


# -- preparing


class Transformer:
    """Makes images (H, W, K) into what an input blob takes, (K, H, W), and back.

    `inputs`: {blob name: blob shape}. In this order: resize, transpose, swap channels, times
    raw_scale, minus mean, times input_scale; what was not set is left out. Raises DataError, or
    ValueError for a mean, where a setting does not fit the input.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]):
        self.inputs = inputs
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def _shape(self, in_: str) -> Shape:
        if in_ not in self.inputs:
            raise DataError(f"'{in_}' is not one of the net inputs: {', '.join(self.inputs)}")
        return tuple(self.inputs[in_])

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """The float32 array for the input blob `in_`; `data` stays as it is."""
        size = self._shape(in_)[2:]
        out = data.astype(np.float32)
        if out.shape[:2] != size:
            out = resize_image(out, size)
        axes = self.transpose.get(in_, range(out.ndim))
        out = out.transpose(axes)
        if in_ in self.channel_swap:
            out = out[list(self.channel_swap[in_])]
        out *= self.raw_scale.get(in_, 1)
        out -= self.mean.get(in_, 0)
        out *= self.input_scale.get(in_, 1)
        return out

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """The image that `preprocess` would make into `data`, except for its size."""
        self._shape(in_)
        out = data.squeeze() / self.input_scale.get(in_, 1)
        out += self.mean.get(in_, 0)
        out /= self.raw_scale.get(in_, 1)
        if in_ in self.channel_swap:
            out = out[np.argsort(self.channel_swap[in_])]
        axes = self.transpose.get(in_, range(out.ndim))
        return out.transpose(np.argsort(axes))

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """The order of the axes, such as (2, 0, 1) from (H, W, K) to (K, H, W)."""
        needed = len(self._shape(in_)) - 1
        if len(order) != needed:
            raise DataError(
                'Transpose order needs to have the same number of dimensions as the input. '
                f'Found {len(order)}, needed {needed}'
            )
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """The order of the channels, such as (2, 1, 0) from RGB to BGR. They are the first axis by
        then."""
        needed = self._shape(in_)[1]
        if len(order) != needed:
            raise DataError(
                'Channel swap needs to have the same number of dimensions as the input channels. '
                f'Found {len(order)}, needed {needed}'
            )
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """A factor before the mean is subtracted, such as 255 from [0, 1] to the range of
        ImageNet's nets."""
        self._shape(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """The mean: one number per channel, or an image (K, H, W), resized to the input."""
        shape = self._shape(in_)[1:]
        if mean.ndim == 1:
            _check_mean_channels(len(mean), shape[:1])
            self.mean[in_] = mean[:, None, None]
            return
        if mean.ndim not in (2, 3):
            raise ValueError(f'Mean shape invalid: {mean.shape}')
        planes = mean.reshape(-1, *mean.shape[-2:])
        _check_mean_channels(len(planes), (1, shape[0]))
        if planes.shape != shape:
            image = planes.transpose(1, 2, 0)
            planes = resize_image(image, shape[1:]).transpose(2, 0, 1)
        self.mean[in_] = planes

    def set_input_scale(self, in_: str, scale: float) -> None:
        """A factor after the mean was subtracted."""
        self._shape(in_)
        self.input_scale[in_] = scale


def _check_mean_channels(found: int, needed: tuple[int, ...]) -> None:
    """Raises ValueError, in pycaffe's words, for a mean of another number of channels."""
    if found not in needed:
        raise ValueError(
            f'Mean channels incompatible with input. Found {found}, needed {needed[-1]}'
        )


# -- images


def load_image(filename: str | Path, color: bool = True) -> np.ndarray:
    """An image file as float32 (H, W, 3), red, green, blue, in [0, 1]; without `color` (H, W, 1),
    its luminance.

    An alpha channel is dropped. Raises DataError for a file that is missing or no image.
    """
    from PIL import Image

    try:
        with Image.open(filename) as image:
            pixels = _pixels(image)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise DataError(f'{filename}: cannot be read as an image ({error})') from error
    channels = pixels.shape[2]
    if color:
        return np.repeat(pixels, 3 // channels, axis=2)
    return pixels if channels == 1 else (pixels @ LUMINANCE)[..., None]


def _pixels(image: Picture) -> np.ndarray:
    """(H, W, 1 or 3) in [0, 1]."""
    if image.mode.startswith('I'):
        values = np.asarray(image, np.float32)
        return values[..., None] / 65535
    if image.mode in ('1', 'L', 'LA'):
        values = np.asarray(image.convert('L'), np.float32)
        return values[..., None] / 255
    return np.asarray(image.convert('RGB'), np.float32) / 255


def resize_image(im: np.ndarray, new_dims: Pair, interp_order: int = 1) -> np.ndarray:
    """The image (H, W, K) in the size new_dims (height, width), float32, by splines of the order
    given.

    As in pycaffe: an image of 1 or 3 channels went to scikit-image, which takes a pixel for a
    square, and the smallest value for what lies outside; one of other channels went to SciPy, which
    takes a pixel for a point.
    """
    from scipy.ndimage import zoom

    height, width, channels = im.shape
    scale = (new_dims[0] / height, new_dims[1] / width, 1)
    if channels not in (1, 3):
        return zoom(im, scale, order=interp_order).astype(np.float32)
    least, most = im.min(), im.max()
    out = zoom(im, scale, order=interp_order, mode='grid-constant', cval=least, grid_mode=True)
    return np.clip(out, least, most).astype(np.float32)


def oversample(images: Sequence[np.ndarray], crop_dims: Sequence[int]) -> np.ndarray:
    """Ten crops (height, width) of each image (H, W, K): the corners, the center, and the mirror
    images of these.

    Returns float32 (10 N, height, width, K): of each image the upper left, upper right, lower left
    and lower right corner and the center, then their mirror images. All images have one size.
    """
    height, width = images[0].shape[:2]
    bottom = height - crop_dims[0]
    right = width - crop_dims[1]
    middle = (int(bottom / 2), int(right / 2))
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), middle]
    crops: list[np.ndarray] = []
    for image in images:
        five = [cut(image, corner, crop_dims) for corner in corners]
        crops += five
        crops += [crop[:, ::-1] for crop in five]
    return np.array(crops, np.float32)


def cut(image: np.ndarray, corner: Pair, dims: Pair) -> np.ndarray:
    """The part of an image (H, W, K) of the size `dims`, whose upper left corner is `corner`."""
    top, left = corner
    height, width = dims
    return image[top : top + height, left : left + width]
