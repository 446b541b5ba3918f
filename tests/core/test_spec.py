"""Nets written in Python, and messages printed as prototxt."""

import pytest
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import NetParameter
from goodinit.proto.spec import NetBuilder, prototxt
from google.protobuf import text_format

MULTIPLIERS = ({'lr_mult': 1, 'decay_mult': 1}, {'lr_mult': 2, 'decay_mult': 0})

# What a call of NetBuilder adds, as a LayerParameter's text.
CALLS = [
    (
        'conv',
        lambda net: net.conv('c', 'x', 8, 3, pad=1, stride=2, group=2, weight='msra', bias=0.5),
        """
        name: "c" type: "Convolution" bottom: "x" top: "c"
        param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 group: 2
            weight_filler { type: "msra" } bias_filler { type: "constant" value: 0.5 } }""",
    ),
    (
        'no bias',
        lambda net: net.conv('c', 'x', 8, 1, weight={'type': 'gaussian', 'std': 0.01}, bias=None),
        """
        name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 1 decay_mult: 1 }
        convolution_param { num_output: 8 kernel_size: 1 bias_term: false
            weight_filler { type: "gaussian" std: 0.01 } }""",
    ),
    (
        'conv with its own multipliers',
        lambda net: net.conv('c', 'x', 8, 1, param=[{'lr_mult': 0}]),
        """
        name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 0 }
        convolution_param { num_output: 8 kernel_size: 1
            weight_filler { type: "xavier" } bias_filler { type: "constant" } }""",
    ),
    (
        'deconv',
        lambda net: net.conv('up', 'x', 8, 2, stride=2, type='Deconvolution', top='y', bias=None),
        """
        name: "up" type: "Deconvolution" bottom: "x" top: "y" param { lr_mult: 1 decay_mult: 1 }
        convolution_param { num_output: 8 kernel_size: 2 stride: 2 bias_term: false
            weight_filler { type: "xavier" } }""",
    ),
    (
        'inner product',
        lambda net: net.inner_product('ip', 'x', 10),
        """
        name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
        param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
        inner_product_param { num_output: 10
            weight_filler { type: "xavier" } bias_filler { type: "constant" } }""",
    ),
    (
        'pool',
        lambda net: net.pool('p', 'x', 3, stride=2, pad=1, method='AVE'),
        """
        name: "p" type: "Pooling" bottom: "x" top: "p"
        pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }""",
    ),
    (
        'global pool',
        lambda net: net.pool('p', 'x', None),
        """
        name: "p" type: "Pooling" bottom: "x" top: "p"
        pooling_param { pool: MAX global_pooling: true }""",
    ),
    ('relu', lambda net: net.relu('r', 'x'), 'name: "r" type: "ReLU" bottom: "x" top: "x"'),
    (
        'dropout',
        lambda net: net.dropout('d', 'x', 0.3),
        """
        name: "d" type: "Dropout" bottom: "x" top: "x" dropout_param { dropout_ratio: 0.3 }""",
    ),
    (
        'two bottoms',
        lambda net: net.add('Eltwise', 'sum', ['x', 'y']),
        '''
        name: "sum" type: "Eltwise" bottom: "x" bottom: "y" top: "sum"''',
    ),
    (
        'two tops',
        lambda net: net.add('Data', 'd', top=['data', 'label'], include=[{'phase': 'TEST'}]),
        """
        name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }""",
    ),
]


@pytest.mark.parametrize(
    ('call', 'text'), [case[1:] for case in CALLS], ids=[case[0] for case in CALLS]
)
def test_builder(call, text):
    net = NetBuilder('net', MULTIPLIERS)
    top = call(net)
    assert net.param == text_format.Parse(f'name: "net" layer {{ {text} }}', NetParameter())
    assert top == net.param.layer[0].top[0]


PRINTED = """\
name: "net"
layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }
layer {
  name: "a \\"quoted\\" name that is long"
  type: "Concat"
  bottom: "the first of two long names"
  bottom: "the second of two long names"
  top: "y"
}
layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param { shape { dim: 1 dim: 3 } }
}
layer {
  name: "ip"
  type: "InnerProduct"
  loss_weight: 1
  inner_product_param {
    num_output: 10
    bias_term: false
    weight_filler { type: "gaussian" std: 1e-05 }
  }
}
"""


def test_prototxt():
    message = text_format.Parse(PRINTED, NetParameter())
    assert prototxt(message) == PRINTED


def test_where_a_layer_was_read_is_not_printed():
    assert prototxt(parse_net('layer { name: "r" }')) == 'layer { name: "r" }\n'


def test_prototxt_of_an_empty_message_in_a_message():
    message = text_format.Parse('layer { name: "r" type: "ReLU" relu_param { } }', NetParameter())
    assert text_format.Parse(prototxt(message), NetParameter()) == message


@pytest.mark.parametrize('value', [0.1, 1 / 3, 1e-8, 0.00390625, 123456.789, 1e10, 250.0])
def test_floats_survive(value):
    message = NetParameter()
    message.layer.add(loss_weight=[value])
    assert text_format.Parse(prototxt(message), NetParameter()) == message
