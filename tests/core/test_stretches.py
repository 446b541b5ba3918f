"""Layers whose recordings follow each other run with one look at all of them, and what a look at
each would have seen is seen."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast.noting import Noted
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.memory import Memory, Tensor
from goodinit.netlib.plan import Plan
from goodinit.proto import parse_net

TEXT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 2 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "early" type: "InnerProduct" bottom: "conv" top: "early"
  inner_product_param { num_output: 3 } }
layer { name: "aside" type: "SoftmaxWithLoss" bottom: "early" bottom: "t" top: "aside"
  loss_weight: 0.3 }
layer { name: "mvn" type: "MVN" bottom: "conv" top: "mvn" }
layer { name: "ip" type: "InnerProduct" bottom: "mvn" top: "ip"
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "t" top: "loss" }
"""


def build(records=True):
    engine = make_engine('fast', deterministic=True)
    engine.can_record = records
    net = Net(parse_net(TEXT), 0, engine=engine, seed=3)
    rng = np.random.default_rng(1)
    for param in net.all_params():
        param.data = rng.normal(size=param.shape)
    return net


def put(net, seed, images=2):
    rng = np.random.default_rng(seed)
    net.blobs['x'].reshape(images, 3, 6, 6)
    net.blobs['t'].reshape(images)
    net.blobs['x'].data = rng.normal(size=(images, 3, 6, 6))
    net.blobs['t'].data = rng.integers(3, size=images)


def left(net, loss):
    return [np.array(loss), *(blob.data.copy() for blob in net.blobs.values())]


def both(nets, seed, images=2, **where):
    """A pass of two nets, which leave the same bits."""
    found = []
    for net in nets:
        put(net, seed, images)
        found.append(left(net, net.forward(**where)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def nets():
    """One that has run often enough to be repeated, and one that runs anew."""
    made = build(), build(records=False)
    for seed in range(2):
        both(made, seed)
    return made


def looked_at(net, monkeypatch, **where):
    """The layers at which a pass looks."""
    seen = []
    forward = Plan.forward
    with monkeypatch.context() as patch:
        patch.setattr(Plan, 'forward', lambda *a: seen.append(a[1]) or forward(*a))
        net.forward(**where)
    return [net.layers[i].name for i in seen]


def names(net):
    return [layer.name for layer in net.layers]


def test_a_pass_looks_only_at_layers_without_a_recording(nets, monkeypatch):
    assert looked_at(nets[0], monkeypatch) == ['mvn']
    assert looked_at(nets[1], monkeypatch) == names(nets[1])
    both(nets, 5)


def test_both_losses_count(nets):
    found = nets[0].forward()
    aside, loss = (float(nets[0].blobs[name].data) for name in ('aside', 'loss'))
    assert found == pytest.approx(0.3 * aside + loss)


@pytest.mark.parametrize('where', [{'end': 'conv'}, {'start': 'early'}, {'start': 4, 'end': 5}])
def test_a_part_of_a_net(nets, where):
    for seed in range(3):
        both(nets, seed, **where)
    both(nets, 3)


def test_other_shapes(nets, monkeypatch):
    both(nets, 1, images=4)
    both(nets, 2, images=4)
    assert looked_at(nets[0], monkeypatch) == ['mvn']
    both(nets, 3, images=2)
    nets[0].blobs['x'].reshape(4, 3, 6, 6)
    nets[0].blobs['t'].reshape(4)
    assert looked_at(nets[0], monkeypatch) == names(nets[0])


def test_other_memory(nets, monkeypatch):
    for net in nets:
        net.blobs['conv'].free()
    assert looked_at(nets[0], monkeypatch) == names(nets[0])
    both(nets, 1)


def test_layers_that_keep_nothing(nets, monkeypatch):
    for net in nets:
        net.layers[2].work.forward_only = True
    assert 'conv' in looked_at(nets[0], monkeypatch)
    both(nets, 1)


def test_who_wants_to_hear_of_layers_does(nets):
    heard = []
    nets[0].after_forward.append(heard.append)
    both(nets, 1)
    assert heard == list(range(len(nets[0].layers)))


def test_an_error_is_of_its_layer(nets):
    put(nets[0], 1)
    nets[0].blobs['t'].data = 7
    with pytest.raises(GoodinitError, match=r"layer 'aside' .*label 7: .*ignore_label: 7"):
        nets[0].forward()


def test_an_op_that_numpy_computes_in_part_is_recorded_as_a_whole(monkeypatch):
    """A convolution over three axes, whose rectifier alone is a kernel."""
    text = """
    layer { name: "x" type: "Input" top: "x"
      input_param { shape { dim: 1 dim: 2 dim: 4 dim: 4 dim: 4 } } }
    layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
      convolution_param { num_output: 3 kernel_size: 2 weight_filler { type: "constant" } } }
    layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
    """
    net = Net(parse_net(text), 1)
    net.share_memory()
    net.params['conv'][0].data = 1
    noted = []
    monkeypatch.setattr(Noted, '__call__', lambda *a: noted.append(a) or a[0].kernel(*a[1:]))
    for value in (1, -1, 2):
        net.blobs['x'].data = value
        net.forward()
        np.testing.assert_array_equal(net.blobs['y'].data, max(16 * value, 0))
    assert noted


def test_a_number_that_nothing_was_written_to_takes_no_memory():
    tensor = Tensor((1,), Memory(1))
    assert tensor.item() == 0
    assert not tensor.memory.held
