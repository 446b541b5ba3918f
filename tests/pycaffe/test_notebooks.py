"""BVLC's example notebooks and the scripts beside them, in a checkout that GOODINIT_CAFFE names.

They also need `pip install ipython nbformat pandas tables scikit-image` and, from Python 3.13 on,
a Python that still has 2to3 (lib2to3).
"""

import json
import shutil
import sys
from dataclasses import dataclass, field

import bvlc_tree
import notebook_cells
import places
import pytest
from bvlc_tree import NARROW, ran, shortened

NEEDED = ('IPython', 'nbformat', 'pandas', 'tables', 'skimage', 'h5py', 'plyvel', 'matplotlib')
Changes = list[tuple[str, str]]


@dataclass
class Book:
    """How many code cells a notebook has; those that fail, by number: how the error begins, and
    what mends it; and what makes cells small."""

    cells: int
    fails: dict[int, tuple[str, Changes]] = field(default_factory=dict)
    small: Changes = field(default_factory=list)


ONCE = ('%timeit', '%timeit -n1 -r1')
SORT = '.sort_values('
BOOKS = {
    '00-classification': Book(
        21,
        small=[
            ONCE,
            ('reshape(50,', 'reshape(4,'),
            ('wget -O image.jpg $my_image_url', 'cp images/cat.jpg image.jpg'),
        ],
    ),
    '01-learning-lenet': Book(
        19,
        {18: ('IndexError: only integers', [('niter / 10', 'niter // 10')])},
        [('niter = 200', 'niter = 50'), ('niter = 250', 'niter = 20'), ('range(100)', 'range(2)')],
    ),
    '02-fine-tuning': Book(
        28,
        {
            3: ('TypeError: control character', [(r"delimiter='\n'", r"delimiter='\t'")]),
            5: ('TypeError: a bytes-like', [('TemporaryFile(', "TemporaryFile('w', ")]),
        },
        [
            NARROW,
            ('niter = 200', 'niter = 2'),
            ('test_iters=10', 'test_iters=1'),
            ('batch_size=50', 'batch_size=4'),
            ('batch_index = 8', 'batch_index = 2'),
        ],
    ),
    'brewing-logreg': Book(
        12,
        {
            2: ('TypeError: SGDC', [('n_iter', 'max_iter'), ("'log'", "'log_loss'")]),
        },
        [ONCE, ('max_iter = 10000', 'max_iter = 100'), ('n_iter=1000', 'n_iter=10')],
    ),
    'detection': Book(
        10,
        {
            2: ("AttributeError: 'DataFrame'", [('_df.sort(', f'_df{SORT}')]),
            4: ("AttributeError: 'Series'", [('max_s.sort(', f'max_s = max_s{SORT}')]),
            5: ("AttributeError: 'Series'", [('.order(', SORT)]),
            7: ('ValueError: Multi-dimensional', [('scores[:, np', 'scores.values[:, np')]),
        },
    ),
    'net_surgery': Book(11),
    'pascal-multilabel-with-datalayer': Book(
        10,
        {
            0: ('UsageError: Line magic', [('% matplotlib', '%matplotlib')]),
            5: ("AttributeError: module 'numpy'", [('np.int)', 'int)')]),
            8: ("TypeError: 'float' object", [('5823/128', '5823//4000')]),
        },
        [
            NARROW,
            ('batch_size = 128', 'batch_size = 5'),
            ('step(100)', 'step(1)'),
            ('range(6)', 'range(1)'),
            (', 50)', ', 1)'),
        ],
    ),
    'siamese/mnist_siamese': Book(
        5, {2: ('ValueError: The binary mode of fromstring', [('np.fromstring', 'np.frombuffer')])}
    ),
}


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    if not bvlc_tree.CHECKOUT:
        pytest.skip('GOODINIT_CAFFE names no checkout of BVLC/caffe')
    if not places.DATA.is_dir():
        pytest.skip(f'{places.DATA} is not there')
    for module in NEEDED:
        pytest.importorskip(module)
    pytest.importorskip('lib2to3')
    folder = tmp_path_factory.mktemp('caffe')
    bvlc_tree.made_ready(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope='module')
def env(tree):
    return bvlc_tree.environment(tree)


@pytest.mark.parametrize('name', BOOKS)
def test_notebook(name, tree, env):
    book = BOOKS[name]
    mends = {number: changes for number, (_, changes) in book.fails.items()}
    given = json.dumps({'small': book.small, 'mends': mends})
    command = [sys.executable, notebook_cells.__file__, f'{tree}/examples/{name}.ipynb', 'out.json']
    ran(command, tree, env, given)
    report = json.loads((tree / 'out.json').read_text())
    assert len(report) == book.cells
    assert [after for _, after in report if after] == []
    failed = {number: first for number, (first, _) in enumerate(report) if first}
    assert set(failed) == set(book.fails), failed
    for number, (error, _) in book.fails.items():
        assert failed[number].startswith(error)


