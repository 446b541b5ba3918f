"""caffe.Detector: a net that names the class of windows of images, as R-CNN does.

Girshick, Donahue, Darrell & Malik 2014, Rich feature hierarchies for accurate object detection and
semantic segmentation (arXiv 1311.2524).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..netlib.errors import DataError, GoodinitError
from ..proto.caffe_pb2 import TEST
from .classifier import transformer_for
from .io import cut, load_image, resize_image
from .pycaffe import Net

SELECTIVE_SEARCH = 'selective_search_ijcv_with_python'


class Detector(Net):
    """A net that takes windows of images, each warped to the net's input.

    mean, input_scale, raw_scale, channel_swap: what io.Transformer's set_mean and so on take.
    context_pad: how many pixels along each side of the net's input show what surrounds the window;
    beyond the image they show the mean. A window is ymin, xmin, ymax, xmax in pixels.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    # -- detections

    def detect_windows(
        self, images_windows: Iterable[tuple[str, Iterable]]
    ) -> list[dict[str, Any]]:
        """What the net's first output says of windows of images, given as (file name, windows).

        Returns a dict for each window: 'filename', 'window', 'prediction'. Raises DataError for a
        file that is no image and for a window outside its image.
        """
        found: list[dict[str, Any]] = []
        inputs: list[np.ndarray] = []
        name = self.inputs[0]
        color = self.crop_dims[2] != 1
        for filename, windows in images_windows:
            image = load_image(filename, color)
            for window in windows:
                found.append({'filename': filename, 'window': window})
                crop = self._crop_of(filename, image, window)
                inputs.append(self.transformer.preprocess(name, crop))
        if not found:
            return found
        batch: dict[str, Any] = {name: np.stack(inputs)}
        predictions = self.forward_all(**batch)[self.outputs[0]]
        for detection, prediction in zip(found, predictions, strict=True):
            detection['prediction'] = prediction
        return found

    def _crop_of(self, filename: str, image: np.ndarray, window: Sequence[int]) -> np.ndarray:
        try:
            return self.crop(image, window)
        except DataError as error:
            raise DataError(f'{filename}: {error}') from error

    def detect_selective_search(self, image_fnames: Sequence[str]) -> list[dict[str, Any]]:
        """detect_windows for the windows that selective search proposes. Raises GoodinitError where
        it is missing."""
        try:
            search = import_module(SELECTIVE_SEARCH)
        except ImportError as error:
            raise GoodinitError(
                f"selective search needs the package '{SELECTIVE_SEARCH}' on PYTHONPATH "
                f'({error}), and MATLAB: https://github.com/sergeyk/{SELECTIVE_SEARCH}; '
                'detect_windows takes windows from elsewhere'
            ) from error
        # MATLAB has a current directory of its own.
        paths = [os.path.abspath(name) for name in image_fnames]
        windows = search.get_windows(paths, cmd='selective_search_rcnn')
        return self.detect_windows(zip(paths, windows, strict=True))

    # -- crops

    def configure_crop(self, context_pad: int | None) -> None:
        """Crop with `context_pad` pixels of context on each side of the net's input. Raises
        DataError."""
        name = self.inputs[0]
        order = np.argsort(self.transformer.transpose[name])
        self.crop_dims = np.array(self.blobs[name].shape[1:])[order]
        if context_pad and not 0 < 2 * context_pad < self.crop_dims[:2].min():
            height, width, _ = self.crop_dims
            raise DataError(
                f'context_pad: found {context_pad}, needed: 0 or more, '
                f"less than half a side of the net's input, {height} x {width}"
            )
        self.context_pad = context_pad
        self.crop_mean = self._mean_image(order)

    def _mean_image(self, order: np.ndarray) -> np.ndarray:
        """The mean (H, W, K) as an image has it, before its channels are swapped and scaled.

        order: of the axes (K, H, W) of the net's input.
        """
        name = self.inputs[0]
        prepares = self.transformer
        mean = prepares.mean.get(name, np.float32(0))
        planes = np.broadcast_to(mean, prepares.inputs[name][1:])
        swap = prepares.channel_swap.get(name, range(len(planes)))
        image = planes[np.argsort(swap)].transpose(order)
        scale = prepares.raw_scale.get(name, 1)
        return (image / scale).astype(np.float32)

    def crop(self, im: np.ndarray, window: Sequence[int]) -> np.ndarray:
        """The window of the image (H, W, K); with context (see `configure_crop`) warped to the
        net's input.

        Raises DataError where the window is empty or outside the image.
        """
        height, width = im.shape[:2]
        box = np.asarray(window, float).reshape(2, 2)
        wide = box
        if self.context_pad:
            wide = self._with_context(box, self.context_pad)
        inside = np.clip(wide, 0, (height, width))
        (top, left), (bottom, right) = inside.astype(int)
        part = im[top:bottom, left:right]
        if not part.size:
            place = 'ymin {:g}, xmin {:g}, ymax {:g}, xmax {:g}'.format(*box.ravel())
            raise DataError(
                f'window {place}: found nothing of the image, {height} x {width} pixels, in it'
            )
        if not self.context_pad:
            return part
        return self._warped(part, wide, inside)

    def _with_context(self, box: np.ndarray, context_pad: int) -> np.ndarray:
        """The box ((ymin, xmin), (ymax, xmax)) of what fills the net's input when `box` fills all
        of it except the context."""
        size = self.crop_dims[:2]
        half = _extent(box) / 2
        reach = size / (size - 2 * context_pad) * half
        return np.round(box[0] + half + [-reach, reach])

    def _warped(self, part: np.ndarray, wide: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """The part of the box `wide` that is `inside` the image, at its place in the net's input,
        with the mean around it."""
        size = self.crop_dims[:2]
        scale = size / _extent(wide)
        outside = np.maximum(-wide[0], 0)
        corner = np.round(outside * scale).astype(int)
        extent = np.round(_extent(inside) * scale).astype(int)
        extent = np.minimum(extent, size - corner)
        out = self.crop_mean.copy()
        if extent.all():  # of a window many times the image nothing is left to see
            cut(out, corner, extent)[...] = resize_image(part, extent)
        return out


def _extent(box: np.ndarray) -> np.ndarray:
    """The height and width of a box ((ymin, xmin), (ymax, xmax))."""
    return box[1] - box[0] + 1
