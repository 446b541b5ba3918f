"""Convolution on a device, by cuDNN and by im2col with cuBLAS: which is chosen, and that both
compute the same."""

import ctypes

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn, gpu
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.errors import EngineError, LayerError
from goodinit.proto import parse_net
from op_calls import call, convolution_calls, draw, run

pytestmark = pytest.mark.cuda
DIRECTIONS = 'conv_forward', 'conv_backward_data', 'conv_backward_weights'
SHAPES = [
    (Window((3, 2), (2, 1), (1, 0), (1, 2)), 2, (2, 4, 7, 6), (6, 2, 3, 2)),
    (Window((1, 1), (1, 1), (0, 0), (1, 1)), 1, (2, 3, 4, 5), (4, 3, 1, 1)),
    (Window((3,), (2,), (1,), (1,)), 1, (2, 3, 8), (4, 3, 3)),
    (Window((2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2)), 1, (1, 2, 4, 5, 5), (3, 2, 2, 3, 2)),
    (Window((2,) * 4, (1,) * 4, (0,) * 4, (1,) * 4), 1, (1, 2, 3, 3, 2, 2), (2, 2, 2, 2, 2, 2)),
]
CASES = []
for shapes in SHAPES:
    CASES += [c for c in convolution_calls(*shapes) if c.op in DIRECTIONS]

WINDOW = Window((3, 3), (1, 1), (1, 1), (1, 1))


@pytest.fixture
def with_cudnn(cuda):
    try:
        cudnn.open_cudnn()
    except EngineError as error:
        pytest.skip(str(error))
    return cuda


@pytest.mark.parametrize('by', ['CAFFE', 'CUDNN'])
@pytest.mark.parametrize('c', CASES, ids=lambda c: f'{c.id}-{c.inputs[2].kernel}')
def test_both_ways_compute_the_same(c, by, with_cudnn):
    expected = run(make_engine('reference', dtype=np.float64), c)['out']
    found = run(with_cudnn.convolving(by), c)['out']
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max(initial=1))


@pytest.mark.parametrize(
    'options, launches',
    [((), 0), ((draw(4),), 1), ((None, True), 1), ((draw(4), True, draw(4)), 1)],
)
def test_what_follows_a_convolution_is_one_kernel(options, launches, with_cudnn, monkeypatch):
    """Scale, bias and ReLU."""
    x, W, y = draw(2, 3, 5, 5), draw(4, 3, 3, 3), draw(2, 4, 5, 5)
    c = call('conv_forward', x, W, WINDOW, 1, *options, out=y)
    calls, launch = [], gpu.Gpu.launch
    monkeypatch.setattr(gpu.Gpu, 'launch', lambda *args: calls.append(args) or launch(*args))
    found = run(with_cudnn, c)['out']
    assert len(calls) == launches
    np.testing.assert_allclose(found, run(make_engine('reference'), c)['out'], rtol=0, atol=1e-5)


def test_nothing_to_convolve(with_cudnn):
    """An empty batch: cuDNN knows no shapes without elements."""
    x, y = np.zeros((0, 3, 5, 5)), np.zeros((0, 4, 5, 5))
    W, dW = draw(4, 3, 3, 3), draw(4, 3, 3, 3)
    forward = call('conv_forward', x, W, WINDOW, 1, out=y)
    backward = call('conv_backward_weights', x, y, WINDOW, 1, out=dW)
    assert run(with_cudnn, forward)['out'].size == 0
    found = run(with_cudnn, backward)['out']
    np.testing.assert_array_equal(found, dW.astype(np.float32))


def test_the_field_engine_chooses(with_cudnn):
    for field, found in (
        ('', with_cudnn),
        ('engine: DEFAULT', with_cudnn),
        ('engine: CUDNN', 'CUDNN'),
        ('engine: CAFFE', 'CAFFE'),
    ):
        layer = net(field, with_cudnn).layers[1]
        assert layer.engine is found or layer.engine.convolution == found
        assert (layer.engine.cudnn is None) == (found == 'CAFFE')
    watched = make_engine('checked:cuda').convolving('CAFFE')
    assert (watched.name, watched.inner.cudnn) == ('checked:cuda', None)


NET = """
layer {{ name: "x" type: "Input" top: "x"
         input_param {{ shape {{ dim: 2 dim: 3 dim: 5 dim: 5 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "x" top: "y"
         convolution_param {{ num_output: 4 kernel_size: 3 {field} }} }}"""


def net(field, engine):
    return Net(parse_net(NET.format(field=field), 'net.prototxt'), engine=engine)


