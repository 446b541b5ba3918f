"""What is said of a kernel that fails while the host goes on, and of a wrong use of the device."""

import threading

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines.cuda.gpu import Gpu
from goodinit.netlib.errors import EngineError, LayerError
from goodinit.proto import parse_net
from op_calls import call, draw, run

pytestmark = pytest.mark.cuda
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "first" type: "ReLU" bottom: "x" top: "y" }
layer { name: "last" type: "AbsVal" bottom: "y" top: "z" }"""


@pytest.fixture
def faulty(cuda, cuda_device, monkeypatch):
    """A net whose first ReLU reads past the end of a buffer, on a device that says so late."""
    if cuda_device == 'real':
        pytest.skip('the tests that follow would have no device')
    monkeypatch.setenv('CUDA_EMULATOR_LATE_FAULTS', '1')
    kernels = cuda.kernels.elementwise.unary
    relu = kernels['relu']
    monkeypatch.setitem(kernels, 'relu', lambda n, *rest: relu(n + 100000, *rest))
    return Net(parse_net(NET, 'net.prototxt'), engine=cuda)


def test_a_fault_is_said_where_the_host_waits(faulty):
    """It names no layer, since that would be a wrong one, but the switch that finds it."""
    faulty.forward()
    message = (
        r'^the GPU has failed: cuStreamSynchronize failed: .*\. It says so late: '
        r'GOODINIT_CUDA_WAIT=1 waits after each call, and names the kernel and the layer$'
    )
    with pytest.raises(EngineError, match=message):
        print(faulty.blobs['z'].data)


def test_the_switch_names_the_kernel_and_the_layer(faulty, cuda, monkeypatch):
    monkeypatch.setattr(cuda.device, 'waits', True)
    message = (
        r"layer 'first' \(ReLU\), net\.prototxt:3: kernel unary_relu failed on the GPU: "
        'cuStreamSynchronize failed'
    )
    with pytest.raises(LayerError, match=message):
        faulty.forward()


@pytest.mark.parametrize(('value', 'waits'), [('', False), ('0', False), ('1', True)])
def test_the_switch_is_a_variable(value, waits, cuda, monkeypatch):
    monkeypatch.setenv('GOODINIT_CUDA_WAIT', value)
    assert Gpu().waits == waits


def test_the_switch_waits_for_libraries(with_cudnn, monkeypatch):
    named = []
    monkeypatch.setattr(Gpu, 'settle', lambda self, name: named.append(name))
    run(with_cudnn, call('gemm', draw(2, 2), draw(2, 2), out=draw(2, 2)))
    net = Net(
        parse_net(
            """layer { name: "x" type: "Input" top: "x"
                       input_param { shape { dim: 1 dim: 1 dim: 3 dim: 3 } } }
               layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
                       convolution_param { num_output: 1 kernel_size: 2 bias_term: false } }""",
            'net.prototxt',
        ),
        engine=with_cudnn,
    )
    net.forward()
    assert named == ['cuBLAS', 'cudnnConvolutionForward']


def in_another_thread(work):
    """The error that a function raises in a thread of its own."""
    raised = []

    def attempt():
        try:
            work()
        except EngineError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, name='other')
    thread.start()
    thread.join()
    (error,) = raised
    return str(error)


def test_a_net_computes_in_the_thread_that_opened_the_gpu(cuda):
    x = cuda.tensor(3)
    cuda.fill(1, out=x)
    said = (
        "engine 'cuda' computes in the thread that opened the GPU; found a call from the thread "
        "'other'. Make and run all nets in one thread"
    )
    assert in_another_thread(lambda: cuda.fill(1, out=x)) == said
    assert in_another_thread(lambda: x.array()) == said
    assert in_another_thread(lambda: cuda.device.allocate(12345)) == said
    np.testing.assert_array_equal(x.array(), 1)
