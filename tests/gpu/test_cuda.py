"""The CUDA engine beyond its ops, which test_engines.py runs: nets, kernels, memory, and what may
be missing."""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig

import numpy as np
import pytest
from goodinit.feeding.bundled import MODELS
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.cuda import cublas, device, launch
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Engine
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.errors import EngineError, GoodinitError
from goodinit.netlib.memory import Memory, Tensor
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import TRAIN
from op_calls import all_calls, call, draw, run

CALLS = all_calls(UNARY, BINARY)
NOT_YET: set[str] = set()  # ops that the engine lacks: one that is written must leave this list


@pytest.fixture
def cuda(cuda_device):
    return make_engine('cuda')


def test_which_ops_are_there():
    assert {op for op in OPS if getattr(Cuda, op) is getattr(Engine, op)} == NOT_YET


# -- LeNet


def lenet(name, images=2):
    """A LeNet of models/ with few outputs; Input layers stand in for its data."""
    param = read_net(MODELS / 'lenet' / f'{name}.prototxt')
    layers = list(param.layer)
    del param.layer[:]
    if name == 'train_val':
        for top, shape in ('data', (images, 1, 28, 28)), ('label', (images,)):
            param.layer.add(name=top, type='Input', top=[top]).input_param.shape.add(dim=shape)
    else:
        layers[0].input_param.shape[0].dim[0] = images
    param.layer.extend(layer for layer in layers if layer.type != 'Data')
    for layer in param.layer:
        for fields in (layer.convolution_param, layer.inner_product_param):
            if fields.num_output not in (0, 10):
                fields.num_output //= 5
    return param


def passes(param, engine):
    """{name: array} of all values and gradients after a pass forward and back, from fixed random
    numbers."""
    net, rng = Net(param, TRAIN, engine=engine, seed=0), np.random.default_rng(3)
    for blob in [*net.all_params(), net.blobs['data']]:
        blob.data = rng.uniform(-0.2, 0.2, blob.shape)
    if 'label' in net.blobs:
        net.blobs['label'].data = [3, 9]
    else:
        net.blobs['prob'].diff = rng.uniform(-1, 1, net.blobs['prob'].shape)
    net.forward()
    net.clear_param_diffs()
    net.backward()
    blobs = net.blobs | {param.name: param for param in net.all_params()}
    return {
        f'{name}{half}': array.copy()
        for name, blob in blobs.items()
        for half, array in (('', blob.data), (' diff', blob.diff))
    }


@pytest.mark.parametrize('name', ['train_val', 'deploy'])
def test_lenet(name, engine):
    param = lenet(name)
    param.force_backward = True
    ours = passes(param, engine)
    expected = passes(param, make_engine('reference', dtype=np.float64))
    assert ours.keys() == expected.keys() >= {'data diff', 'conv1[0] diff', 'ip2[1] diff'}
    for key, array in expected.items():
        assert key == 'label diff' or np.any(array), f'{key} is all zeros'
        np.testing.assert_allclose(
            ours[key], array, rtol=0, atol=2e-5 * np.abs(array).max(initial=1e-9), err_msg=key
        )


@pytest.mark.cuda
def test_lenet_under_watch(cuda_device):
    passes(lenet('train_val'), make_engine('checked:cuda'))


@pytest.mark.cuda
def test_a_wrong_label_is_found_when_the_loss_is_read(cuda):
    net = Net(lenet('train_val'), TRAIN, engine=cuda, seed=0)
    net.blobs['label'].data = [3, 10]
    loss = net.run()
    with pytest.raises(
        EngineError, match=r'found the label 10: labels must lie in 0 .. 9, for as many classes'
    ):
        float(loss)
    net.blobs['label'].data = [3, 9]
    assert net.forward() == pytest.approx(np.log(10))


# -- kernels


@pytest.mark.cuda
def test_the_order_of_the_threads_does_not_matter(cuda, cuda_device, monkeypatch):
    """A barrier that is missing shows in one order or the other."""
    if cuda_device == 'real':
        pytest.skip('a GPU runs its threads in an order of its own')
    forwards = [run(cuda, c) for c in CALLS]
    monkeypatch.setenv('CUDA_EMULATOR_REVERSED', '1')
    for c, expected in zip(CALLS, forwards, strict=True):
        for name, array in run(cuda, c).items():
            np.testing.assert_array_equal(array, expected[name], err_msg=f'{c.id} {name}')


