"""Layers that a user wrote for pycaffe: their code says `import caffe` and is run as it is."""

import sys
from types import ModuleType

import golden
import numpy as np
import pytest
from pycaffe_nets import DATA, net, written

from goodinit import caffe

IO = golden.HERE / 'io'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(IO))
    monkeypatch.setitem(sys.modules, 'caffe', caffe)
    monkeypatch.delitem(sys.modules, 'golden_pylayer', raising=False)
    yield
    sys.modules.pop('golden_pylayer', None)


@pytest.mark.parametrize('path', sorted(IO.glob('Python_*.npz')), ids=lambda path: path.stem)
def test_computes_what_caffe_computed(path):
    with np.load(path) as case:
        n = caffe.Net(written(str(case['prototxt'])), getattr(caffe, str(case['phase'])))
        outs = n.forward(**{blob: case[key] for blob, key in golden.keys(case, 'bottom/').items()})
        np.testing.assert_allclose(outs['y'], case['top/y'], rtol=1e-6)
        diffs = n.backward(y=case['top_diff/y'])
        for blob, key in golden.keys(case, 'bottom_diff/').items():
            np.testing.assert_allclose(diffs[blob], case[key], rtol=1e-6)
        for key, layer, i in golden.split_keys(case, 'param_diff/'):
            np.testing.assert_allclose(n.params[layer][i].diff, case[key], rtol=1e-5)


class Counter(caffe.Layer):
    """Gives the numbers of its batches from `start` on, which a script sets on the layer."""

    start = 0

    def setup(self, bottom, top):
        top[0].reshape(1)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        top[0].data[...] = self.start + (10 if self.phase == caffe.TEST else 0)
        self.start += 1


class Fails(caffe.Layer):
    def setup(self, bottom, top):
        raise KeyError('its own error')


@pytest.fixture
def user(monkeypatch):
    """A module with the layers above."""
    module = ModuleType('user_layers')
    module.Counter, module.Fails = Counter, Fails
    monkeypatch.setitem(sys.modules, 'user_layers', module)


def python_net(layer, phase=caffe.TRAIN):
    return net(
        f"""{DATA} layer {{ name: "l" type: "Python" top: "l"
                   python_param {{ module: "user_layers" layer: "{layer}" }} }}""",
        phase,
    )


def test_the_layer_of_a_net_is_the_users_own_object(user):
    """Fast R-CNN, for one, hands its data to net.layers[0]."""
    n = python_net('Counter')
    layer = n.layers[1]
    assert isinstance(layer, Counter) and layer is n.layer_dict['l']
    layer.start = 5
    assert [float(n.forward()['l'][0]) for _ in range(2)] == [5, 6]
    assert python_net('Counter', caffe.TEST).forward()['l'] == 10


def test_every_layer_has_type_and_blobs(user):
    assert [(layer.type, len(layer.blobs)) for layer in python_net('Counter').layers] == [
        ('Input', 0),
        ('Python', 0),
    ]


def test_an_error_in_a_layer_arrives_as_it_is(user):
    with pytest.raises(KeyError, match='its own error'):
        python_net('Fails')