def test_without_cudnn(cuda, monkeypatch):
    """DEFAULT goes without it; CUDNN says what is missing."""
    import cuda.pathfinder as finder

    def find(name):
        if name == 'cudnn':
            raise finder.DynamicLibNotFoundError(name)
        return found(name)

    found = finder.load_nvidia_dynamic_lib
    monkeypatch.setattr(finder, 'load_nvidia_dynamic_lib', find)
    cudnn.open_cudnn.cache_clear()
    assert Cuda().cudnn is None
    net('', Cuda()).forward()
    with pytest.raises(
        LayerError,
        match=r"layer 'conv' \(Convolution\).*engine: CUDNN needs cuDNN, which was not "
        r'found: pip install nvidia-cudnn-cu13',
    ):
        net('engine: CUDNN', Cuda()).forward()


# -- what cuDNN is asked for


def plan(engine):
    """The convolution that an engine has planned for WINDOW, after it has run."""
    for c in convolution_calls(WINDOW, 1, (2, 3, 5, 5), (4, 3, 3, 3)):
        if c.op in DIRECTIONS:
            run(engine, c)
    shapes = (2, 3, 5, 5), (4, 3, 3, 3), (2, 4, 5, 5)
    return engine.cudnn.convolution(*shapes, WINDOW, 1, engine.tf32, engine.deterministic)


def test_deterministic_algorithms(with_cudnn):
    assert all(a.deterministic for a in plan(Cuda(deterministic=True)).algorithms.values())
    assert plan(Cuda(deterministic=True)).algorithms.keys() == {
        'Forward',
        'BackwardData',
        'BackwardFilter',
    }


def test_the_fastest_algorithm_that_fits(with_cudnn, cuda_device, monkeypatch):
    if cuda_device == 'real':
        pytest.skip('which one that is depends on the GPU')
    with_cudnn.cudnn.convolution.cache_clear()
    assert {a.number for a in plan(with_cudnn).algorithms.values()} == {0}
    with_cudnn.cudnn.convolution.cache_clear()
    monkeypatch.setattr(cudnn, 'MOST_WORKSPACE', 63)
    assert {a.number for a in plan(with_cudnn).algorithms.values()} == {1}
    with_cudnn.cudnn.convolution.cache_clear()


def test_where_no_algorithm_fits(with_cudnn, monkeypatch):
    """DEFAULT goes without cuDNN; CUDNN says so."""
    with_cudnn.cudnn.convolution.cache_clear()
    monkeypatch.setattr(cudnn, 'MOST_WORKSPACE', -1)
    for c in CASES:
        expected = run(make_engine('reference', dtype=np.float64), c)['out']
        np.testing.assert_allclose(
            run(with_cudnn, c)['out'], expected, rtol=0, atol=1e-5 * np.abs(expected).max()
        )
    with pytest.raises(
        EngineError,
        match='cuDNN has no algorithm for ConvolutionForward of these shapes: use engine',
    ):
        run(with_cudnn.convolving('CUDNN'), CASES[0])
    with_cudnn.cudnn.convolution.cache_clear()


@pytest.mark.parametrize(
    'c', [call('gemm', draw(64, 64), draw(64, 64), out=draw(64, 64)), CASES[0]], ids=lambda c: c.op
)
def test_tf32_is_an_option(c, with_cudnn):
    """Its error is that of 10 bits after the point, 2^-11 for each of two factors; without it that
    of float32."""
    expected = run(make_engine('reference', dtype=np.float64), c)['out']
    errors = [
        np.abs(run(engine, c)['out'] - expected).max() / np.abs(expected).max()
        for engine in (with_cudnn, Cuda(tf32=True))
    ]
    assert errors[0] < 1e-6
    assert 1e-6 < errors[1] < 2e-3


def test_a_failing_call_is_an_error(with_cudnn):
    with pytest.raises(
        EngineError, match=r'cuDNN failed: cudnnSetTensorNdDescriptor gave status \d+'
    ):
        with_cudnn.cudnn.convolution(
            (2, 3, 5, 5), (4, 3, 3, 3), (2, 4, -5, 5), WINDOW, 1, False, False
        )


def test_what_cudnn_expects_of_an_algorithm_has_the_layout_of_c():
    """As cudnn.h declares cudnnConvolutionFwdAlgoPerf_t: enum, enum, float, size_t, enum, enum,
    int[3]."""
    offsets = {name: getattr(cudnn.Algorithm, name).offset for name, _ in cudnn.Algorithm._fields_}
    assert list(offsets.values()) == [0, 4, 8, 16, 24, 28, 32]
    assert ctypes.sizeof(cudnn.Algorithm) == 48


def test_convolution_is_by_engines_that_have_no_choice():
    engine = make_engine('reference')
    assert engine.convolving('CUDNN') is engine