# More terms, classes or elements than a block has threads, and just as many; axes that must be
# joined or must not.
LARGE = [
    call('sum', draw(2, 1000), out=draw(2, 1)),
    call('sum', draw(3, 256, 2), out=draw(1, 1, 2)),
    call('dot', draw(257, 3), draw(257, 3), out=draw(1, 3)),
    call('moments', draw(7, 2, 75), mean=draw(1, 2, 1), var=draw(1, 2, 1)),
    call('softmax_forward', draw(2, 600, 2), out=draw(2, 600, 2)),
    call('softmax_backward', draw(2, 600, 2), draw(2, 600, 2), out=draw(2, 600, 2)),
    call('axpby', 2, draw(3, 257), 1, out=draw(3, 257)),
    call('fill', 3, out=draw(1025)),
    call('binary', 'sub', draw(2, 1, 3, 1, 2), draw(1, 5, 3, 2, 1), out=draw(2, 5, 3, 2, 2)),
    call('sum', draw(2, 3, 1, 2, 3, 2), out=draw(2, 1, 1, 2, 1, 2)),
    call('binary', 'add', draw(1, 3), draw(1, 3), out=draw(2, 3)),
]


@pytest.mark.cuda
@pytest.mark.parametrize('c', LARGE, ids=lambda c: f'{c.id}-{c.keywords}'[:40])
def test_ops_on_more_than_a_block(c, cuda):
    for name, array in run(make_engine('reference', dtype=np.float64), c).items():
        np.testing.assert_allclose(
            run(cuda, c)[name], array, rtol=0, atol=1e-5 * np.abs(array).max(initial=1)
        )


@pytest.mark.cuda
def test_ops_under_watch(cuda_device):
    """They write all of what they shall, and read nothing of what was there before."""
    watched = make_engine('checked:cuda')
    for c in CALLS:
        run(watched, c)


@pytest.mark.cuda
@pytest.mark.filterwarnings('ignore::RuntimeWarning')  # NumPy's, of the reference
def test_nan_and_infinity_go_through_as_in_the_reference(cuda):
    special = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1, -1])
    for c in CALLS:
        if c.op == 'unary':
            c = call('unary', c.inputs[0], special, *c.inputs[2:], out=special)
        elif c.op == 'binary':
            c = call('binary', c.inputs[0], special[:, None], special[None], out=np.zeros((7, 7)))
        else:
            continue
        np.testing.assert_allclose(
            run(cuda, c)['out'], run(make_engine('reference'), c)['out'], 1e-6, err_msg=c.id
        )


@pytest.mark.cuda
def test_nothing_is_launched_for_nothing(cuda):
    nothing = np.zeros((0, 3))
    assert run(cuda, call('unary', 'abs', nothing, out=nothing))['out'].shape == (0, 3)
    assert run(cuda, call('gemm', nothing, np.zeros((3, 2)), out=np.zeros((0, 2))))[
        'out'
    ].shape == (0, 2)
    assert (
        run(cuda, call('gemm', nothing.T, nothing, out=draw(3, 3)))['out'].tolist() == [[0] * 3] * 3
    )


@functools.cache
def real_nvcc():
    """The path of NVIDIA's nvcc, not that of the emulated device; None without one. The last folder
    is pip's."""
    site_packages = sysconfig.get_path('purelib')
    for folder in [
        *os.environ['PATH'].split(os.pathsep),
        '/usr/local/cuda/bin',
        f'{site_packages}/nvidia/cu13/bin',
    ]:
        nvcc = shutil.which('nvcc', path=folder)
        if (
            nvcc
            and 'NVIDIA'
            in subprocess.run([nvcc, '--version'], capture_output=True, text=True).stdout
        ):
            return nvcc


