"""Nets written in Python: what is written is the prototxt that one would write by hand."""

import copy

import goodinit.caffe as caffe
import pytest
from goodinit.caffe import layers as L
from goodinit.caffe import params as P
from goodinit.caffe.net_spec import assign_proto, param_name_dict
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import caffe_pb2, parse_net
from goodinit.proto.scan import without_origins

BY_HAND = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 2 dim: 1 dim: 8 dim: 8 } shape { dim: 2 } }
  transform_param { scale: 0.5 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param {
    num_output: 4 kernel_size: 3 pad: 1 pad: 0 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "pool" top: "pool" }
layer { name: "classes" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 2
  include { phase: TRAIN } }
"""


def by_spec():
    n = caffe.NetSpec()
    n.data, n.label = L.DummyData(
        shape=[{'dim': [2, 1, 8, 8]}, {'dim': [2]}], transform_param={'scale': 0.5}, ntop=2
    )
    n.conv = L.Convolution(
        n.data,
        num_output=4,
        kernel_size=3,
        pad=[1, 0],
        weight_filler={'type': 'xavier'},
        param=[{'lr_mult': 1}, {'lr_mult': 2}],
    )
    n.pool = L.Pooling(n.conv, pool=P.Pooling.AVE, kernel_size=2, stride=2)
    n.relu = L.ReLU(n.pool, in_place=True)
    n['ip'] = L.InnerProduct(n.relu, num_output=5, name='classes')
    n.loss = L.SoftmaxWithLoss(n.ip, n.label, loss_weight=2, include={'phase': caffe.TRAIN})
    return n


def plain(net):
    with without_origins(net):
        return str(net)


def test_a_spec_is_the_prototxt_written_by_hand():
    assert str(by_spec().to_proto()) == plain(parse_net(BY_HAND))
    assert Net(by_spec().to_proto()).layer_names == [
        'data',
        'conv',
        'pool',
        'relu',
        'classes',
        'loss',
    ]


def test_blobs_without_a_name_are_called_by_type_and_number():
    """BVLC Caffe counts the tops of each type; a layer is called as its first top."""
    data, label = L.DummyData(shape={'dim': [2, 3]}, ntop=2)
    ip = L.InnerProduct(L.InnerProduct(data, num_output=3), num_output=4)
    relu = L.ReLU(ip, in_place=True)
    net = caffe.to_proto(L.EuclideanLoss(relu, label), L.Silence(ip))
    assert [(layer.name, *layer.top) for layer in net.layer] == [
        ('DummyData1', 'DummyData1', 'DummyData2'),
        ('InnerProduct1', 'InnerProduct1'),
        ('InnerProduct2', 'InnerProduct2'),
        ('ReLU1', 'InnerProduct2'),
        ('EuclideanLoss1', 'EuclideanLoss1'),
        ('Silence1', 'Silence1'),
    ]
    assert relu.to_proto().layer[-1].top == ['InnerProduct2']


def test_layers_without_tops():
    n = caffe.NetSpec()
    n.a, n.b = L.DummyData(shape={'dim': 3}, ntop=2)
    n.quiet = L.Silence(n.a, ntop=0)
    net = caffe.to_proto(n.b)
    assert [layer.name for layer in net.layer] == ['DummyData1']
    assert [(layer.name, list(layer.top)) for layer in n.to_proto().layer] == [
        ('a', ['a', 'b']),
        ('quiet', []),
    ]


def test_python_layers():
    layer = L.Python(L.Input(), module='m', layer='Crop', param_str='{"a": 1}').to_proto().layer[-1]
    assert (layer.type, layer.python_param.module, layer.python_param.layer) == (
        'Python',
        'm',
        'Crop',
    )


def test_a_field_of_a_message_may_end_in_param():
    layer = (
        L.DetectionOutput(nms_param={'top_k': 3}, include={'phase': caffe.TEST}).to_proto().layer[0]
    )
    assert layer.detection_output_param.nms_param.top_k == 3


def test_a_spec_is_like_a_dict():
    n = by_spec()
    assert (
        n.keys() == ['data', 'label', 'conv', 'pool', 'relu', 'ip', 'loss']
        and n.vals()[2] is n.conv is n['conv']
    )
    n.update('conv', {'num_output': 7})
    del n.loss, n['ip']
    net = n.to_proto()
    assert [layer.name for layer in net.layer] == ['data', 'conv', 'pool', 'relu']
    assert net.layer[1].convolution_param.num_output == 7
    with pytest.raises(AttributeError, match="this NetSpec has no 'con'; did you mean 'conv'"):
        n.con  # noqa: B018


def test_a_spec_can_be_copied():
    n = copy.deepcopy(by_spec())
    assert str(n.to_proto()) == str(by_spec().to_proto())


def test_what_a_layer_reads_must_be_a_top():
    pair = L.DummyData(ntop=2)
    with pytest.raises(
        TypeError, match=r"^Silence input 0 is not a Top \(type is <class 'tuple'>\)$"
    ):
        L.Silence(pair, ntop=0)


@pytest.mark.parametrize(
    'top, message',
    [
        (
            L.Convolution(L.Input(), kernel_sise=3),
            "no field 'kernel_sise'; did you mean 'kernel_size'",
        ),
        (
            L.Deconvolution(L.Input(), num_output=3),
            r"layer 'Deconvolution1' \(Deconvolution\): there is no field "
            r"'num_output'.*are written as convolution_param=dict\(\.\.\.\)",
        ),
    ],
)
def test_unknown_fields(top, message):
    with pytest.raises(NetError, match=message):
        top.to_proto()


def test_enums_and_names_come_from_the_schema():
    assert (P.Pooling.MAX, P.Eltwise.SUM) == (
        caffe_pb2.PoolingParameter.MAX,
        caffe_pb2.EltwiseParameter.SUM,
    )
    names = param_name_dict()
    assert (names['InnerProduct'], names['LRN'], names['ReLU']) == ('inner_product', 'lrn', 'relu')
    with pytest.raises(AttributeError):
        L.__wrapped__  # noqa: B018


def test_assign_proto():
    layer = caffe_pb2.LayerParameter()
    for name, value in (
        ('name', 'x'),
        ('bottom', 'one'),
        ('loss_weight', [1, 2]),
        ('blobs', []),
        ('input_param', {'shape': [{'dim': [1, 2]}, {'dim': 3}]}),
    ):
        assign_proto(layer, name, value)
    assert str(layer) == str(
        caffe_pb2.LayerParameter(
            name='x',
            bottom=['one'],
            loss_weight=[1, 2],
            input_param={'shape': [{'dim': [1, 2]}, {'dim': [3]}]},
        )
    )
