"""Readers of images for the layers that feed a net: databases and lists, in order or shuffled."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...proto.caffe_pb2 import TransformationParameter
from ..errors import DataError
from .databases import datum_to_array, open_database, parse_datum
from .images import decode_image, resize, resize_nearest
from .shuffle import draw_seed, order
from .sources import read_lines, read_list
from .transform import Patch, Transformer, dimensions

# The label may be None, or an image of labels; the name is for error messages.
Label = int | np.ndarray | None
Image = tuple[Patch, Label, str]


class DatumReader:
    """The images of a database, in the order of its keys, from the first or one drawn by rand_skip
    on.

    param is a DataParameter. `rng` is drawn from here and nowhere else.
    """

    def __init__(self, param, transform: Transformer, rng: np.random.Generator):
        self.source, self.transform, self.rng = param.source, transform, rng
        self.database = open_database(param.source, param.backend)
        self.key, self.pairs = b'', self.database.cycle()
        for _ in range(int(rng.integers(param.rand_skip)) if param.rand_skip else 0):
            self.key, _ = next(self.pairs)

    def __next__(self) -> Callable[[], Image]:
        self.key, value = next(self.pairs)
        return partial(self.image, self.key, value, self.transform.draw(self.rng))

    def image(self, key: bytes, value: bytes, draws: np.ndarray) -> Image:
        name = f'{self.source}, key {key.decode(errors="replace")}'
        datum = parse_datum(value, name)
        pixels = datum_to_array(datum, self.transform.color, name)
        return self.transform(pixels, draws, name), datum.label, name

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'after': self.key.decode('latin-1')}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.key = state['after'].encode('latin-1')
        self.pairs = self.database.cycle(self.key)


class ListReader:
    """The images of a list, from the first line or one drawn by rand_skip on, in order or each pass
    shuffled anew.

    param is an ImageDataParameter. `rng` is drawn from here and nowhere else.
    """

    def __init__(self, param, transform: Transformer, rng: np.random.Generator):
        self.param, self.transform, self.rng = param, transform, rng
        self.lines = self.read_lines(param.source)
        if not self.lines:
            raise DataError(
                f'data {param.source}: File is empty; needed: a path and a label per line'
            )
        self.line = int(rng.integers(param.rand_skip)) if param.rand_skip else 0
        if self.line >= len(self.lines):
            raise DataError(
                f'rand_skip: Not enough points to skip: {param.source} has {len(self.lines)} lines'
            )
        self.begin_pass(draw_seed(rng))

    @staticmethod
    def read_lines(source: str) -> list[tuple]:
        """What stands in each line: a path, and a label or None."""
        names, labels = read_list(source)
        return list(zip(names, labels if labels else [None] * len(names), strict=True))

    def begin_pass(self, seed: int) -> None:
        self.seed, self.order = seed, order(len(self.lines), seed if self.param.shuffle else None)

    def __next__(self) -> Callable[[], Image]:
        if self.line >= len(self.lines):
            self.line = 0
            self.begin_pass(draw_seed(self.rng))
        file, label = self.lines[self.order[self.line]]
        self.line += 1
        return partial(self.image, file, label, self.transform.draw(self.rng))

    def image(self, file: str, label: Any, draws: np.ndarray) -> Image:
        name = self.param.root_folder + file
        return self.transform(self.pixels(name), draws, name), label, name

    def pixels(self, name: str) -> np.ndarray:
        """The image file, resized."""
        found = decode_image(name, self.param.is_color)
        return (
            resize(found, self.param.new_height, self.param.new_width)
            if self.param.new_height
            else found
        )

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'seed': self.seed, 'line': self.line}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state, self.line = state['rng'], state['line']
        self.begin_pass(state['seed'])


class DenseReader(ListReader):
    """The images of a list, each with an image of labels, one for each pixel: cut and mirrored
    alike.

    param is a DenseImageDataParameter, whose own mirror and mean_file count beside the
    transformation's.
    """

    def __init__(
        self, param, transform: TransformationParameter, phase: int, rng: np.random.Generator
    ):
        whole = TransformationParameter()
        whole.CopyFrom(transform)
        whole.mirror |= param.mirror
        if param.mean_file:
            whole.mean_file = param.mean_file
        where = TransformationParameter(crop_size=whole.crop_size, mirror=whole.mirror)
        self.transform_labels = Transformer(where, phase)
        super().__init__(param, Transformer(whole, phase), rng)

    @staticmethod
    def read_lines(source: str) -> list[tuple]:
        """The two paths of each line."""
        lines = [tuple(line.split()) for line in read_lines(source)]
        for line in lines:
            if len(line) != 2:
                raise DataError(
                    f"data {source}: found the line '{' '.join(line)}', needed: the path of an image and "
                    'that of its labels'
                )
        return lines

    def image(self, file: str, label: Any, draws: np.ndarray) -> Image:
        p = self.param
        name, label_name = (
            p.root_folder + p.root_folder_image + file,
            p.root_folder + p.root_folder_label + label,
        )
        pixels, labels = self.pixels(name), decode_image(label_name, color=False)
        wanted = pixels.shape[1] // p.label_divide_factor, pixels.shape[2] // p.label_divide_factor
        if p.new_height:
            labels = resize_nearest(labels, *wanted)
        if labels.shape[1:] != wanted:
            raise DataError(
                f'{label_name} is {dimensions(labels.shape[1:])}, needed: {dimensions(wanted)}, as Input '
                'and label image heights and widths must match; new_height and new_width resize both'
            )
        if p.crop_height:
            window = self.lowest(pixels.shape, draws, name)
            pixels, labels = pixels[window], labels[window]
        return (
            self.transform(pixels, draws, name),
            self.transform_labels(labels, draws, label_name).pixels,
            name,
        )

    def lowest(
        self, shape: tuple[int, ...], draws: np.ndarray, name: str
    ) -> tuple[slice, slice, slice]:
        """The crop_height lowest rows, crop_width columns of them, as ENet's fork cuts images of
        roads."""
        p, (_, height, width) = self.param, shape
        if height < p.crop_height or width < p.crop_width:
            raise DataError(
                f'{name} is {height} x {width}, smaller than crop_height x crop_width: '
                f'{p.crop_height} x {p.crop_width}'
            )
        left = int(draws[1] * (width - p.crop_width + 1))
        return slice(None), slice(height - p.crop_height, height), slice(left, left + p.crop_width)