@pytest.mark.parametrize('family', sorted(path.stem for path in launch.KERNELS.glob('*.cu')))
def test_kernels_compile_without_a_warning(family, tmp_path):
    if real_nvcc() is None:
        pytest.skip("needs NVIDIA's nvcc")
    targets = [f'-gencode=arch=compute_{n},code=sm_{n}' for n in (75, 80, 90)]
    done = subprocess.run(
        [
            real_nvcc(),
            '-Werror',
            'all-warnings',
            '-include',
            launch.KERNELS / 'common.cuh',
            *targets,
            '--fatbin',
            launch.KERNELS / f'{family}.cu',
            '-o',
            tmp_path / 'fatbin',
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- memory


@pytest.mark.cuda
def test_memory_moves_between_host_and_device(cuda):
    memory = Memory(6)
    x = Tensor((2, 3), memory)
    cuda.fill(7, out=x[1])
    assert (memory.head, memory.held) == ('device', 24)
    assert x.array().tolist() == [[0] * 3, [7] * 3]
    assert (memory.head, memory.held) == ('both', 48)
    x.array(write=True)[0] = [1, 2, 3]
    cuda.axpby(1, x[0], 1, out=x[1])
    assert memory.head == 'device'
    assert x.array().tolist() == [[1, 2, 3], [8, 9, 10]]
    memory.free()
    cuda.axpby(2, x[0], 1, out=x[1])
    assert x.array().tolist() == [[0] * 3] * 2


@pytest.mark.cuda
def test_a_net_that_grows_and_shrinks(cuda):
    """Blobs and the engine's own room follow the batch."""
    net = Net(lenet('deploy'), TRAIN, engine=cuda, seed=0)
    for param in net.all_params():
        param.data = np.random.default_rng(1).uniform(-0.2, 0.2, param.shape)
    images = np.random.default_rng(2).uniform(0, 1, (5, 1, 28, 28))
    found = []
    for n in (2, 5, 1):
        net.blobs['data'].reshape(n, 1, 28, 28)
        net.blobs['data'].data = images[:n]
        net.forward()
        found.append(net.blobs['prob'].data.copy())
    np.testing.assert_allclose(found[0], found[1][:2], rtol=1e-5)
    np.testing.assert_allclose(found[2], found[1][:1], rtol=1e-5)


# -- what may be wrong


@pytest.mark.cuda
@pytest.mark.parametrize(
    'c, message',
    [
        (
            call('unary', 'cube', draw(2), out=draw(2)),
            r"unknown elementwise function 'cube'.* \(known: abs",
        ),
        (
            call('binary', 'add', draw(*[2, 1] * 5), draw(*[1, 2] * 5), out=draw(*[2] * 10)),
            r"engine 'cuda' computes over at most 8 axes at a time; found 10",
        ),
    ],
)
def test_what_the_engine_cannot_do_is_said(c, message, cuda):
    with pytest.raises(EngineError, match=message):
        run(cuda, c)


@pytest.mark.cuda
def test_too_much_is_refused(cuda):
    with pytest.raises(
        EngineError, match=r'at most 2147483391 numbers at a time; found 2147483392\. Use a smaller'
    ):
        cuda.kernels.elementwise.fill(2**31 - 256, 0, None)
    with pytest.raises(
        EngineError, match=r'the GPU has no room for 140737488 MB more: [\d]+ of [\d]+ MB are free'
    ):
        Memory(2**45).device(cuda.device)


def test_only_float32():
    with pytest.raises(
        EngineError, match="engine 'cuda' computes in float32; for float64 use engine 'reference'"
    ):
        make_engine('cuda', dtype=np.float64)


def test_pycuda_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    with pytest.raises(
        GoodinitError, match=r"this needs the package 'pycuda' .*: pip install 'goodinit\[cuda\]'"
    ):
        device.open_device.__wrapped__()


@pytest.mark.cuda
def test_a_missing_compiler_is_named(cuda, monkeypatch):
    monkeypatch.setenv('PATH', '')
    with pytest.raises(
        EngineError, match=r'needs nvcc to compile its kernels: .* Install the CUDA toolkit'
    ):
        launch.compiled.__wrapped__('pooling')


@pytest.mark.cuda
def test_a_missing_cublas_is_named(cuda, monkeypatch):
    import cuda.pathfinder as finder

    def find(name):
        raise finder.DynamicLibNotFoundError(name)

    monkeypatch.setattr(finder, 'load_nvidia_dynamic_lib', find)
    with pytest.raises(
        EngineError,
        match=r"engine 'cuda' needs cuBLAS, which is not found: install .* nvidia-cublas",
    ):
        cublas.Cublas(cuda.device.stream)


@pytest.mark.cuda
def test_a_failing_cublas_call_is_an_error(cuda):
    with pytest.raises(EngineError, match='cuBLAS failed with status 7'):
        cuda.blas.gemm(0, 0, 0, -1, 1, 1)


def alone(script):
    """Run a script in a process that has no emulated device."""
    folders = os.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    without = os.pathsep.join(
        folder for folder in folders if 'goodinit-emulated-device' not in folder
    )
    return subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        env=os.environ | {'LD_LIBRARY_PATH': without},
    )


@pytest.mark.cuda
def test_a_missing_gpu_is_named(cuda_device):
    if cuda_device == 'real':
        pytest.skip('there is a GPU')
    message = alone(
        'from goodinit.netlib.engines import make_engine; make_engine("cuda")'
    ).stderr.splitlines()[-1]
    assert message.startswith(
        "goodinit.netlib.errors.EngineError: engine 'cuda' finds no GPU (libcuda.so.1: "
    )
    assert message.endswith(
        "it needs one by NVIDIA, with its driver; the engines 'fast' and 'reference' need none"
    )


def test_pycuda_is_imported_by_its_engine_alone():
    done = alone(
        'import sys, goodinit.netlib, goodinit.netlib.engines.cuda.engine\n'
        'print([name for name in sys.modules if "pycuda" in name])'
    )
    assert (done.stdout, done.stderr) == ('[]\n', '')


def test_the_cuda_engine_is_imported_when_it_is_made():
    done = alone(
        'import sys, goodinit, goodinit.caffe, goodinit.tools.init_net, goodinit.tools.train\n'
        'goodinit.netlib.engines.make_engine("fast")\n'
        'print([name for name in sys.modules if "engines.cuda." in name])'
    )
    assert (done.stdout, done.stderr) == ("['goodinit.netlib.engines.cuda.device']\n", '')
