"""Readers of images for the layers that feed a net: databases and lists, in order or shuffled."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...proto.caffe_pb2 import DataParameter, DenseImageDataParameter, ImageDataParameter
from ..errors import DataError
from ..rng import Rng
from .databases import datum_name, open_database, read_datum
from .deep_images import warn_of_depth
from .images import decode_image, resize
from .list_files import read_pairs
from .patch import Patch
from .shuffle import draw_seed, order
from .transform import Transformer

# The label may be None, or an image of labels; the name is for error messages.
Label = int | np.ndarray | None
Image = tuple[Patch, Label, str]


class DatumReader:
    """The images of a database in key order, starting at the first, or at a random one with
    rand_skip. Only the reader draws from `rng`."""

    def __init__(self, param: DataParameter, transform: Transformer, rng: Rng):
        self.source = param.source
        self.transform = transform
        self.rng = rng
        self.database = open_database(param.source, param.backend)
        self.key = b''  # the last key read
        self.pairs = self.database.cycle()
        skipped = int(rng.integers(param.rand_skip)) if param.rand_skip else 0
        if skipped:
            self._skip(skipped)

    def _skip(self, count: int) -> None:
        """Start after `count` pairs, which may be many times as many as there are."""
        keys = self.database.keys()
        if keys:
            self.key = keys[(count - 1) % len(keys)]
            self.pairs = self.database.cycle(self.key)

    def __next__(self) -> Callable[[], Image]:
        self.key, value = next(self.pairs)
        draws = self.transform.draw(self.rng)
        return partial(self.image, self.key, value, draws)

    def image(self, key: bytes, value: bytes, draws: np.ndarray) -> Image:
        name = datum_name(self.source, key)
        pixels, label = read_datum(value, self.transform.color, name)
        patch = self.transform(pixels, draws, name)
        return patch, label, name

    def state(self) -> dict:
        after = self.key.decode('latin-1')
        return {'rng': self.rng.bit_generator.state, 'after': after}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.key = state['after'].encode('latin-1')
        self.pairs = self.database.cycle(self.key)


class ListReader:
    """The images of a list, in order or reshuffled for each epoch, starting at the first line, or
    at a random one with rand_skip. Only the reader draws from `rng`."""

    def __init__(
        self,
        param: ImageDataParameter | DenseImageDataParameter,
        transform: Transformer,
        rng: Rng,
    ):
        self.param = param
        self.transform = transform
        self.rng = rng
        self.unseen = True  # no image has been read
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
        """The contents of each line: a path, and a label or None."""
        return list(read_pairs(source))

    def begin_pass(self, seed: int) -> None:
        """Put the lines in the order given by the seed."""
        self.seed = seed
        shuffled_by = seed if self.param.shuffle else None
        self.order = order(len(self.lines), shuffled_by)

    def __next__(self) -> Callable[[], Image]:
        if self.line >= len(self.lines):
            self.line = 0
            self.begin_pass(draw_seed(self.rng))
        file, label = self.lines[self.order[self.line]]
        self.line += 1
        draws = self.transform.draw(self.rng)
        return partial(self.image, file, label, draws)

    def image(self, file: str, label: Any, draws: np.ndarray) -> Image:
        name = self.param.root_folder + file
        patch = self.transform(self.pixels(name), draws, name)
        return patch, label, name

    def pixels(self, name: str) -> np.ndarray:
        """The pixels of an image file, resized if requested."""
        pixels = decode_image(name, self.param.is_color)
        if self.unseen:
            self.unseen = False
            warn_of_depth(name)
        if self.param.new_height:
            return resize(pixels, self.param.new_height, self.param.new_width)
        return pixels

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'seed': self.seed, 'line': self.line}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.line = state['line']
        self.begin_pass(state['seed'])
