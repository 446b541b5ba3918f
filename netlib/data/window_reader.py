"""Reader of the windows of R-CNN's window files, warped to squares."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from ...proto.caffe_pb2 import WindowDataParameter
from ..errors import DataError
from ..rng import Rng
from ..shapes import dimensions
from .images import ImageError, decode_image, resize
from .patch import Patch
from .readers import Image
from .transform import Transformer, refuse_extents
from .window_file import Window, WindowFile
from .window_place import Warp, place


class WindowReader:
    """The windows of one batch after another, drawn at random: first background, then the fraction
    fg_fraction of objects.

    Each window is cropped with context_pad pixels around it (counted after the warp; pixels outside
    the image are 0), as a square for crop_mode "square", warped to crop_size x crop_size, and
    possibly mirrored. The result is (pixel - mean) * scale, with window_data_param's scale. Only
    the reader draws from `rng`.
    """

    def __init__(self, param: WindowDataParameter, transform: Transformer, rng: Rng):
        refuse_extents(transform.param, 'windows')
        self.param = param
        self.transform = transform
        self.rng = rng
        self.file = WindowFile(
            param.source, param.root_folder, param.fg_threshold, param.bg_threshold
        )
        objects = int(np.float32(param.batch_size) * np.float32(param.fg_fraction))
        self.backgrounds = param.batch_size - objects
        self._check_windows()
        self.item = 0
        self.content = cache(_content) if param.cache_images else Path
        crop = transform.param.crop_size
        self.warp = Warp(crop, param.context_pad, param.crop_mode == 'square')
        self.mean = self._mean(crop)

    def _check_windows(self) -> None:
        """Raises DataError if batches need a kind of window that the file lacks."""
        where = f'window file {self.param.source}'
        if self.backgrounds < self.param.batch_size and not len(self.file.objects):
            least = self.param.fg_threshold
            raise DataError(f'{where}: no window overlaps by fg_threshold {least:g}')
        if self.backgrounds and not len(self.file.background):
            most = self.param.bg_threshold
            raise DataError(f'{where}: all windows overlap by bg_threshold {most:g}')

    def _mean(self, crop: int) -> np.ndarray:
        """The mean of each pixel of the crop. From a mean file, this is the middle: the same offset
        from the top as from the left."""
        shape = (3, crop, crop)
        whole = self.transform.mean
        if whole is None:
            mean = self.transform.mean_for(shape, 'a window')
            return np.zeros(shape, np.float32) if mean is None else mean
        offset = (whole.shape[2] - crop) // 2
        middle = slice(max(offset, 0), offset + crop)
        mean = whole[:, middle, middle]
        if mean.shape != shape:
            raise DataError(
                f'mean_file {self.transform.param.mean_file} is {dimensions(whole.shape)}, '
                f'needed: {dimensions(shape)} or more'
            )
        return mean

    def __next__(self) -> Callable[[], Image]:
        is_background = self.item < self.backgrounds
        windows = self.file.background if is_background else self.file.objects
        self.item = (self.item + 1) % self.param.batch_size
        which, mirror = self.rng.random(2)
        row = windows[int(which * len(windows))]
        window = Window(*row.tolist())
        mirrored = bool(self.transform.param.mirror and mirror < 0.5)
        return partial(self.image, window, mirrored)

    def image(self, window: Window, mirror: bool) -> Image:
        path = self.file.images[window.image]
        name = f'{self.param.source}:{window.line}'
        pixels = decode_image(self.content(path), True, path)
        columns, rows = place(window, pixels.shape[1:], self.warp, mirror, name)
        part = pixels[:, rows.in_image, columns.in_image]
        warped = resize(part, rows.length, columns.length)
        if mirror:
            warped = warped[:, :, ::-1]
        values = np.zeros(self.mean.shape, np.uint8)
        values[:, rows.in_crop, columns.in_crop] = warped
        mean = np.zeros(self.mean.shape, np.float32)
        mean[:, rows.in_crop, columns.in_crop] = self.mean[:, rows.in_crop, columns.in_crop]
        scale = np.float32(self.param.scale)
        return Patch(values, mean, scale), window.label, name

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'item': self.item}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.item = state['item']


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(path, f'cannot be read ({error.strerror})') from error
