"""Steps whose calls are captured, and launched as graphs."""

import os

import numpy as np
import pytest
from device_counts import counted
from goodinit.benchmarks.subjects import filled_solver, put_inputs, trained
from goodinit.netlib import Net
from goodinit.netlib.engines.cuda import graphs
from goodinit.netlib.engines.cuda.graphs import Graphs
from goodinit.netlib.errors import EngineError
from goodinit.proto import parse_net

pytestmark = pytest.mark.cuda

TEXT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "drop" }
layer { name: "norm" type: "BatchNorm" bottom: "drop" top: "norm" }
"""


@pytest.fixture
def captures(cuda, monkeypatch):
    """The engine, with graphs."""
    monkeypatch.setattr(cuda.device, 'graphs', Graphs(cuda.device.stream))
    monkeypatch.setattr(cuda, 'deterministic', True)
    yield cuda
    cuda.device.run_graphs()


def passes(engine):
    """What some passes leave in a net, with other numbers in each."""
    net = Net(parse_net(TEXT), 0, engine=engine, seed=3)
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        net.blobs['x'].data = rng.normal(size=(2, 3, 6, 6))
        if seed % 3 == 0:
            net.layers[1].weight.data = rng.normal(size=(4, 3, 3, 3))
        net.forward()
        net.blobs['norm'].diff = rng.normal(size=net.blobs['norm'].shape)
        net.clear_param_diffs()
        net.backward()
        found += [net.blobs[name].data.copy() for name in ('conv', 'drop', 'norm')]
        found += [param.diff.copy() for param in net.all_params()]
    return found


def trainings(engine):
    """The parameters after some steps of LeNet."""
    param = trained('lenet', 1)
    solver = filled_solver(param, engine)
    solver.param.lr_policy = 'inv'
    solver.param.base_lr, solver.param.gamma, solver.param.power = 0.01, 0.1, 0.75
    for _ in range(6):
        put_inputs(solver.net, param)
        solver.step(1)
    return [param.data.copy() for param in solver.learnable]


@pytest.mark.parametrize('run', [passes, trainings])
def test_graphs_compute_the_same_bits(run, captures):
    with_graphs = run(captures)
    assert captures.device.graphs.found
    captures.device.run_graphs()
    captures.device.graphs = None
    for one, other in zip(with_graphs, run(captures), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_is_two_graphs_and_what_changes(captures, cuda_device):
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")
    solver = filled_solver(trained('lenet', 1), captures)
    solver.step(7)
    captures.device.run_graphs()
    counted()
    solver.step(1)
    captures.device.run_graphs()
    found = counted()
    assert found['graph launch'] == 2  # forward; backward and the update
    assert found['kernel steps'] == 1


def test_graphs_are_forgotten_with_the_memory_they_use(captures):
    found = captures.device.graphs.found
    net = Net(parse_net(TEXT), 0, engine=captures)
    for _ in range(5):
        net.forward()
        net.blobs['norm'].data.sum()
    assert found
    net.blobs['conv'].free()
    for _ in range(2):
        net.forward()
        net.blobs['norm'].data.sum()
    assert not found


def test_what_cannot_be_captured_is_run(captures, monkeypatch):
    def refuse(*arguments):
        raise EngineError('a CUDA graph failed with status 900')

    monkeypatch.setattr(graphs, 'Graph', refuse)
    with pytest.warns(UserWarning, match=r'GOODINIT_CUDA_GRAPHS: nothing can be captured \(a CUDA'):
        found = passes(captures)
    captures.device.graphs = None
    for one, other in zip(found, passes(captures), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_capture_that_waits_fails(captures, cuda_device):
    if cuda_device == 'real':
        pytest.skip('a capture that fails would spoil the stream for the tests that follow')
    driver = captures.device.graphs.driver
    stream = captures.device.stream
    with pytest.raises(EngineError, match='a CUDA graph failed with status 901'):
        graphs.Graph(driver, stream.handle, (Waiting(stream),))


class Waiting:
    """Stands for a Replay that waits."""

    def __init__(self, stream):
        self.calls = [stream.synchronize]


def test_graphs_are_on_unless_switched_off(monkeypatch):
    for value, expected in (('', True), ('0', False), ('1', True)):
        monkeypatch.setitem(os.environ, 'GOODINIT_CUDA_GRAPHS', value)
        assert graphs.wanted() is expected
    monkeypatch.delenv('GOODINIT_CUDA_GRAPHS')
    assert graphs.wanted()
