"""Caffe's transform_param: crop, mirror, subtract the mean, scale."""

import warnings
from collections.abc import Sequence

import numpy as np

from ...proto.caffe_pb2 import TRAIN, TransformationParameter
from ..errors import DataError
from ..rng import Rng, make_rng
from ..shapes import Shape, dimensions
from .array_files import read_mean
from .noise import UNUSED as UNUSED_NOISE
from .noise import noised
from .patch import Patch
from .resize_policy import DRAWS, resized

# Fields of forks that only change how images vary, or boxes: training goes on without them.
ANNOTATED = ('distort_param', 'emit_constraint', 'expand_param')
UNUSED = (
    *ANNOTATED,
    'random_aspect_ratio_param',
    'random_resize_param',
)
UNUSED_RESIZING = (
    'center_object',
    'max_angle',
    'multiscale',
    'min_sz',
    'max_sz',
    'height_scale',
    'width_scale',
)
Slices = tuple[slice, slice, slice]  # of channels, rows and columns


def warn_of_unused(param: TransformationParameter, unused: Sequence[str] = UNUSED) -> None:
    """Warn of the fields of forks that are read and have no effect."""
    found = [field for field in unused if param.HasField(field)]  # type: ignore[arg-type]
    resize = param.resize_param
    found += [f'resize_param.{field}' for field in UNUSED_RESIZING if getattr(resize, field)]
    noise = param.noise_param
    found += [f'noise_param.{field}' for field in UNUSED_NOISE if getattr(noise, field)]
    known = [field for field in found if field in ANNOTATED]
    elsewhere = f' (AnnotatedData does {" and ".join(known)})' if known else ''
    if found:
        fields = ', '.join(found)
        warnings.warn(f'transform_param: without effect here: {fields}{elsewhere}', stacklevel=3)


def refuse_extents(param: TransformationParameter, what: str) -> None:
    """Raises DataError for fields of SSD that are known for single images only."""
    for field in ('resize_param', 'noise_param', 'crop_h', 'crop_w'):
        if param.HasField(field):  # type: ignore[arg-type]
            raise DataError(f'transform_param: {field} is not known for {what}: remove it')


