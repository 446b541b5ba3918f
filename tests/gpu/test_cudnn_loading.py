"""Whether there is a cuDNN that can be used, and what is said of one that cannot."""

from types import SimpleNamespace

import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn, cudnn_convolution
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.errors import EngineError, LayerError
from goodinit.proto import parse_net

pytestmark = pytest.mark.cuda
WINDOW = Window((3, 3), (1, 1), (1, 1), (1, 1))


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
