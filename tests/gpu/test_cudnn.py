"""Which algorithms cuDNN is asked for, and what happens if one fails."""

import ctypes

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn_algorithms, cudnn_convolution
from goodinit.netlib.engines.cuda.cudnn_algorithms import DEFAULT_MATH, FMA_MATH
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.errors import EngineError
from goodinit.netlib.memory import Places
from op_calls import convolution_calls, run

pytestmark = pytest.mark.cuda
DIRECTIONS = 'conv_forward', 'conv_backward_data', 'conv_backward_weights'
WINDOW = Window((3, 3), (1, 1), (1, 1), (1, 1))
TOLERANCE = 1e-4  # of the largest: cuDNN may take Winograd's or Fourier's transforms
SHAPES = (2, 3, 5, 5), (4, 3, 3, 3), (2, 4, 5, 5)
CALLS = [c for c in convolution_calls(WINDOW, 1, *SHAPES[:2]) if c.op in DIRECTIONS]
GROUPED = list(
    convolution_calls(Window((3, 2), (2, 1), (1, 0), (1, 2)), 2, (2, 4, 7, 6), (6, 2, 3, 2))
)
FIND = 'cudnnFindConvolution{}AlgorithmEx'


# -- which algorithms it is asked for


def found(engine):
    """{direction: algorithms} of an engine for SHAPES, after it has computed twice."""
    for c in CALLS * 2:
        run(engine, c)
    return plan(engine).algorithms


def plan(engine):
    kind = engine.tf32, engine.deterministic
    return cudnn_convolution.planned(engine.cudnn, *SHAPES, WINDOW, 1, *kind)


def chosen(engine):
    """The number and the math type that an engine uses, in all directions alike."""
    (pair,) = {(some[0].number, some[0].math) for some in found(engine).values()}
    return pair


def test_deterministic_algorithms(with_cudnn):
    algorithms = found(Cuda(deterministic=True))
    assert algorithms.keys() == {'Forward', 'BackwardData', 'BackwardFilter'}
    for some in algorithms.values():
        assert some and all(a.deterministic for a in some)


def test_without_tf32_no_algorithm_takes_it(with_cudnn, fresh):
    for deterministic in (False, True):
        for some in found(Cuda(deterministic=deterministic)).values():
            assert {a.math for a in some} == {FMA_MATH}
        for some in found(Cuda(tf32=True, deterministic=deterministic)).values():
            assert {a.math for a in some} <= set(cudnn_algorithms.WITH_TF32)


def test_the_fastest_algorithm_that_fits(with_cudnn, cuda_device, fresh, monkeypatch):
    """As measured, with the math type that its workspace belongs to."""
    if cuda_device == 'real':
        pytest.skip('which one that is depends on the GPU')
    assert chosen(with_cudnn) == (3, FMA_MATH)
    assert chosen(Cuda(tf32=True)) == (1, DEFAULT_MATH)
    cudnn_convolution.planned.cache_clear()
    monkeypatch.setattr(cudnn_algorithms, 'MOST_WORKSPACE', 47)
    assert chosen(with_cudnn) == (1, FMA_MATH)
    monkeypatch.setattr(cudnn_algorithms, 'MOST_WORKSPACE', -1)
    assert chosen(with_cudnn) == (1, FMA_MATH), 'chosen once'


def test_a_shape_is_measured_the_second_time(with_cudnn, cuda_device, fresh):
    """One that occurs once is not worth it."""
    if cuda_device == 'real':
        pytest.skip('which one that is depends on the GPU')
    by_time = []
    for _ in range(3):
        run(with_cudnn, CALLS[0])
        by_time.append(plan(with_cudnn).algorithms['Forward'][0].number)
    assert by_time == [0, 3, 3]


def test_what_is_kept_of_a_convolution_ends_with_its_algorithm(with_cudnn, broken):
    """Until it has been measured, and when it fails."""
    tensors = [with_cudnn.tensor(*shape) for shape in SHAPES]
    for tensor in tensors:
        with_cudnn.fill(1, out=tensor)
    made = plan(with_cudnn)
    changed = []
    for number in (0, 0, 0, 1 << 3, 0):
        broken.value = number
        before = Places.version
        x, W, y = (with_cudnn.writes(tensor) for tensor in tensors)
        made.compute('Forward', x, W, y)
        changed.append(Places.version > before)
    assert changed == [True, False, False, True, False]


def test_without_a_measurement_the_heuristic_decides(with_cudnn, broken, monkeypatch):
    """For a deterministic engine, as a clock may decide differently the next time, and for a cuDNN
    that cannot measure."""
    assert chosen(Cuda(deterministic=True, tf32=True)) == (1, DEFAULT_MATH)
    assert chosen(Cuda(deterministic=True)) == (1, FMA_MATH)
    for direction in ('Forward', 'BackwardData', 'BackwardFilter'):
        name = FIND.format(direction)
        monkeypatch.setattr(with_cudnn.cudnn.library, name, lambda *given: 3000)
    assert chosen(with_cudnn) == (0, FMA_MATH)


