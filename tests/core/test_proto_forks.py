"""Binary files of Caffe's forks: messages by the type of their layer and their number."""

import struct

import places
import pytest
from goodinit.proto import (
    ProtoError,
    blob_shape,
    blob_to_array,
    parse_net,
    read_weights,
    upgrade_net,
    write_weights,
)
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto.fork_binaries import ASIDE, FORKS, renumbered

GOLDEN = places.GOLDEN / 'upgrade'


# -- a caffemodel by hand: tag = number << 3 | wire type, then the value


def varint(n):
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def real(field, x):
    return varint(field << 3 | 5) + struct.pack('<f', x)


def part(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def blob(value, *shape):
    return part(7, part(7, b''.join(number(1, n) for n in shape or (1,))) + real(5, value))


def caffemodel(path, type, *parts):
    path.write_bytes(part(100, part(1, b'l') + part(2, type.encode()) + b''.join(parts)))
    return path


FILLER = part(1, b'constant') + real(2, 1)
SCALE_SHIFT = part(1, FILLER) + part(2, FILLER)
FILLERS = '{0} {{ type: "constant" value: 1 }} {1} {{ type: "constant" value: 1 }}'
SEGNET_BN = FILLERS.format('scale_filler', 'shift_filler')
YJXIONG_BN = FILLERS.format('slope_filler', 'bias_filler')
MASK = number(1, 4) + number(4, 1)
# Type, the fork's number, the message as the fork wrote it, how many blobs; the layer's fields as
# text.
ROWS = [
    ('BN', 45, SCALE_SHIFT + number(3, 1), 2, f'bn_param {{ {SEGNET_BN} bn_mode: INFERENCE }}'),
    ('BN', 45, number(3, 1), 0, 'bn_param { bn_mode: INFERENCE }'),
    ('BN', 137, SCALE_SHIFT, 2, f'bn_param {{ {SEGNET_BN} }}'),
    ('BN', 137, SCALE_SHIFT, 4, f'bn_param {{ {YJXIONG_BN} }}'),
    (
        'BN',
        137,
        SCALE_SHIFT + real(3, 0.5) + real(4, 0.25) + number(5, 1) + number(6, 2),
        4,
        f'bn_param {{ {YJXIONG_BN} momentum: 0.5 eps: 0.25 frozen: true engine: CUDNN }}',
    ),
    (
        'BN',
        137,
        real(3, 0.5)
        + number(4, 1)
        + real(5, 0.25)
        + number(6, 2)
        + real(7, 2)
        + real(8, 4)
        + number(9, 1)
        + number(12, 1),
        4,
        'bn_param { var_eps: 0.5 moving_average: true decay: 0.25 axis: 2 momentum: 2 eps: 4 '
        'frozen: true engine: CAFFE }',
    ),
    ('Upsample', 137, MASK, 0, 'upsample_param { scale: 4 pad_out_h: true }'),
    (
        'Upsample',
        147,
        number(6, 9) + number(7, 8),
        0,
        'upsample_param { upsample_h: 9 upsample_w: 8 }',
    ),
    (
        'DenseImageData',
        138,
        part(1, b'list') + number(2, 3),
        0,
        'dense_image_data_param { source: "list" batch_size: 3 }',
    ),
    ('DenseImageData', 46, part(9, b'root'), 0, 'dense_image_data_param { root_folder: "root" }'),
    ('Scale', 160, number(4, 1), 2, 'scale_param { bias_term: true }'),
    ('Bias', 161, number(1, 2), 1, 'bias_param { axis: 2 }'),
    ('Interp', 143, number(3, 2), 0, 'interp_param { zoom_factor: 2 }'),
    ('Interp', 163, number(1, 60) + number(2, 61), 0, 'interp_param { height: 60 width: 61 }'),
    ('Interp', 301, number(4, 2), 0, 'interp_param { shrink_factor: 2 }'),
    (
        'ROIPooling',
        150,
        number(1, 6) + number(2, 7),
        0,
        'roi_pooling_param { pooled_h: 6 pooled_w: 7 }',
    ),
    ('ROIPooling', 154, number(1, 6), 0, 'roi_pooling_param { pooled_h: 6 }'),
    ('ROIPooling', 8266711, real(3, 0.0625), 0, 'roi_pooling_param { spatial_scale: 0.0625 }'),
    ('SmoothL1Loss', 148, real(1, 3), 0, 'smooth_l1_loss_param { sigma: 3 }'),
    ('SmoothL1Loss', 8266712, real(1, 3), 0, 'smooth_l1_loss_param { sigma: 3 }'),
    ('ShuffleChannel', 159, number(1, 3), 0, 'shuffle_channel_param { group: 3 }'),
    ('ShuffleChannel', 164, number(1, 3), 0, 'shuffle_channel_param { group: 3 }'),
    ('ReLU6', 2060, real(1, 0.5), 0, 'relu6_param { negative_slope: 0.5 }'),
    ('ReLU6', 100000, real(1, 0.5), 0, 'relu6_param { negative_slope: 0.5 }'),
    ('AnnotatedData', 200, part(2, b'map'), 0, 'annotated_data_param { label_map_file: "map" }'),
    (
        'MultiBoxLoss',
        201,
        number(4, 21) + real(12, 3),
        0,
        'multibox_loss_param { num_classes: 21 neg_pos_ratio: 3 }',
    ),
    ('Permute', 202, number(1, 0) + number(1, 2), 0, 'permute_param { order: 0 order: 2 }'),
    (
        'PriorBox',
        203,
        real(1, 30) + number(4, 0),
        0,
        'prior_box_param { min_size: 30 flip: false }',
    ),
    (
        'PriorBoxClustered',
        203,
        real(14, 9.5) + real(15, 15),
        0,
        'prior_box_param { width: 9.5 height: 15 }',
    ),
    (
        'DetectionOutput',
        204,
        number(1, 21) + part(4, real(1, 0.5)),
        0,
        'detection_output_param { num_classes: 21 nms_param { nms_threshold: 0.5 } }',
    ),
    ('DetectionEvaluate', 205, number(1, 21), 0, 'detection_evaluate_param { num_classes: 21 }'),
    ('Normalize', 206, number(1, 0), 1, 'norm_param { across_spatial: false }'),
    ('VideoData', 207, number(1, 1), 0, 'video_data_param { video_type: VIDEO }'),
]
PSROI = 'psroi_pooling_param { spatial_scale: 0.0625 output_dim: 21 group_size: 7 }'
OHEM = 'box_annotator_ohem_param { roi_per_img: 128 ignore_label: 255 }'
TWICE = [
    ('PSROIPooling', (149, 153), real(1, 0.0625) + number(2, 21) + number(3, 7), 0, PSROI),
    ('BoxAnnotatorOHEM', (150, 152), number(1, 128) + number(2, 255), 0, OHEM),
    ('CenterLoss', (147, 149), number(1, 10), 1, 'center_loss_param { num_output: 10 }'),
    ('Reorg', (148, 159), number(1, 2), 0, 'reorg_param { stride: 2 }'),
]
for kind, tags, *row in TWICE:
    ROWS.extend((kind, tag, *row) for tag in tags)
# Messages that there is nothing for: kept, and not taken for elu_param, bias_param or embed_param.
KEPT = [
    ('VideoData', 140, real(1, 2)),
    ('SegData', 141, part(3, b'\xff\xff')),
    ('BN', 137, number(1, 7)),
]


@pytest.mark.parametrize('type, tag, message, blobs, text', ROWS, ids=lambda value: str(value)[:30])
def test_messages_of_forks(tmp_path, type, tag, message, blobs, text):
    path = caffemodel(
        tmp_path / 'fork', type, part(tag, message), *[blob(i + 1) for i in range(blobs)]
    )
    net = read_weights(path)
    layer = parse_net(f'layer {{ name: "l" type: "{type}" {text} }}').layer[0]
    layer.ClearField('origin')
    layer.blobs.extend(net.layer[0].blobs)
    assert net.layer[0] == layer
    assert [blob_to_array(b).tolist() for b in layer.blobs] == [[i + 1] for i in range(blobs)]
    write_weights(net, tmp_path / 'ours')
    assert read_weights(tmp_path / 'ours') == net


@pytest.mark.parametrize('type, tag, message', KEPT)
def test_what_we_lack_is_kept(tmp_path, type, tag, message):
    net = read_weights(
        caffemodel(tmp_path / 'fork', type, part(tag, message), blob(2), part(5000, b'unknown'))
    )
    assert [field.name for field, _ in net.layer[0].ListFields()] == ['name', 'type', 'blobs']
    write_weights(net, tmp_path / 'ours')
    written = (tmp_path / 'ours').read_bytes()
    assert part(ASIDE + tag, message) in written and part(5000, b'unknown') in written


def test_every_number_of_the_table_is_tested():
    rows = {(type, tag) for type, tag, *_ in [*ROWS, *KEPT]}
    assert rows == {(type, tag) for type, tags in FORKS.items() for tag in tags}


@pytest.mark.parametrize(
    'shape, ours', [((1, 3), (1, 3, 1, 1)), ((1, 3, 1, 1), (1, 3, 1, 1)), ((3,), (3,))]
)
def test_parameters_of_bn_have_one_shape(tmp_path, shape, ours):
    net = read_weights(caffemodel(tmp_path / 'w', 'BN', *[blob(1, *shape)] * 4))
    assert {blob_shape(b) for b in net.layer[0].blobs} == {ours}


# -- BVLC's files are left alone


@pytest.mark.parametrize(
    'type, field',
    [
        ('Embed', 'embed_param'),
        ('Tile', 'tile_param'),
        ('BatchNorm', 'batch_norm_param'),
        ('ELU', 'elu_param'),
        ('Bias', 'bias_param'),
        ('Scale', 'scale_param'),
        ('Input', 'input_param'),
        ('Crop', 'crop_param'),
        ('Parameter', 'parameter_param'),
        ('LSTM', 'recurrent_param'),
        ('Swish', 'swish_param'),
        ('Clip', 'clip_param'),
        ('Python', 'embed_param'),
        ('', 'embed_param'),
    ],
)
def test_layers_of_bvlc_stay(type, field):
    layer = pb.LayerParameter(name='l', type=type, blobs=[pb.BlobProto(data=[1, 2])])
    getattr(layer, field).SetInParent()
    data = layer.SerializePartialToString()
    assert renumbered(data) == data


@pytest.mark.parametrize(
    'path', sorted((GOLDEN / 'legacy').glob('*.caffemodel')), ids=lambda path: path.stem
)
def test_files_of_bvlc_stay(path):
    for layer in pb.NetParameter.FromString(path.read_bytes()).layer:
        assert renumbered(layer.SerializeToString()) == layer.SerializeToString()


@pytest.mark.parametrize('data', [b'\x0a\xff', part(2, b'BN') + part(137, b'\x0a\xff')])
def test_damage_is_said(data):
    with pytest.raises(ProtoError, match='truncated'):
        renumbered(data)


# -- V1


def test_v1_binaries_of_deconvnet():
    """Its LayerParameter is BVLC's V1 with numbers that BVLC never used."""
    unpool = part(4, b'u') + number(5, 42) + part(44, number(2, 2) + number(3, 2) + number(12, 14))
    bn = part(4, b'b') + number(5, 43) + part(45, SCALE_SHIFT + number(3, 1)) + part(6, real(5, 3))
    net = upgrade_net(pb.NetParameter.FromString(part(2, unpool) + part(2, bn)))
    p = net.layer[0].unpooling_param
    assert (p.kernel_size, p.stride, p.unpool_size) == (2, 2, 14)
    assert net.layer[1].bn_param.bn_mode == pb.BNParameter.INFERENCE
    assert list(net.layer[1].blobs[0].data) == [3]
