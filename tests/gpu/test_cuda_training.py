"""Training on a device: a step waits for nothing, memory is used again, uploads run beside the
computation."""

import gc

import numpy as np
import pytest
from goodinit.feeding.bundled import MODELS
from goodinit.initializers import fill
from goodinit.netlib.engines.cuda import launch, uploads
from goodinit.netlib.engines.cuda.pool import Pool
from goodinit.netlib.errors import EngineError, SolverError
from goodinit.netlib.memory import Arena, Memory, Tensor, join
from goodinit.proto import parse_solver, read_net
from goodinit.solvers import Clipped, Displayed, Solver

pytestmark = pytest.mark.cuda


def solver(model, shape, fields='', **options):
    """A solver of a bundled net, thinned, with random batches in place of its data."""
    param = parse_solver('base_lr: 0.01 lr_policy: "fixed" ' + fields)
    net = read_net(MODELS / model / 'train_val.prototxt')
    layer = param.net_param.layer.add(name='data', type='DummyData', top=['data', 'label'])
    data = layer.dummy_data_param
    data.shape.add(dim=(2, *shape))
    data.shape.add(dim=(2,))
    data.data_filler.add(type='gaussian')
    data.data_filler.add(type='uniform', max=9.99)
    for layer in net.layer:
        if layer.type != 'Data':
            layer.convolution_param.num_output = min(layer.convolution_param.num_output, 8)
            layer.inner_product_param.num_output = min(layer.inner_product_param.num_output, 10)
            param.net_param.layer.append(layer)
    return Solver(param, seed=0, fill=lambda net: fill(net, np.random.default_rng(0)), **options)


# -- a step


@pytest.mark.parametrize(
    'fields',
    [
        'momentum: 0.9 weight_decay: 0.0005',
        'type: "AdaDelta" momentum: 0.9 iter_size: 2',
        'type: "Adam" momentum: 0.9 weight_decay: 0.01 regularization_type: "L1"',
    ],
)
def test_all_parameters_are_updated_in_one_launch(fields, cuda, monkeypatch):
    training = solver('lenet', (1, 28, 28), fields, engine=cuda)  # whose biases have another rate
    launched, found = [], launch.function
    monkeypatch.setattr(launch, 'function', lambda *names: launched.append(names) or found(*names))
    training.update(0.01, 1)
    assert launched == [('elementwise', 'steps')]


def test_many_ops_are_put_off_and_few_are_refused(cuda):
    x, y = cuda.tensor(5), cuda.tensor(1, 5)
    with cuda.blockwise() as block:
        for _ in range(200):  # of which a launch takes 64
            block.unary('power', x, 1, 1, 0.5, out=x)
    assert set(x.array()) == {100}
    for refused, message in (
        (
            lambda block: block.binary('mul', y, cuda.tensor(1, 1), out=y),
            r'blockwise: binary takes tensors of the same size; found \(1, 5\), \(1, 1\), \(1, 5\)',
        ),
        (
            lambda block: block.unary('exp', x, 1, 1, out=x),
            r"blockwise: engine 'cuda' can defer axpby, .*; found unary_exp",
        ),
    ):
        with pytest.raises(EngineError, match=message), cuda.blockwise() as block:
            refused(block)
    cuda.unary('exp', x, 0, 1, out=x)  # as before
    assert set(x.array()) == {1}


@pytest.mark.parametrize(
    'model, shape, fields',
    [
        ('lenet', (1, 28, 28), 'momentum: 0.9 weight_decay: 0.0005'),
        ('lenet', (1, 28, 28), 'type: "Adam" momentum: 0.9 iter_size: 2 average_loss: 3'),
        ('lenet', (1, 28, 28), 'clip_gradients: 0.1 regularization_type: "L1" weight_decay: 0.01'),
        ('fitnet1/relu', (3, 32, 32), 'momentum: 0.9'),
    ],
)
def test_a_step_waits_for_nothing(model, shape, fields, cuda, waits):
    training = solver(model, shape, fields, engine=cuda, on_nan='stop')
    training.step(4)  # takes memory, compiles, uploads what is to stay
    before = waits()
    training.step(2)
    assert waits() == before
    assert 0 < training.smoothed_loss < 100
    assert waits() > before