def test_a_workspace_takes_a_part_of_what_is_free(with_cudnn, monkeypatch):
    device = with_cudnn.device
    monkeypatch.setattr(device.pool, 'kept', 0)
    for free, expected in ((2**20, 2**17), (2**40, 2**32)):
        monkeypatch.setattr(device.cuda, 'mem_get_info', lambda free=free: (free, 2**40))
        assert cudnn_algorithms.workspace_room(device) == expected


# -- what fails


def check_convolutions(engine):
    for c in CALLS:
        expected = run(make_engine('reference', dtype=np.float64), c)['out']
        tolerance = TOLERANCE * np.abs(expected).max()
        np.testing.assert_allclose(run(engine, c)['out'], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize('numbers, left', [([3], [1, 0]), ([3, 0, 1], [])])
def test_an_algorithm_that_fails_gives_way_for_good(numbers, left, with_cudnn, broken):
    """To the next one, and in the end to im2col; gradients are added once all the same."""
    assert [a.number for a in found(with_cudnn)['Forward']] == [3, 1, 0]
    broken.value = sum(1 << number for number in numbers)
    check_convolutions(with_cudnn)
    broken.value = 0
    check_convolutions(with_cudnn)
    for some in found(with_cudnn).values():
        assert [a.number for a in some] == left


def test_one_that_fails_in_the_measurement_is_not_asked_for(with_cudnn, broken):
    broken.value = 1 << 3
    check_convolutions(with_cudnn)
    check_convolutions(with_cudnn)
    assert [a.number for a in found(with_cudnn)['Forward']] == [1, 0]


def test_where_all_algorithms_fail_and_nothing_else_is_wanted(with_cudnn, broken):
    wanted = with_cudnn.convolving('CUDNN')
    run(wanted, CALLS[0])
    broken.value = 0b1011
    message = (
        r'cuDNN has no algorithm for ConvolutionForward of these shapes \(cuDNN failed: '
        r'cudnnConvolutionForward gave status 5000 \(CUDNN_STATUS_EXECUTION_FAILED\)\. An earlier '
        r'kernel may have failed: GOODINIT_CUDA_WAIT=1 .*\): use engine: CAFFE'
    )
    with pytest.raises(EngineError, match=message):
        run(wanted, CALLS[0])


def test_where_no_algorithm_fits(with_cudnn, fresh, monkeypatch):
    """DEFAULT goes without cuDNN; CUDNN says so."""
    monkeypatch.setattr(cudnn_algorithms, 'MOST_WORKSPACE', -1)
    check_convolutions(with_cudnn)
    message = 'cuDNN has no algorithm for ConvolutionForward of these shapes: use engine'
    with pytest.raises(EngineError, match=message):
        run(with_cudnn.convolving('CUDNN'), GROUPED[0])


def test_what_cudnn_offers_has_the_layout_of_c():
    """As cudnn.h declares cudnnConvolutionFwdAlgoPerf_t: enum, enum, float, size_t, enum, enum,
    int[3]."""
    pair = cudnn_algorithms.Algorithm
    assert [getattr(pair, name).offset for name, _ in pair._fields_] == [0, 4, 8, 16, 24, 28, 32]
    assert ctypes.sizeof(pair) == 48


# -- bias and ReLU in the same call

RECTIFIED = 'ConvolutionBiasActivationForward'


@pytest.fixture
def names(monkeypatch):
    """The functions of cuDNN that are called."""
    names, call = [], cudnn_convolution.Convolution.call

    def named(self, name, *arguments):
        names.append(name)
        call(self, name, *arguments)

    monkeypatch.setattr(cudnn_convolution.Convolution, 'call', named)
    return names


def rectified(engine, x):
    W, bias = np.linspace(-1, 1, 6 * 2 * 6).reshape(6, 2, 3, 2), np.linspace(-1, 1, 6)
    window = Window((3, 2), (2, 1), (1, 0), (1, 2))
    out = engine.tensor(2, 6, 4, 4)
    tensors = []
    for values in (x, W, bias):
        tensors.append(engine.tensor(*values.shape))
        tensors[-1].set(values.astype(np.float32))
    engine.conv_forward(*tensors[:2], window, 2, tensors[2], True, out=out)
    return out.array()


def test_bias_and_relu_go_along(with_cudnn, fresh, names):
    x = np.random.default_rng(0).standard_normal((2, 4, 7, 6))
    x[0, 0, 0, 0] = np.nan
    expected = rectified(make_engine('reference'), x)
    for _ in range(2):
        found = rectified(with_cudnn, x)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert names == [RECTIFIED, RECTIFIED]


def test_they_go_alone_where_cudnn_refuses(with_cudnn, broken, names):
    broken.value = 1 << 30
    x = np.random.default_rng(0).standard_normal((2, 4, 7, 6))
    expected = rectified(make_engine('reference'), x)
    for _ in range(2):
        np.testing.assert_allclose(rectified(with_cudnn, x), expected, rtol=0, atol=1e-5)
    assert names == [RECTIFIED, 'ConvolutionForward', 'ConvolutionForward']
