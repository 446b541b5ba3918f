"""Readers of images for the layers that feed a net: databases and lists, in order or shuffled."""
from collections.abc import Callable
from functools import partial

import numpy as np

from ..errors import DataError
from .databases import datum_to_array, open_database, parse_datum
from .images import decode_image, resize
from .shuffle import draw_seed, order
from .sources import read_list
from .transform import Patch, Transformer

# The label may be None; the name is for error messages.
Image = tuple[Patch, int | None, str]


class DatumReader:
    """The images of a database, in the order of its keys, from the first or one drawn by rand_skip on.

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
    """The images of a list, from the first line or one drawn by rand_skip on, in order or each pass shuffled anew.

    param is an ImageDataParameter. `rng` is drawn from here and nowhere else.
    """

    def __init__(self, param, transform: Transformer, rng: np.random.Generator):
        self.param, self.transform, self.rng = param, transform, rng
        names, labels = read_list(param.source)
        if not names:
            raise DataError(f'data {param.source}: File is empty; needed: a path and a label per line')
        self.lines = list(zip(names, labels if labels else [None] * len(names), strict=True))
        self.line = int(rng.integers(param.rand_skip)) if param.rand_skip else 0
        if self.line >= len(self.lines):
            raise DataError(f'rand_skip: Not enough points to skip: {param.source} has {len(self.lines)} lines')
        self.begin_pass(draw_seed(rng))

    def begin_pass(self, seed: int) -> None:
        self.seed, self.order = seed, order(len(self.lines), seed if self.param.shuffle else None)

    def __next__(self) -> Callable[[], Image]:
        if self.line >= len(self.lines):
            self.line = 0
            self.begin_pass(draw_seed(self.rng))
        file, label = self.lines[self.order[self.line]]
        self.line += 1
        return partial(self.image, self.param.root_folder + file, label, self.transform.draw(self.rng))

    def image(self, name: str, label: int | None, draws: np.ndarray) -> Image:
        pixels = decode_image(name, self.param.is_color)
        if self.param.new_height:
            pixels = resize(pixels, self.param.new_height, self.param.new_width)
        return self.transform(pixels, draws, name), label, name

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'seed': self.seed, 'line': self.line}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state, self.line = state['rng'], state['line']
        self.begin_pass(state['seed'])
