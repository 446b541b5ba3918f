"""Little data in the shape of the papers' data sets, and cells of experiments run on it."""

import gzip
import json
import struct
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import places
from goodinit.experiments.runner import Cell, Run
from goodinit.experiments.runner.catalog import open_experiment
from goodinit.experiments.runner.cells import Task
from PIL import Image

RESULTS = places.ROOT / 'experiments' / 'results'


def few_cifar(data):
    """CIFAR-10's files with 8 records each."""
    folder = data / 'cifar10'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch'):
        records = rng.integers(0, 256, (8, 3073), dtype=np.uint8)
        records[:, 0] = range(8)
        (folder / f'{name}.bin').write_bytes(records.tobytes())
    return data


def few_digits(data):
    """MNIST's files with 200 images of noise each."""
    folder = data / 'mnist'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    shapes = {'images-idx3': (200, 28, 28), 'labels-idx1': (200,)}
    for part, (kind, shape) in product(('train', 't10k'), shapes.items()):
        pixels = rng.integers(0, 10, shape, dtype=np.uint8).tobytes()
        with gzip.open(folder / f'{part}-{kind}-ubyte.gz', 'wb') as file:
            file.write(b'\0\0\x08' + struct.pack(f'>B{len(shape)}I', len(shape), *shape) + pixels)
    return data


def few_slices(data):
    """Thirty grey images of 80 x 80 pixels in the place of ISBI's slices."""
    rng = np.random.default_rng(0)
    for kind, i in product(('image', 'label'), range(30)):
        path = data / 'isbi2012' / 'train' / kind / f'{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 2, (80, 80), dtype=np.uint8) * 255
        Image.fromarray(pixels).save(path)
    return data


def photographs(data, count):
    """So many small photographs of noise."""
    folder = data / 'imagenet_sample'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'{i:03}.jpg')
    return data


def measured(name, data, folder, cell=None, reduced=True, **numbers):
    """What a cell of the experiment finds, by default its first, with other numbers."""
    experiment = open_experiment(name)
    protocol = experiment.protocol(reduced)
    cell = cell or protocol.cells[0]
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**protocol.numbers, **cell.settings, **numbers}
    return experiment.measure(Run(settings, Path(data), folder))


def cell_of(name, reduced=True, **settings):
    """The first cell of the experiment with these settings."""
    cells = open_experiment(name).protocol(reduced).cells
    return next(cell for cell in cells if settings.items() <= dict(cell.settings).items())


def page_of(name, results, reduced=True, **numbers):
    """The page of these results, {cell: what it found}."""
    experiment = open_experiment(name)
    protocol = experiment.protocol(reduced)
    return experiment.report(results, replace(protocol, numbers={**protocol.numbers, **numbers}))


def committed(name, reduced=False):
    """Our results of an experiment: {cell: what it found}."""
    experiment = open_experiment(name)
    task = Task(name, experiment, reduced, Path(), RESULTS)
    content = json.loads(task.store.file('.json').read_text(encoding='utf-8'))
    cells = content['cells'].items()
    return {Cell(key, entry['settings']): entry['found'] for key, entry in cells}
