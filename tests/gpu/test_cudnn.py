"""cuDNN: whether it can be used at all, which algorithms it is asked for, and what happens if one
fails."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn, cudnn_algorithms, cudnn_convolution
from goodinit.netlib.engines.cuda.cudnn_algorithms import DEFAULT_MATH, FMA_MATH
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.errors import EngineError, LayerError
from goodinit.proto import parse_net
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


# -- whether it can be used


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


@pytest.fixture
def finding(cuda, monkeypatch):
    """A function that says what happens when the finder of libraries looks for cuDNN."""
    import cuda.pathfinder as finder

    def set_answer(answer):
        def find(name):
            if name == 'cudnn' and isinstance(answer, Exception):
                raise answer
            return answer if name == 'cudnn' else found(name)

        monkeypatch.setattr(finder, 'load_nvidia_dynamic_lib', find)

    found = finder.load_nvidia_dynamic_lib
    cudnn.open_cudnn.cache_clear()
    yield set_answer
    cudnn.open_cudnn.cache_clear()


def test_without_cudnn(finding):
    """DEFAULT goes without it; CUDNN says what is missing."""
    import cuda.pathfinder as finder

    finding(finder.DynamicLibNotFoundError('cudnn'))
    assert Cuda().cudnn is None
    net('', Cuda()).forward()
    with pytest.raises(
        LayerError,
        match=r"layer 'conv' \(Convolution\).*engine: CUDNN needs cuDNN, which was not "
        r'found: pip install nvidia-cudnn-cu13',
    ):
        net('engine: CUDNN', Cuda()).forward()


WAY_OUT = r'pip install nvidia-cudnn-cu13 .*, or remove it: convolutions then go by im2col'


@pytest.mark.parametrize(
    'answer', [RuntimeError('Failed to dlopen x.so'), SimpleNamespace(abs_path='/nowhere/x.so')]
)
def test_a_cudnn_that_does_not_load_is_not_passed_over(answer, finding):
    finding(answer)
    message = rf'cuDNN was found, but does not load: .*x\.so.*{WAY_OUT}'
    with pytest.raises(LayerError, match=message):
        net('', Cuda()).forward()


def test_a_cudnn_that_does_not_start_says_so(with_cudnn, broken):
    broken.value = -1
    with pytest.raises(
        EngineError,
        match=r'cuDNN \(.*libcudnn\.so\.9\) does not start: cuDNN failed: cudnnCreate gave status '
        rf'1001 \(CUDNN_STATUS_NOT_INITIALIZED\)\. {WAY_OUT}',
    ):
        cudnn.Cudnn(with_cudnn.device)


@pytest.mark.parametrize(
    'number, expected', [(91002, '9.10.2'), (90100, '9.1.0'), (8902, '8.9.2'), (8100, '8.1.0')]
)
def test_the_version(number, expected, with_cudnn, monkeypatch):
    monkeypatch.setattr(with_cudnn.cudnn.library, 'cudnnGetVersion', lambda: number)
    assert with_cudnn.cudnn.version() == expected


def test_a_failing_call_is_an_error(with_cudnn):
    message = 'cuDNN failed: cudnnSetTensorNdDescriptor gave status .*CUDNN_STATUS_BAD_PARAM'
    with pytest.raises(EngineError, match=message):
        cudnn_convolution.Convolution(
            with_cudnn.cudnn, (2, 3, 5, 5), (4, 3, 3, 3), (2, 4, -5, 5), WINDOW, 1, False, False
        )


def test_a_call_that_this_cudnn_lacks_is_an_error(with_cudnn):
    with pytest.raises(EngineError, match=r'cuDNN \d+\.\d+\.\d+ has no cudnnConvolveTwice'):
        with_cudnn.cudnn.call('ConvolveTwice')


# -- which algorithms it is asked for


@pytest.fixture
def fresh():
    """No algorithm is chosen yet, nor will one be kept."""
    cudnn_convolution.planned.cache_clear()
    yield
    cudnn_convolution.planned.cache_clear()


@pytest.fixture
def broken(cuda_device, fresh):
    """An int of the emulated cuDNN: its bit n breaks algorithm n."""
    if cuda_device == 'real':
        pytest.skip('a real cuDNN cannot be broken')
    bits = ctypes.c_int.in_dll(ctypes.CDLL('libcudnn.so.9'), 'cudnn_broken')
    yield bits
    bits.value = 0


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
    for free, expected in ((2**20, 2**16), (2**40, 2**30)):
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
        r'cudnnConvolutionForward gave status 5000 \(CUDNN_STATUS_EXECUTION_FAILED\)\): use '
        'engine: CAFFE'
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
