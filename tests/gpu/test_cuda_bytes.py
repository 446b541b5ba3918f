"""Kernels that compute little load each number once and store each result once, or hardly more."""

import device_counts
import numpy as np
import pytest
from goodinit.netlib.engines.cuda import launch
from op_calls import call, draw, run, tensor, window

# Times the least possible. What is loaded again comes from a cache: the scale of a channel, the
# first numbers of a block, a window that several threads see.
MOST = 1.3
MOST_OF_WINDOWS = 1.4
X = (4, 8, 24, 32)
CHANNELS = (1, 8, 1, 1)
IMAGES = (4, 1, 1, 1)
LARGE = (8, 8, 48, 64)  # of which several blocks sum a channel
Y = (4, 8, 12, 16)  # half of X


@pytest.fixture
def moved(cuda, cuda_device, monkeypatch):
    """A function that tells how many bytes the kernels load and store while it calls another."""
    if cuda_device == 'real':
        pytest.skip('a GPU does not count what each thread loads')
    from pycuda.compiler import SourceModule

    def forget():
        launch.function.cache_clear()
        launch.compiled.cache_clear()

    def measure(use):
        device_counts.counted()
        use()
        return bytes_by_kind(device_counts.counted())

    def compile_counted(name, source):
        return SourceModule(source, options=['-DCOUNTED'])

    monkeypatch.setattr(launch, 'compile_source', compile_counted)
    forget()
    yield measure
    forget()


def bytes_by_kind(counts):
    moved = {'loaded': 0, 'stored': 0}
    for key, n in counts.items():
        kind = key.split()[0]
        if kind in moved and key.endswith(', bytes'):
            moved[kind] += n
    return moved['loaded'], moved['stored']


def bytes_of(arrays):
    return 4 * sum(a.size for a in arrays if isinstance(a, np.ndarray))


CALLS = [
    call('fill', 3, out=draw(*X)),
    call('axpby', 2, draw(*X), 0, out=draw(*X)),
    call('unary', 'relu', draw(*X), 0.0, out=draw(*X)),
    call('unary_backward', 'elu', draw(*X), draw(*X), draw(*X), 1.0, out=draw(*X)),
    call('binary', 'add', draw(*X), draw(*X), out=draw(*X)),
    call('binary', 'mul', draw(*X), draw(*CHANNELS), out=draw(*X)),
    call('binary', 'sub', draw(*X), draw(*IMAGES), out=draw(*X)),
    call('standardize', draw(*X), draw(*CHANNELS), draw(*CHANNELS), out=draw(*X)),
    call('scale_shift', draw(*X), draw(*CHANNELS), draw(*CHANNELS), out=draw(*X)),
    call('scale_shift', draw(*X), draw(*CHANNELS), None, True, out=draw(*X)),
    call('transpose', draw(*X), (0, 2, 3, 1), out=draw(4, 24, 32, 8)),
    call('pool_max_forward', draw(*X), window(2, 2), out=draw(*Y), mask=draw(*Y)),
    call('pool_ave_forward', draw(*X), window(2, 2), out=draw(*Y)),
    call('pool_mask_backward', draw(*Y), draw(*Y), window(2, 2), out=draw(*X)),
    call('pool_ave_backward', draw(*Y), window(2, 2), out=draw(*X)),
    call('sum', draw(*X), out=draw(*CHANNELS)),
    call('sum', draw(*X), out=draw(*IMAGES)),
    call('sum', draw(*X), out=draw(1, 1, 1, 1), accumulate=True),
    call('sum', draw(64, 1000), out=draw(1, 1000)),
    call('sum', draw(*X), out=draw(1, 8, 1, 32)),
    call('dot', draw(*X), draw(*X), out=draw(*CHANNELS)),
    call('moments', draw(*LARGE), mean=draw(*CHANNELS), var=draw(*CHANNELS)),
]


ROWS = (4, 8, 768)  # X, as batch normalization takes it
EACH = (1, 8, 1)
RUNNING = {'stored_mean': draw(8), 'stored_var': draw(8), 'factor': draw(1)}
MOMENTS = {'mean': draw(*EACH), 'inverse': draw(*EACH), **RUNNING}
SUMS = {'dscale': draw(*EACH), 'dshift': draw(*EACH)}
AFFINE = draw(*EACH), draw(*EACH)
# How often each number has to be loaded: twice where sums of all come before what is made of each.
COMPOSED = [
    (call('dropout', draw(*X), 1, 0.5, out=draw(*X), mask=draw(*X)), 1),
    (call('rectify_backward', draw(*ROWS), draw(*ROWS), out=draw(*ROWS), dshift=draw(*EACH)), 1),
    (call('rectify_backward', draw(*ROWS), draw(*ROWS), out=draw(*ROWS), also=draw(*ROWS)), 1),
    (call('normalize_batch', draw(*ROWS), 1e-3, 0.9, z=draw(*ROWS), **MOMENTS), 2),
    (
        call(
            *('normalize_batch', draw(*ROWS), 1e-3, 0.9, *AFFINE, True),
            **{'z': draw(*ROWS), 'out': draw(*ROWS), **MOMENTS},
        ),
        2,
    ),
    (
        call(
            *('normalize_batch_backward', draw(*ROWS), draw(*EACH), draw(*ROWS), *AFFINE, None),
            **{'out': draw(*ROWS), **SUMS},
        ),
        2,
    ),
]


@pytest.mark.cuda
@pytest.mark.parametrize('c, passes', COMPOSED, ids=lambda c: getattr(c, 'id', ''))
def test_composed_kernels_load_a_number_once_a_pass(c, passes, cuda, moved):
    loaded, stored = moved(lambda: run(cuda, c))
    large = [a for a in c.inputs if isinstance(a, np.ndarray) and a.size >= 1000]
    assert bytes_of(large) * passes <= loaded
    assert loaded + stored <= MOST * (passes * bytes_of(large) + bytes_of(c.keywords.values()))


@pytest.mark.cuda
@pytest.mark.parametrize('c', CALLS, ids=lambda c: c.id)
def test_kernels_move_hardly_more_than_they_must(c, cuda, moved):
    loaded, stored = moved(lambda: run(cuda, c))
    least = bytes_of(c.inputs), bytes_of(c.keywords.values())
    assert loaded >= least[0] and stored >= least[1], 'some accesses are not counted'
    most = MOST_OF_WINDOWS if c.op.startswith('pool') else MOST
    assert loaded + stored <= most * sum(least)


@pytest.mark.cuda
def test_updates_move_hardly_more_than_they_must(cuda, moved):
    sizes = (5000, 30, 70000, 3)

    def drawn(size):
        return tensor(cuda, draw(size))

    tensors = [(drawn(size), drawn(size), drawn(size)) for size in sizes]

    def update():
        with cuda.blockwise() as block:
            for x, y, z in tensors:
                block.axpby(0.5, x, 0.25, out=y)  # loads both
                block.binary('mul', x, y, out=z)

    loaded, stored = moved(update)
    assert (loaded, stored) == (4 * 4 * sum(sizes), 2 * 4 * sum(sizes))