def test_numbers_are_looked_at_when_they_are_displayed(cuda):
    """Those that are not finite, and the norm of the gradients."""
    events = []
    training = solver(
        'lenet',
        (1, 28, 28),
        'display: 3 clip_gradients: 1e-3',
        engine=cuda,
        on_nan='stop',
        report=events.append,
    )
    training.step(4)
    assert [event.iter for event in events if isinstance(event, Displayed)] == [0, 3]
    clipped = [event for event in events if isinstance(event, Clipped)]
    assert [event.iter for event in clipped] == [0, 3]
    assert all(event.norm > event.limit for event in clipped)
    training.learnable[-2].data = np.nan
    training.step(2)
    with pytest.raises(SolverError, match=r'iteration 6: the loss is nan'):
        training.step(1)


def test_without_a_display_numbers_are_looked_at_now_and_then(cuda):
    training = solver('lenet', (1, 28, 28), engine=cuda, on_nan='stop')
    training.learnable[-2].data = np.nan
    training.state.iter = 98
    training.step(2)
    with pytest.raises(SolverError, match=r'iteration 100: the loss is nan'):
        training.step(1)


def test_parameters_are_updated_together(cuda, monkeypatch):
    """Eight of LeNet, of which weights and biases have different rates: two groups."""
    training = solver('lenet', (1, 28, 28), engine=cuda)
    calls, rule = [], training.update.rule
    monkeypatch.setattr(
        training.update, 'rule', lambda block, *rest: rule(Counting(block, calls), *rest)
    )
    training.step(1)
    assert calls == ['axpby', 'copy'] * 2


class Counting:
    """A block that notes which ops are called."""

    def __init__(self, block, calls):
        self.block, self.calls = block, calls

    def __getattr__(self, name):
        self.calls.append(name)
        return getattr(self.block, name)


# -- memory


def test_memory_comes_back(cuda):
    pool = Pool(cuda.device.cuda)
    a, b = pool.allocate(100), pool.allocate(100)
    address = int(b)
    assert (pool.used, pool.peak, pool.kept) == (200, 200, 0)
    del b
    assert (pool.used, pool.peak, pool.kept) == (100, 200, 100)
    c = pool.allocate(100)
    assert int(c) == address != int(a)
    assert (pool.used, pool.peak, pool.kept) == (200, 200, 0)
    del a, c
    pool.release()
    assert (pool.used, pool.peak, pool.kept) == (0, 200, 0)


def test_memory_that_is_kept_does_not_stand_in_the_way(cuda):
    pool, (_, total) = Pool(cuda.device.cuda), cuda.device.cuda.mem_get_info()
    size = int(0.4 * total)
    for extra in range(4):  # together more than there is, and no two of a size
        pool.allocate(size + extra)
    with pytest.raises(EngineError, match='the GPU cannot allocate another'):
        pool.allocate(2 * total)


def test_freed_memory_goes_to_the_pool(cuda):
    gc.collect()
    pool, memory = cuda.device.pool, Memory(1000)
    before = pool.used
    memory.device(cuda.device)
    assert pool.used == before + 4000
    memory.free()
    assert pool.used == before


