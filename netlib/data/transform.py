"""Caffe's transform_param: crop, mirror, subtract the mean, scale."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from ...proto import caffe_pb2
from ...proto.arrays import blob_to_array
from ...proto.binary import read_blob
from ..errors import DataError, ProtoError

# What np.load raises for a file that holds no array.
NO_ARRAY = (OSError, ValueError, EOFError, TokenError, zipfile.BadZipFile, zlib.error)


class Patch(NamedTuple):
    """An image on its way into a net, where it is (pixels - mean) * scale: bytes take a quarter of
    the room."""

    pixels: np.ndarray
    mean: np.ndarray | None
    scale: np.float32

    def write(self, out: np.ndarray) -> None:
        """Put the values into `out`, of the shape of `pixels`; computed in its type."""
        out[...] = self.pixels
        if self.mean is not None:
            out -= self.mean
        if self.scale != 1:
            out *= self.scale


class Transformer:
    """(pixel - mean) * scale of a crop, perhaps mirrored; as Caffe's DataTransformer, in float32.

    param is a TransformationParameter. In the phase TRAIN the crop is random, in TEST it is
    central; `mirror` is random in both. mean_file is indexed at the crop's position.
    """

    def __init__(self, param, phase: int):
        if param.mean_file and param.mean_value:
            raise DataError(
                'transform_param: Cannot specify mean_file and mean_value at the same time; '
                'remove one of them'
            )
        if param.force_color and param.force_gray:
            raise DataError(
                'transform_param: cannot set both force_color and force_gray; remove one of them'
            )
        self.param, self.phase = param, phase
        self.scale = np.float32(param.scale)
        self.mean = read_mean(param.mean_file) if param.mean_file else None
        self.mean_values = np.array(param.mean_value, np.float32)

    @property
    def color(self) -> bool | None:
        """How encoded images are to be decoded: True colour, False grey, None as stored."""
        if self.param.force_color:
            return True
        return False if self.param.force_gray else None

    @staticmethod
    def draw(rng: np.random.Generator) -> np.ndarray:
        """What one image takes of chance, whatever its size: where it is cut (top, left) and
        mirrored, in [0, 1)."""
        return rng.random(3)

    def __call__(self, pixels: np.ndarray, draws: np.ndarray, name: str = 'image') -> Patch:
        """The patch (C, h, w) of pixels (C, H, W), uint8 or float; `draws` is draw's, `name` the
        image's in errors."""
        mean = self.mean_for(pixels.shape, name)
        window = self._window(pixels.shape, draws, name)
        flip = np.s_[:, :, :: -1 if self.param.mirror and draws[2] < 0.5 else 1]
        cut = np.ascontiguousarray(pixels[window][flip])
        return Patch(cut, None if mean is None else mean[window][flip], self.scale)

    def mean_for(self, shape: tuple[int, ...], name: str) -> np.ndarray | None:
        """The mean of every pixel of an input of `shape`; None for none. Raises DataError where it
        does not fit."""
        if self.mean is not None and self.mean.shape != shape:
            raise DataError(
                f'{name} is {dimensions(shape)}, but mean_file {self.param.mean_file} is '
                f'{dimensions(self.mean.shape)}; resize the image or use mean_value'
            )
        if self.mean is not None or not len(self.mean_values):
            return self.mean
        if len(self.mean_values) not in (1, shape[0]):
            raise DataError(
                f'{name}: Specify either 1 mean_value or as many as channels: {shape[0]}; '
                f'found {len(self.mean_values)}'
            )
        return np.broadcast_to(self.mean_values[:, None, None], shape)

    def _window(
        self, shape: tuple[int, ...], draws: np.ndarray, name: str
    ) -> tuple[slice, slice, slice]:
        _, height, width = shape
        crop = self.param.crop_size
        if not crop:
            return slice(None), slice(None), slice(None)
        if min(height, width) < crop:
            raise DataError(
                f'{name} is {height} x {width}, smaller than crop_size {crop}; '
                f'resize it to at least {crop} x {crop} or lower crop_size'
            )
        if self.phase == caffe_pb2.TRAIN:
            top, left = int(draws[0] * (height - crop + 1)), int(draws[1] * (width - crop + 1))
        else:
            top, left = (height - crop) // 2, (width - crop) // 2
        return slice(None), slice(top, top + crop), slice(left, left + crop)


def dimensions(shape: tuple[int, ...]) -> str:
    """'3 x 227 x 227' for (3, 227, 227)."""
    return ' x '.join(map(str, shape))


def read_mean(path: str | Path) -> np.ndarray:
    """The mean image, float32 (C, H, W), of a .binaryproto (compute_image_mean's) or .npy file."""
    try:
        mean = (
            np.load(path).astype(np.float32)
            if str(path).endswith('.npy')
            else blob_to_array(read_blob(path))
        )
    except (*NO_ARRAY, ProtoError) as error:
        raise DataError(
            f'mean file {path}: cannot be read ({error}); needed: a BlobProto as '
            f'compute_image_mean writes it, or an .npy file'
        ) from error
    if mean.ndim == 4 and len(mean) == 1:
        mean = mean[0]
    if mean.ndim != 3:
        raise DataError(
            f'mean file {path}: its shape is {dimensions(mean.shape)}, needed: (C, H, W)'
        )
    return mean
