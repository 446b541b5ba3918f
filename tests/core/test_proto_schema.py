"""The schema: BVLC's numbers, our extensions beyond them, and the generated module."""

import pickle

import pytest
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import compile as compiling
from google.protobuf import descriptor_pool
from google.protobuf.internal import api_implementation

# Known from BVLC Caffe's own files: message, field, number, default.
BVLC = [
    (pb.NetParameter, 'layer', 100, None),
    (pb.NetParameter, 'layers', 2, None),
    (pb.BlobProto, 'shape', 7, None),
    (pb.BlobProto, 'data', 5, None),
    (pb.LayerParameter, 'blobs', 7, None),
    (pb.LayerParameter, 'type', 2, ''),
    (pb.LayerParameter, 'convolution_param', 106, None),
    (pb.ConvolutionParameter, 'bias_term', 2, True),
    (pb.ConvolutionParameter, 'dilation', 18, None),
    (pb.PoolingParameter, 'round_mode', 13, 0),
    (pb.SolverParameter, 'type', 40, 'SGD'),
    (pb.SolverParameter, 'solver_mode', 17, 1),
    (pb.BatchNormParameter, 'moving_average_fraction', 2, pytest.approx(0.999)),
    (pb.FillerParameter, 'type', 1, 'constant'),
    (pb.V1LayerParameter, 'blobs_lr', 7, None),
]
FORKS = [
    'annotated_data_param',
    'bn_param',
    'box_annotator_ohem_param',
    'center_loss_param',
    'dense_image_data_param',
    'detection_evaluate_param',
    'detection_output_param',
    'eltwise_affine_param',
    'interp_param',
    'lstm_param',
    'maxout_param',
    'multibox_loss_param',
    'norm_param',
    'pad_param',
    'permute_param',
    'prior_box_param',
    'proposal_param',
    'psroi_pooling_param',
    'quantization_param',
    'relu6_param',
    'reorg_param',
    'rrelu_param',
    'seg_accuracy_param',
    'roi_pooling_param',
    'shuffle_channel_param',
    'smooth_l1_loss_param',
    'unpooling_param',
    'upsample_param',
    'video_data_param',
]


@pytest.mark.parametrize('message, field, number, default', BVLC)
def test_bvlc_numbers_and_defaults(message, field, number, default):
    assert message.DESCRIPTOR.fields_by_name[field].number == number
    if default is not None:
        assert getattr(message(), field) == default


@pytest.mark.parametrize('field', FORKS)
def test_fork_layers_stand_beyond_bvlcs_numbers(field):
    assert 3000 <= pb.LayerParameter.DESCRIPTOR.fields_by_name[field].number < 9999


def test_defaults_of_our_own_layers():
    layer = pb.LayerParameter()
    assert (layer.maxout_param.num_pieces, layer.maxout_param.axis) == (2, 1)
    assert layer.pad_param.mode == pb.PadParameter.ZERO


@pytest.mark.skipif(api_implementation.Type() == 'python', reason='pure Python shares one pool')
def test_another_schema_of_caffe_can_be_loaded_too():
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName('caffe.NetParameter')


def test_messages_can_be_pickled():
    net = pb.NetParameter(name='n', layer=[{'name': 'a'}])
    assert pickle.loads(pickle.dumps(net)) == net


def test_generated_files_are_those_of_the_schema():
    pytest.importorskip('grpc_tools', reason='grpcio-tools 1.62 compiles the schema')
    for name, text in compiling.compiled().items():
        assert (compiling.HERE / name).read_text() == text