def test_memories_side_by_side(cuda):
    """On the device as on the host; each knows where its own numbers are current."""
    memories = [Memory(n) for n in (3, 64, 70)]
    memories[0].host(write=True)[:] = 1
    whole = Arena(memories)
    assert (whole.size, [m.start for m in memories]) == (256, [0, 64, 128])
    ((flat,),) = join([Tensor((m.size,), m)] for m in memories)
    assert flat.shape == (198,)
    cuda.axpby(2, flat, 1, out=flat)
    assert [m.head for m in memories] == ['device'] * 3
    assert memories[0].host().tolist() == [3] * 3
    memories[1].host(write=True)[:] = 5
    assert [m.head for m in memories] == ['both', 'host', 'device']
    cuda.axpby(1, flat, 1, out=flat)
    assert flat.array().tolist() == [6] * 3 + [0] * 61 + [10] * 64 + [0] * 70


# -- uploads


def test_an_upload_takes_the_numbers_as_they_are_then(cuda):
    """Although it waits for nothing, and whether or not results of the last one are still being
    computed."""
    x, total = Tensor((5,), Memory(5)), cuda.tensor(5)
    for i in range(7):
        x.array(write=True)[:] = 10**i
        cuda.axpby(1, x, 1, out=total)
        x.array(write=True)[:] = np.nan
    assert total.array().tolist() == [1111111] * 5


def test_uploads_beside_the_computation_do_not_wait(cuda, waits):
    x, total = Tensor((77,), Memory(77)), cuda.tensor(77)

    def upload():
        x.array(write=True)[:] = 1
        cuda.axpby(1, x, 1, out=total)

    for _ in range(3):
        upload()
    before = waits()
    for _ in range(5):
        upload()
    assert waits() == before
    assert total.array().tolist() == [8] * 77


def test_room_for_uploads_is_limited(cuda, monkeypatch):
    """Slots used last stay; an upload too large for two slots gets none."""
    monkeypatch.setattr(uploads, 'ROOM', 1000)
    driver = cuda.device.cuda
    upload = uploads.Uploads(driver, Pool(driver), cuda.device.stream)
    target = Memory(200)
    address = int(target.device(cuda.device, write=True))
    found = []
    for n in [100] * 3 + [50] * 3 + [100] + [150] * 3:
        upload(np.full(n, n, np.float32), address)
        found.append(sorted(size // 4 for size, _ in upload._slots))
    assert found == [[], [100], [100, 100], [100, 100], [50, 100, 100], *[[50, 50, 100]] * 5]
    assert target.host().tolist()[:150] == [150] * 150


def test_without_page_locked_memory_copies_wait(cuda, monkeypatch):
    def refuse(*given):
        raise driver.MemoryError('cuMemHostAlloc failed: out of memory')

    driver = cuda.device.cuda
    upload = uploads.Uploads(driver, Pool(driver), cuda.device.stream)
    target = Memory(5)
    address = int(target.device(cuda.device, write=True))
    monkeypatch.setattr(driver, 'pagelocked_empty', refuse)
    for n in range(4):
        upload(np.full(5, n, np.float32), address)
    assert upload._slots == {} and upload._refused == {20}
    assert target.host().tolist() == [3] * 5


# -- compilation


def test_what_was_compiled_is_kept(cuda, tmp_path, monkeypatch):
    """By PyCUDA, by source, compute capability and version of nvcc."""
    from pycuda import compiler

    monkeypatch.delenv('PYCUDA_DISABLE_CACHE', raising=False)
    source = (launch.KERNELS / 'common.cuh').read_text()
    commands, call = [], compiler.call_capture_output

    def counted(*arguments, **keywords):
        commands.append(arguments)
        return call(*arguments, **keywords)

    monkeypatch.setattr(compiler, 'call_capture_output', counted)

    def compile_it(source, arch='sm_90', version='1'):
        monkeypatch.setattr(compiler, 'get_nvcc_version', lambda nvcc: version)
        commands.clear()
        compiler.compile(source, arch=arch, cache_dir=str(tmp_path))
        return len(commands)

    assert [compile_it(source), compile_it(source)] == [1, 0]
    assert compile_it(source + '\n') == 1
    assert compile_it(source, arch='sm_80') == 1
    assert compile_it(source, version='2') == 1
