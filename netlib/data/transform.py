"""Caffe's transform_param: crop, mirror, subtract the mean, scale."""
from pathlib import Path

import numpy as np

from ...proto import caffe_pb2
from ...proto.arrays import blob_to_array
from ...proto.binary import read_blob
from ..errors import DataError, ProtoError


class Transformer:
    """(pixel - mean) * scale of a crop, perhaps mirrored; as Caffe's DataTransformer, in float32.

    param is a TransformationParameter. In the phase TRAIN the crop is random, in TEST it is central;
    `mirror` is random in both. mean_file is indexed at the crop's position. Draws come from `rng`.
    """

    def __init__(self, param, phase: int, rng: np.random.Generator):
        if param.mean_file and param.mean_value:
            raise DataError('transform_param: Cannot specify mean_file and mean_value at the same time; '
                            'remove one of them')
        if param.force_color and param.force_gray:
            raise DataError('transform_param: cannot set both force_color and force_gray; remove one of them')
        self.param, self.phase, self.rng = param, phase, rng
        self.scale = np.float32(param.scale)
        self.mean = read_mean(param.mean_file) if param.mean_file else None
        self.mean_values = np.array(param.mean_value, np.float32)

    @property
    def color(self) -> bool | None:
        """How encoded images are to be decoded: True colour, False grey, None as stored."""
        if self.param.force_color:
            return True
        return False if self.param.force_gray else None

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (C, H, W) after the transformation of an input of `shape`."""
        crop = self.param.crop_size
        return (shape[0], crop, crop) if crop else tuple(shape)

    def __call__(self, pixels: np.ndarray, name: str = 'image') -> np.ndarray:
        """float32 (C, h, w) of pixels (C, H, W), uint8 or float; `name` is the image's in errors."""
        mean = self._mean_for(pixels.shape, name)
        mirror = self.param.mirror and self.rng.integers(2)
        window = self._window(pixels.shape, name)
        values = pixels[window].astype(np.float32)
        if mean is not None:
            values -= mean[window]
        values *= self.scale
        return np.ascontiguousarray(values[:, :, ::-1]) if mirror else values

    def _mean_for(self, shape: tuple[int, ...], name: str) -> np.ndarray | None:
        """The mean of every pixel of an input of `shape`, checked."""
        if self.mean is not None and self.mean.shape != shape:
            raise DataError(f'{name} is {dimensions(shape)}, but mean_file {self.param.mean_file} is '
                            f'{dimensions(self.mean.shape)}; resize the image or use mean_value')
        if self.mean is not None or not len(self.mean_values):
            return self.mean
        if len(self.mean_values) not in (1, shape[0]):
            raise DataError(f'{name}: Specify either 1 mean_value or as many as channels: {shape[0]}; '
                            f'found {len(self.mean_values)}')
        return np.broadcast_to(self.mean_values[:, None, None], shape)

    def _window(self, shape: tuple[int, ...], name: str) -> tuple[slice, slice, slice]:
        _, height, width = shape
        crop = self.param.crop_size
        if not crop:
            return slice(None), slice(None), slice(None)
        if min(height, width) < crop:
            raise DataError(f'{name} is {height} x {width}, smaller than crop_size {crop}; '
                            f'resize it to at least {crop} x {crop} or lower crop_size')
        if self.phase == caffe_pb2.TRAIN:
            top, left = self.rng.integers([height - crop + 1, width - crop + 1])
        else:
            top, left = (height - crop) // 2, (width - crop) // 2
        return slice(None), slice(top, top + crop), slice(left, left + crop)


def dimensions(shape: tuple[int, ...]) -> str:
    """'3 x 227 x 227' for (3, 227, 227)."""
    return ' x '.join(map(str, shape))


def read_mean(path: str | Path) -> np.ndarray:
    """The mean image, float32 (C, H, W), of a .binaryproto (compute_image_mean's) or .npy file."""
    try:
        mean = np.load(path).astype(np.float32) if str(path).endswith('.npy') else blob_to_array(read_blob(path))
    except (OSError, ValueError, ProtoError) as error:
        raise DataError(f'mean file {path}: cannot be read ({error}); needed: a BlobProto as '
                        f'compute_image_mean writes it, or an .npy file') from error
    if mean.ndim == 4 and len(mean) == 1:
        mean = mean[0]
    if mean.ndim != 3:
        raise DataError(f'mean file {path}: its shape is {dimensions(mean.shape)}, needed: (C, H, W)')
    return mean
