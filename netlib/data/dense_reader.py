"""Reader of pairs of an image and an image of labels, for segmentation nets."""

from typing import Any

import numpy as np

from ...proto.caffe_pb2 import DenseImageDataParameter, TransformationParameter
from ..errors import DataError
from ..rng import Rng
from ..shapes import Shape, dimensions
from .images import decode_image, resize_nearest
from .list_files import read_lines
from .readers import Image, ListReader
from .transform import Slices, Transformer, refuse_extents


class DenseReader(ListReader):
    """The images of a list, each with an image that has a label for each pixel. Both are cropped
    and mirrored together.

    The layer's own mirror and mean_file apply in addition to those of the transformation.
    """

    def __init__(
        self,
        param: DenseImageDataParameter,
        transform: TransformationParameter,
        phase: int,
        rng: Rng,
    ):
        refuse_extents(transform, 'pairs of images')
        whole = TransformationParameter()
        whole.CopyFrom(transform)
        whole.mirror |= param.mirror
        if param.mean_file:
            whole.mean_file = param.mean_file
        places = TransformationParameter(crop_size=whole.crop_size, mirror=whole.mirror)
        self.transform_labels = Transformer(places, phase)
        super().__init__(param, Transformer(whole, phase), rng)

    @staticmethod
    def read_lines(source: str) -> list[tuple]:
        """The two paths of each line."""
        lines = [tuple(line.split()) for line in read_lines(source)]
        for line in lines:
            if len(line) != 2:
                raise DataError(
                    f"data {source}: found the line '{' '.join(line)}', needed: the path of an "
                    'image and the path of its labels'
                )
        return lines

    def image(self, file: str, label: Any, draws: np.ndarray) -> Image:
        """The image, and the labels of the file `label`."""
        root = self.param.root_folder
        name = root + self.param.root_folder_image + file
        label_name = root + self.param.root_folder_label + label
        pixels = self.pixels(name)
        labels = self.labels(label_name, pixels.shape)
        if self.param.crop_height:
            window = self.lowest(pixels.shape, draws, name)
            pixels = pixels[window]
            labels = labels[window]
        patch = self.transform(pixels, draws, name)
        label_patch = self.transform_labels(labels, draws, label_name)
        return patch, label_patch.pixels, name

    def labels(self, name: str, shape: Shape) -> np.ndarray:
        """The labels (1, h, w) of an image (C, H, W), smaller by label_divide_factor. Raises
        DataError if they have another size."""
        labels = decode_image(name, color=False)
        height = shape[1] // self.param.label_divide_factor
        width = shape[2] // self.param.label_divide_factor
        if self.param.new_height:
            labels = resize_nearest(labels, height, width)
        if labels.shape[1:] != (height, width):
            raise DataError(
                f'{name} is {dimensions(labels.shape[1:])}, needed: {height} x {width}, as Input '
                'and label image heights and widths must match; new_height and new_width resize '
                'both'
            )
        return labels

    def lowest(self, shape: Shape, draws: np.ndarray, name: str) -> Slices:
        """The lowest crop_height rows, and crop_width columns of them, as ENet's fork crops road
        scenes."""
        _, height, width = shape
        rows = self.param.crop_height
        columns = self.param.crop_width
        if height < rows or width < columns:
            raise DataError(
                f'{name} is {height} x {width}, smaller than crop_height x crop_width: '
                f'{rows} x {columns}'
            )
        top = height - rows
        left = int(draws[1] * (width - columns + 1))
        return slice(None), slice(top, height), slice(left, left + columns)