CELL = """%matplotlib inline
if full:
    print 'data'
    !fetch --to $here \\
        --all
"""


def test_2to3_leaves_lines_of_ipython_alone():
    pytest.importorskip('lib2to3')
    spelled = notebook_cells.as_python3(CELL)
    assert spelled.strip() == CELL.strip().replace("print 'data'", "print('data')")


@pytest.mark.parametrize('name', BOOKS)
def test_the_page_counts_the_cells_that_run(name):
    book = BOOKS[name]
    page = (places.ROOT / 'docs/pycaffe.md').read_text(encoding='utf-8')
    assert f'| {name} | {book.cells - len(book.fails)} of {book.cells} |' in page


# -- scripts

LENET = 'examples/mnist/lenet_iter_2'
AUTOENCODER = 'examples/mnist/mnist_autoencoder'
SCRIPTS = {
    'examples/mnist': {
        'create_mnist': 'examples/mnist/mnist_test_lmdb/data.mdb',
        'train_lenet': f'{LENET}.caffemodel',
        'train_lenet_adam': f'{LENET}.solverstate',
        'train_lenet_consolidated': f'{LENET}.caffemodel',
        'train_lenet_rmsprop': 'examples/mnist/lenet_rmsprop_iter_2.caffemodel',
        'train_mnist_autoencoder': f'{AUTOENCODER}_iter_2.caffemodel',
        'train_mnist_autoencoder_adadelta': f'{AUTOENCODER}_adadelta_train_iter_2.caffemodel',
        'train_mnist_autoencoder_adagrad': f'{AUTOENCODER}_adagrad_train_iter_2.caffemodel',
        'train_mnist_autoencoder_nesterov': f'{AUTOENCODER}_nesterov_train_iter_2.caffemodel',
    },
    'examples/cifar10': {
        'create_cifar10': 'examples/cifar10/mean.binaryproto',
        'train_quick': 'examples/cifar10/cifar10_quick_iter_4.caffemodel.h5',
        'train_full': 'examples/cifar10/cifar10_full_iter_6.caffemodel.h5',
        'train_full_sigmoid': 'examples/cifar10_full_sigmoid_iter_2.caffemodel',
        'train_full_sigmoid_bn': 'examples/cifar10_full_sigmoid_bn_iter_2.caffemodel',
    },
    'examples/siamese': {
        'create_mnist_siamese': 'examples/siamese/mnist_siamese_test_leveldb/CURRENT',
        'train_mnist_siamese': 'examples/siamese/mnist_siamese_iter_2.caffemodel',
    },
    'examples/imagenet': {
        'create_imagenet': 'examples/imagenet/ilsvrc12_val_lmdb/data.mdb',
        'make_imagenet_mean': 'data/ilsvrc12/imagenet_mean.binaryproto',
        'train_caffenet': 'models/bvlc_reference_caffenet/caffenet_train_iter_2.caffemodel',
        'resume_training': 'models/bvlc_reference_caffenet/caffenet_train_iter_2.solverstate',
    },
}
# The iterations that scripts go on from, made small; a name that Caffe does not write either; and
# what create_imagenet.sh asks its user to fill in.
SPELLED = [
    ('iter_4000', 'iter_2'),
    ('iter_60000.solverstate', 'iter_2.solverstate.h5'),
    ('iter_65000.solverstate', 'iter_4.solverstate.h5'),
    ('caffenet_train_10000.solverstate.h5', 'caffenet_train_iter_1.solverstate'),
    ('/path/to/imagenet/train', str(places.DATA / 'imagenet_sample')),
    ('/path/to/imagenet/val', str(places.DATA / 'imagenet_sample')),
    ('RESIZE=false', 'RESIZE=true'),
]
STAGES = {'_lr1': 4, '_lr2': 6}


@pytest.mark.parametrize('folder', SCRIPTS)
def test_scripts(folder, tree, env):
    for stage, count in STAGES.items():
        for solver in (tree / folder).glob(f'*{stage}.prototxt'):
            solver.write_text(shortened(solver.read_text(), max_iter=count))
    for name, made in SCRIPTS[folder].items():
        script = tree / folder / f'{name}.sh'
        script.write_text(notebook_cells.changed(script.read_text(), SPELLED))
        (tree / made).unlink(missing_ok=True)
        ran([f'./{folder}/{name}.sh'], tree, env)
        assert (tree / made).exists(), name
