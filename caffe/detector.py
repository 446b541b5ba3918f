"""caffe.Detector: a net that tells the class of windows of images, as R-CNN does.

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
from .io import load_image, resize_image
from .pycaffe import Net

SELECTIVE_SEARCH = 'selective_search_ijcv_with_python'


class Detector(Net):
    """A net that takes windows of images, each warped to the net's input.

    mean, input_scale, raw_scale, channel_swap: what io.Transformer's set_mean and so on take.
    context_pad: so many pixels along each side of the net's input show what surrounds the window;
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

    def detect_windows(
        self, images_windows: Iterable[tuple[str, Iterable]]
    ) -> list[dict[str, Any]]:
        """What the net's first output says of windows of images, given as (file name, windows).

        Returns a dict for each window: 'filename', 'window', 'prediction'. Raises DataError for a
        file that is no image and for a window outside its image.
        """
        found, crops = [], []
        for filename, windows in images_windows:
            image = load_image(filename, color=self.crop_dims[2] != 1)
            for window in windows:
                found.append({'filename': filename, 'window': window})
                try:
                    crop = self.crop(image, window)
                except DataError as error:
                    raise DataError(f'{filename}: {error}') from error
                crops.append(self.transformer.preprocess(self.inputs[0], crop))
        if found:
            batch: dict[str, Any] = {self.inputs[0]: np.stack(crops)}
            predictions = self.forward_all(**batch)[self.outputs[0]]
            for detection, prediction in zip(found, predictions, strict=True):
                detection['prediction'] = prediction
        return found

    def detect_selective_search(self, image_fnames: Sequence[str]) -> list[dict[str, Any]]:
        """detect_windows for the windows that selective search proposes. Raises GoodinitError where
        it is missing."""
        try:
            search = import_module(SELECTIVE_SEARCH)
        except ImportError as error:
            raise GoodinitError(
                f"selective search needs the package '{SELECTIVE_SEARCH}' on PYTHONPATH ({error}), and "
                f'MATLAB: https://github.com/sergeyk/{SELECTIVE_SEARCH}; '
                'detect_windows takes windows from elsewhere'
            ) from error
        paths = [
            os.path.abspath(name) for name in image_fnames
        ]  # MATLAB has another current directory
        return self.detect_windows(
            zip(paths, search.get_windows(paths, cmd='selective_search_rcnn'), strict=True)
        )

    def crop(self, im: np.ndarray, window: Sequence[int]) -> np.ndarray:
        """The window of the image (H, W, K); with context (see `configure_crop`) warped to the
        net's input.

        Raises DataError where the window is empty or outside the image.
        """
        box = np.asarray(window, float).reshape(2, 2)
        wide = self._with_context(box) if self.context_pad else box
        inside = np.clip(wide, 0, im.shape[:2])
        (top, left), (bottom, right) = inside.astype(int)
        part = im[top:bottom, left:right]
        if not part.size:
            raise DataError(
                'window ymin {:g}, xmin {:g}, ymax {:g}, xmax {:g}'.format(*box.ravel())
                + f': found nothing of the image, {im.shape[0]} x {im.shape[1]} pixels, in it'
            )
        return self._warped(part, wide, inside) if self.context_pad else part

    def _with_context(self, box):
        """The box ((ymin, xmin), (ymax, xmax)) of what fills the net's input when `box` fills all
        but its context."""
        size, half = self.crop_dims[:2], (box[1] - box[0] + 1) / 2
        reach = size / (size - 2 * self.context_pad) * half
        return np.round(box[0] + half + [-reach, reach])

    def _warped(self, part, wide, inside):
        """What of the box `wide` is `inside` the image, at its place in the net's input; the mean
        around it."""
        size = self.crop_dims[:2]
        scale = size / (wide[1] - wide[0] + 1)
        top, left = pad = np.round(np.maximum(-wide[0], 0) * scale).astype(int)
        height, width = np.minimum(
            np.round((inside[1] - inside[0] + 1) * scale).astype(int), size - pad
        )
        out = self.crop_mean.copy()
        if height and width:  # of a window many times the image nothing is left to see
            out[top : top + height, left : left + width] = resize_image(part, (height, width))
        return out

    def configure_crop(self, context_pad: int | None) -> None:
        """Crop with `context_pad` pixels of context on each side of the net's input. Raises
        DataError."""
        name, t = self.inputs[0], self.transformer
        order = np.argsort(t.transpose[name])
        self.crop_dims = np.array(self.blobs[name].shape[1:])[order]
        if context_pad and not 0 < 2 * context_pad < self.crop_dims[:2].min():
            raise DataError(
                f"context_pad: found {context_pad}, needed: 0 or more, less than half a side of the net's "
                f'input, {self.crop_dims[0]} x {self.crop_dims[1]}'
            )
        self.context_pad = context_pad
        # The mean as the image has it, before its channels were swapped and scaled.
        mean = np.broadcast_to(t.mean.get(name, np.float32(0)), t.inputs[name][1:])
        mean = mean[np.argsort(t.channel_swap.get(name, range(len(mean))))].transpose(order)
        self.crop_mean = (mean / t.raw_scale.get(name, 1)).astype(np.float32)