class Transformer:
    """(pixel - mean) * scale of a crop, maybe mirrored, like Caffe's DataTransformer; in float32.

    SSD's resize_param comes first, then noise_param.

    The crop is random in the phase TRAIN and central in TEST; `mirror` is random in both.
    mean_file is indexed at the crop's position.
    """

    unused: Sequence[str] = UNUSED

    def __init__(self, param: TransformationParameter, phase: int):
        if param.mean_file and param.mean_value:
            raise DataError(
                'transform_param: Cannot specify mean_file and mean_value at the same time; '
                'remove one of them'
            )
        if param.force_color and param.force_gray:
            raise DataError(
                'transform_param: cannot set both force_color and force_gray; remove one of them'
            )
        if param.crop_size and (param.crop_h or param.crop_w):
            raise DataError('transform_param: give either crop_size, or crop_h and crop_w')
        if bool(param.crop_h) != bool(param.crop_w):
            raise DataError(
                f'transform_param: found crop_h {param.crop_h} and crop_w {param.crop_w}, needed: '
                'both'
            )
        warn_of_unused(param, self.unused)
        self.param = param
        self.phase = phase
        resizes, is_noised = param.HasField('resize_param'), param.HasField('noise_param')
        self.drawn = 3 + DRAWS * resizes + is_noised  # numbers for an image
        self.scale = np.float32(param.scale)
        self.mean = read_mean(param.mean_file) if param.mean_file else None
        self.mean_values = np.array(param.mean_value, np.float32)
        self.spread: np.ndarray | None = None  # the mean values, for the last image's shape

    @property
    def color(self) -> bool | None:
        """How to decode encoded images: True: color; False: gray; None: as stored."""
        if self.param.force_color:
            return True
        if self.param.force_gray:
            return False
        return None

    def draw(self, rng: Rng) -> np.ndarray:
        """The random numbers in [0, 1) for one image of any size: for its top and left, for
        mirroring, and for resizing and noise if they are asked for."""
        return rng.random(self.drawn)

    def __call__(self, pixels: np.ndarray, draws: np.ndarray, name: str = 'image') -> Patch:
        """The patch (C, h, w) of pixels (C, H, W), uint8 or float. `draws` come from `draw`; `name`
        names the image in errors."""
        return self.cut(self.prepared(pixels, draws, name), draws, name)

    def prepared(self, pixels: np.ndarray, draws: np.ndarray, name: str) -> np.ndarray:
        """The pixels, resized and with noise if the fields say so."""
        if self.param.HasField('resize_param'):
            pixels = resized(pixels, self.param.resize_param, draws[3:], name)
        if self.param.HasField('noise_param'):
            seed = int(draws[-1] * 2**53)
            pixels = noised(pixels, self.param.noise_param, make_rng(seed), name)
        return pixels

    def mirrors(self, draws: np.ndarray) -> bool:
        return bool(self.param.mirror and draws[2] < 0.5)

    def cut(self, pixels: np.ndarray, draws: np.ndarray, name: str) -> Patch:
        """The crop, maybe mirrored, with its mean."""
        mean = self.mean_for(pixels.shape, name)
        window = self._window(pixels.shape, draws, name)
        mirror = self.mirrors(draws)
        cut = _part(pixels, window, mirror)
        if 2 * cut.size < pixels.size:  # not to keep what is cut off
            cut = cut.copy()
        if mean is not None:
            mean = _part(mean, window, mirror)
        return Patch(cut, mean, self.scale)

    def mean_for(self, shape: Shape, name: str) -> np.ndarray | None:
        """The mean of every pixel of an input of `shape`, or None without a mean. Raises DataError
        if the mean does not fit."""
        if self.mean is not None:
            if self.mean.shape != shape:
                raise DataError(
                    f'{name} is {dimensions(shape)}, but mean_file {self.param.mean_file} is '
                    f'{dimensions(self.mean.shape)}; resize the image or use mean_value'
                )
            return self.mean
        if not len(self.mean_values):
            return None
        if len(self.mean_values) not in (1, shape[0]):
            raise DataError(
                f'{name}: Specify either 1 mean_value or as many as channels: {shape[0]}; '
                f'found {len(self.mean_values)}'
            )
        spread = self.spread  # one at a time, as another thread may replace it
        if spread is None or spread.shape != shape:
            self.spread = spread = np.broadcast_to(self.mean_values[:, None, None], shape)
        return spread

    def _window(self, shape: Shape, draws: np.ndarray, name: str) -> Slices:
        """The part of an image (C, H, W) that crop_size, or crop_h and crop_w, selects."""
        _, height, width = shape
        p = self.param
        tall, wide = p.crop_size or p.crop_h, p.crop_size or p.crop_w
        if not tall:
            return slice(None), slice(None), slice(None)
        if height < tall or width < wide:
            crop = f'crop_size {tall}' if p.crop_size else f'crop_h, crop_w {tall}, {wide}'
            field = crop.rpartition(' ')[0] if p.crop_size else 'these'
            raise DataError(
                f'{name} is {height} x {width}, smaller than {crop}; '
                f'resize it to at least {tall} x {wide} or lower {field}'
            )
        if self.phase == TRAIN:
            top = int(draws[0] * (height - tall + 1))
            left = int(draws[1] * (width - wide + 1))
        else:
            top = (height - tall) // 2
            left = (width - wide) // 2
        return slice(None), slice(top, top + tall), slice(left, left + wide)


def _part(image: np.ndarray, window: Slices, mirror: bool) -> np.ndarray:
    part = image[window]
    return part[:, :, ::-1] if mirror else part
