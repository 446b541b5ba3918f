"""Command lines of tools that compute, on small nets: on the CPU, or with --gpu."""

import shutil

import golden
import numpy as np
import pytest
from goodinit.tools import (
    classify,
    detect,
    init_net,
    lsuv_init,
    magic_init,
    measure_stat,
    stats,
    test,
)
from PIL import Image
from toolkit import DEPLOY, samples, written

SMALL = ['--proto', 'small.prototxt', '--data', 'x.npy']
PICTURE = [
    '--model_def',
    'deploy.prototxt',
    '--pretrained_model',
    'small.caffemodel',
    '--images_dim',
    '8,8',
]
WINDOWS = ['windows.csv', 'out.csv', *PICTURE[:4], '--context_pad', '0']

# Each computes a caffemodel.
WEIGHTS = [
    (init_net, [*SMALL, '--quiet', '--out']),
    (init_net, [*SMALL, '--quiet', '--method', 'kmeans', '--batches', '1', '--out']),
    (magic_init, ['small.prototxt', '-d', 'x.npy', '-z', '-q', '-nit', '2', '-cs']),
    (lsuv_init, ['small.prototxt']),
]

# Each prints its results, or writes a file of text.
PRINTED = [
    (stats, SMALL, ''),
    (measure_stat, ['small.prototxt', '-d', 'x.npy', '-nit', '2'], ''),
    (
        test,
        ['--model', 'net.prototxt', '--weights', 'init.caffemodel', '--iterations', '2'],
        '',
    ),
    (classify, ['a.png', *PICTURE, '--center_only'], ''),
    (detect, WINDOWS, 'out.csv'),
]


def with_small_nets(folder):
    """The folder, which is the current one, with small nets, their data and weights."""
    pytest.importorskip('h5py')
    shutil.copytree(golden.HERE / 'cli', folder, dirs_exist_ok=True)
    written(folder, name='small.prototxt')
    written(folder, DEPLOY.replace('dim: 2', 'dim: 1'), 'deploy.prototxt')
    samples(folder, (40, 3, 8, 8))
    pixels = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'a.png')
    (folder / 'windows.csv').write_text('filename,xmin,ymin,xmax,ymax\na.png,1,1,8,8\n')
    arguments = ['--proto', 'deploy.prototxt', '--data', 'x.npy', '--out', 'small.caffemodel']
    assert init_net.main([*arguments, '--quiet']) == 0
    return folder
