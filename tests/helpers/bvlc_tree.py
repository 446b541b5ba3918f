"""A checkout of BVLC Caffe, whose folder GOODINIT_CAFFE names, copied and made ready: its notebooks
and scripts then run on a CPU, without a network, in seconds.

The data come from files at hand, and the weights of models that were published are drawn. The fully
connected layers of CaffeNet have 64 outputs, and trainings two iterations.
"""

import gzip
import os
import re
import shutil
import subprocess

import places
from goodinit.tools import caffe_tree, init_net
from notebook_cells import as_python3, changed

CHECKOUT = os.environ.get('GOODINIT_CAFFE', '')
FOLDERS = ('data', 'examples', 'models', 'python', 'scripts', 'tools')

NARROW = ('4096', '64')
NARROWED = ('models/bvlc_reference_*/*.prototxt', 'examples/net_surgery/*.prototxt')
SHORT = {'max_iter': 2, 'snapshot': 1, 'test_iter': 1, 'test_interval': 2}
SHORTENED = ('examples/*/*solver*.prototxt', 'models/bvlc_reference_caffenet/solver.prototxt')
DRAWN = {
    'models/bvlc_reference_caffenet/bvlc_reference_caffenet': 'deploy',
    'models/bvlc_reference_rcnn_ilsvrc13/bvlc_reference_rcnn_ilsvrc13': 'deploy',
    'examples/siamese/mnist_siamese_iter_50000': 'mnist_siamese',
}
# Scripts that download what is here already.
DOWNLOADS = (
    'data/ilsvrc12/get_ilsvrc_aux.sh',
    'scripts/download_model_binary.py',
    'examples/finetune_flickr_style/assemble_data.py',
)
# SciPy has no imresize any more.
RESIZE = (
    'scipy.misc.imresize(im, self.im_shape)',
    'np.asarray(Image.fromarray(im).resize(self.im_shape))',
)
# Selective search is a program in MATLAB.
SEARCH = """import numpy as np

def get_windows(paths, cmd):
    return [np.array([[9 * i, 5 * i, 99 + 20 * i, 150 + 30 * i] for i in range(6)]) for _ in paths]
"""


def made_ready(folder):
    """Fill the folder with a copy of the checkout that runs goodinit."""
    for name in FOLDERS:
        shutil.copytree(os.path.join(CHECKOUT, name), folder / name)
    assert caffe_tree.main([str(folder), '--force']) == 0
    for name in DOWNLOADS:
        (folder / name).write_text('#!/bin/sh\n')
    for path in (folder / 'examples/pycaffe').rglob('*.py'):
        path.write_text(changed(as_python3(path.read_text()), [RESIZE]))
    (folder / 'python/selective_search_ijcv_with_python.py').write_text(SEARCH)
    make_small(folder)
    put_data(folder)
    for name, net in DRAWN.items():
        weights = folder / f'{name}.caffemodel'
        draw(weights.parent / f'{net}.prototxt', weights)


def make_small(folder):
    """Narrow the nets, and shorten the trainings."""
    for pattern in NARROWED:
        for path in folder.glob(pattern):
            small = changed(path.read_text(), [NARROW, ('batch_size: 256', 'batch_size: 4')])
            path.write_text(small)
    for pattern in SHORTENED:
        for path in folder.glob(pattern):
            path.write_text(shortened(path.read_text()))


def shortened(solver, **times):
    """The text of a solver that stops early."""
    for name, count in (SHORT | times).items():
        solver = re.sub(rf'^{name}: \d+', f'{name}: {count}', solver, flags=re.MULTILINE)
    return solver


def draw(proto, weights):
    given = ['--proto', str(proto), '--out', str(weights), '--method', 'msra', '--quiet']
    assert init_net.main(given) == 0


# -- data


def put_data(folder):
    """The files that the scripts of data/ download."""
    for path in (places.DATA / 'mnist').glob('*.gz'):
        with gzip.open(path) as packed:
            (folder / 'data/mnist' / path.stem).write_bytes(packed.read())
    for path in (places.DATA / 'cifar10').glob('*.bin.xz'):
        (folder / 'data/cifar10' / path.name).symlink_to(path)
    put_imagenet(folder / 'data/ilsvrc12')
    put_styles(folder / 'data/flickr_style')
    put_voc(folder / 'data/pascal/VOC2012')


def put_imagenet(folder):
    for name in ('synset_words.txt', 'synsets.txt', 'imagenet_mean.binaryproto'):
        shutil.copy(places.DATA / 'caffe_examples' / name, folder)
    names = ['n0 person', 'n1 bicycle', *(f'n{i} thing {i}' for i in range(2, 200))]
    (folder / 'det_synset_words.txt').write_text('\n'.join(names))
    images = (places.DATA / 'imagenet_sample/list.txt').read_text().splitlines()
    for split, part in {'train': images[:20], 'val': images[20:30]}.items():
        (folder / f'{split}.txt').write_text('\n'.join(part))


def put_styles(folder):
    """Images of ImageNet stand for those of Flickr, and have five labels."""
    folder.mkdir()
    images = sorted((places.DATA / 'imagenet_sample').glob('*.jpg'))[:12]
    text = ''.join(f'{path} {i % 5}\n' for i, path in enumerate(images))
    for split in ('train', 'test'):
        (folder / f'{split}.txt').write_text(text)


def put_voc(folder):
    """VOC 2007 stands for VOC 2012."""
    source = places.DATA / 'VOCdevkit/VOC2007'
    (folder / 'ImageSets/Main').mkdir(parents=True)
    for name in ('JPEGImages', 'Annotations'):
        (folder / name).symlink_to(source / name)
    for here, there in {'train': 'trainval', 'val': 'test'}.items():
        names = (source / f'ImageSets/Main/{there}.txt').read_text().split()[:16]
        (folder / f'ImageSets/Main/{here}.txt').write_text('\n'.join(names))


# -- running


def environment(folder):
    """What a process in the tree finds: goodinit as once installed, without the clone's folders
    such as `tools` on the path, where the examples have a module of that name."""
    package = folder / 'path/goodinit'
    package.mkdir(parents=True)
    inside = [*(places.ROOT / 'goodinit').glob('*.py'), *places.ROOT.glob('*/')]
    for source in inside:
        if source.name != 'goodinit':
            (package / source.name).symlink_to(source)
    (folder / 'tmp').mkdir()
    changes = {'PYTHONPATH': str(package.parent), 'TMPDIR': str(folder / 'tmp')}
    return os.environ | changes | {'MPLBACKEND': 'agg'}


def ran(command, folder, env, given=''):
    """What a command writes to stderr; it must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=env, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stderr
