"""What needs more memory than there is, on every engine, and a process that forks."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from case import input_text
from goodinit.netlib import Net, machine
from goodinit.netlib.blob import Blob
from goodinit.netlib.engines import make_engine
from goodinit.netlib.errors import EngineError, LayerError, NetError
from goodinit.netlib.machine import give_back
from goodinit.netlib.need import check_need
from goodinit.proto import parse_net

HUGE = [
    ('Convolution', 'convolution_param { num_output: 2 kernel_size: 3 dilation: 1000000 %s }'),
    ('Pooling', 'pooling_param { kernel_size: 2 stride: 3000000000 %s }'),
    ('Pooling', 'pooling_param { pool: AVE kernel_size: 2 stride: 3000000000 %s }'),
    ('Pooling', 'pooling_param { pool: AVE kernel_size: 1000001 pad: 1000000 stride: 999999 %s }'),
]
REFUSED = r"layer 'l' .*(memory|too large to compute)"


def net_of(kind, fields, engine, shape=(1, 3, 8, 8)):
    layer = f'layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {fields} }}'
    return Net(parse_net(input_text('x', shape) + layer), engine=engine)


@pytest.mark.parametrize('name', ['fast', 'reference'])
@pytest.mark.parametrize('kind, fields', HUGE)
def test_what_is_laid_out_is_counted(kind, fields, name):
    """The bytes of some of these are more than 2^64."""
    pad = 'pad: 1000000' if kind == 'Convolution' else ''
    net = net_of(kind, fields % pad, name)
    with pytest.raises(LayerError, match=REFUSED):
        net.forward()


def test_a_kernel_without_memory_says_so():
    fields = 'convolution_param { num_output: 2 kernel_size: 3 dilation: 1000000 pad: 1000000 }'
    with pytest.raises(
        LayerError,
        match=r"engine 'fast': kernel 'conv_forward' needs more memory than this machine has left, "
        r'\d+ GB in all: use a smaller batch, window or padding',
    ):
        net_of('Convolution', fields, 'fast').forward()
    net_of('Convolution', 'convolution_param { num_output: 2 kernel_size: 3 }', 'fast').forward()


@pytest.mark.skipif(not os.path.exists('/proc/self/statm'), reason='Linux tells the memory')
def test_kernels_give_their_memory_back(monkeypatch):
    monkeypatch.setattr(machine, 'NEARLY', 0)
    fields = 'convolution_param { num_output: 1 kernel_size: 1 stride: 2 }'
    net = net_of('Convolution', fields, 'fast', shape=(1, 160, 500, 500))  # 40 MB to thin
    net.forward()
    found = net.blobs['y'].data.copy()
    before = resident()
    net.engine.release()
    give_back()
    assert before - resident() > 30e6
    net.forward()
    np.testing.assert_array_equal(net.blobs['y'].data, found)


@pytest.mark.parametrize('held, trims', [(79, 0), (81, 1)])
def test_memory_is_given_back_near_the_peak(held, trims, monkeypatch):
    called = []
    monkeypatch.setattr(machine, '_held', {'VmRSS': held, 'VmHWM': 100}.get)
    monkeypatch.setattr(
        machine.ctypes, 'CDLL', lambda name: SimpleNamespace(malloc_trim=called.append)
    )
    give_back()
    assert len(called) == trims


@pytest.mark.skipif(not os.path.exists('/proc/self/status'), reason='Linux tells the memory')
def test_the_peak_of_memory_is_known():
    block = np.ones(5_000_000)
    assert 40_000 < machine._held('VmRSS') <= machine._held('VmHWM')
    del block
    assert machine._held('nothing') == 1


def resident():
    """Bytes of memory that this process has."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_an_op_without_memory_says_so():
    engine = make_engine('reference')
    with pytest.raises(EngineError, match=r'.* GB of memory for \d+ numbers are more than the'):
        engine.tensor(1 << 62).array()


def test_winners_beyond_the_image_are_left_out(engine):
    """Floats do not tell 2^24 + 1 from its neighbors, and a mask may come from anywhere."""
    net = net_of('Pooling', 'pooling_param { kernel_size: 2 stride: 2 }', engine)
    net.forward()
    net.layers[-1].work.buffers['mask'].data = 1e9
    net.blobs['y'].diff = 1
    net.layers[-1].backward(net.tops[-1], [True], net.bottoms[-1])
    assert not net.blobs['x'].diff.any()


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
def test_a_child_computes_after_its_parent_did():
    net = net_of('Convolution', 'convolution_param { num_output: 8 kernel_size: 3 }', 'fast')
    net.blobs['x'].data = 1
    net.forward()
    child = os.fork()
    if not child:
        os._exit(int(np.isnan(net.forward())))
    assert os.waitpid(child, 0)[1] == 0


def test_the_need_of_a_net_is_told_with_its_greatest_blobs():
    blobs = [Blob(name, (n, 1000, 1000)) for name, n in (('a', 1), ('b', 3), ('c', 2), ('d', 1))]
    blobs[0].data = 0  # has its memory
    check_need('n', blobs, free=24_000_000)
    with pytest.raises(
        NetError,
        match=r"net 'n' needs 24 MB of memory to run, but 23 MB are free; its greatest blobs: "
        r"'b' \(3 x 1000 x 1000\) 12 MB, 'c' \(2 x 1000 x 1000\) 8 MB, "
        r"'d' \(1 x 1000 x 1000\) 4 MB: use a smaller batch or input",
    ):
        check_need('n', blobs, free=23_000_000)


def test_a_net_asks_before_it_runs():
    net = net_of('ReLU', '', 'fast', (1 << 30, 1 << 10))
    with pytest.raises(NetError, match=r'needs 8\.8 TB of memory to run'):
        net.forward()
    assert not net.blobs['x'].values.memory.held
