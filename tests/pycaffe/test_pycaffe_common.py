"""What is global in caffe: mode, device, seed, ranks, the stopwatch."""

import re

import numpy as np
import pytest
from goodinit.netlib.errors import GoodinitError
from pycaffe_nets import net, normal

from goodinit import caffe


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def modes():
    yield
    caffe.set_device(0)
    caffe.set_mode_cpu()


def test_without_a_gpu_a_warning_says_so(monkeypatch, modes):
    def none():
        raise GoodinitError('no device')

    with monkeypatch.context() as patch:
        patch.setattr('goodinit.caffe.common.gpu_count', none)
        caffe.set_device(3)
        with pytest.warns(
            UserWarning, match=r'set_mode_gpu: no usable GPU; using the CPU \(no device\)'
        ):
            caffe.set_mode_gpu()
    assert net().forward(data=normal(4, 3))['out'].shape == (4, 2)


@pytest.mark.cuda
def test_the_gpu_computes(cuda_device, modes):
    caffe.set_random_seed(0)
    expected = net().forward(data=normal(4, 3))['out']
    caffe.set_mode_gpu()
    caffe.set_random_seed(0)
    n = net()
    assert n.net.engine.name == 'cuda'
    np.testing.assert_allclose(n.forward(data=normal(4, 3))['out'], expected, rtol=1e-5)
    with pytest.raises(GoodinitError, match=r'GPU 99: this process already uses another GPU'):
        caffe.set_device(99)
    caffe.set_mode_cpu()
    caffe.set_device(99)
    with pytest.raises(GoodinitError, match=r'GPU 99: this process already uses another GPU'):
        caffe.set_mode_gpu()


def test_a_seed_below_zero():
    with pytest.raises(ValueError, match='set_random_seed: found -1, needed: a seed of 0 or more'):
        caffe.set_random_seed(-1)


def test_the_log(monkeypatch, capsys):
    monkeypatch.setenv('GLOG_minloglevel', '0')
    caffe.init_log()
    caffe.log('Using devices 0')
    assert re.fullmatch(
        r'I\d{4} [\d:]{8}\.\d{6} +\d+ _caffe\.cpp:\d+\] Using devices 0\n', capsys.readouterr().err
    )
    caffe.init_log(1, True)
    caffe.log('Using devices 0')
    assert capsys.readouterr().err == ''


def test_the_rest_of_the_module():
    assert {'Data', 'Convolution', 'Python'} <= set(
        caffe.layer_type_list()
    ) and caffe.__version__ == '1.0.0'
    assert (caffe.TRAIN, caffe.TEST) == (0, 1)
    assert (caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl()) == (1, 0, False)
    for make in (caffe.NCCL, caffe.NCCL.new_uid):
        with pytest.raises(GoodinitError, match='NCCL is not supported'):
            make()
    with pytest.raises(
        AttributeError, match=r"module 'goodinit\.caffe' has no attribute 'nothing'"
    ):
        caffe.nothing  # noqa: B018
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert 0 <= timer.ms < 1000
