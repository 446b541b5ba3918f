"""The layers of Caffe's forks in binary files.

The forks' field numbers clash with each other and with BVLC's: 137 is embed_param, or bn_param, or
upsample_param. The meaning of a number follows from the layer's type, so the type is read first;
then known messages get our numbers. Text files name their fields and need no translation.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import FieldDescriptor

from . import wire
from .caffe_pb2 import BNParameter, LayerParameter

# An unknown message whose number means something else here is kept at this + its number.
ASIDE = 10000

# Layer type -> {number in a fork: our field, None for one that we lack}.
FORKS: dict[str, dict[int, str | None]] = {
    'AnnotatedData': {200: 'annotated_data_param'},
    'Bias': {161: 'bias_param'},
    'BN': {45: 'bn_param', 137: 'bn_param'},
    'BoxAnnotatorOHEM': {150: 'box_annotator_ohem_param', 152: 'box_annotator_ohem_param'},
    'CenterLoss': {147: 'center_loss_param', 149: 'center_loss_param'},
    'DenseImageData': {46: 'dense_image_data_param', 138: 'dense_image_data_param'},
    'DetectionEvaluate': {205: 'detection_evaluate_param'},
    'DetectionOutput': {204: 'detection_output_param'},
    'Interp': {143: 'interp_param', 163: 'interp_param', 301: 'interp_param'},
    'MultiBoxLoss': {201: 'multibox_loss_param'},
    'Normalize': {206: 'norm_param'},
    'Permute': {202: 'permute_param'},
    'PriorBox': {203: 'prior_box_param'},
    'PriorBoxClustered': {203: 'prior_box_param'},
    'PSROIPooling': {149: 'psroi_pooling_param', 153: 'psroi_pooling_param'},
    'Reorg': {148: 'reorg_param', 159: 'reorg_param'},
    'ReLU6': {2060: 'relu6_param', 100000: 'relu6_param'},
    'ROIPooling': {
        150: 'roi_pooling_param',
        154: 'roi_pooling_param',
        8266711: 'roi_pooling_param',
    },
    'Scale': {160: 'scale_param'},
    'SegData': {141: None},
    'ShuffleChannel': {159: 'shuffle_channel_param', 164: 'shuffle_channel_param'},
    'SmoothL1Loss': {148: 'smooth_l1_loss_param', 8266712: 'smooth_l1_loss_param'},
    'Upsample': {137: 'upsample_param', 147: 'upsample_param'},
    'VideoData': {140: None, 207: 'video_data_param'},
}

# The fields of bn_param by their numbers in SegNet, in yjxiong's fork, and in the older PSPNet.
SEGNET_BN = {1: 'scale_filler', 2: 'shift_filler', 3: 'bn_mode'}
OTHER_BN = (
    {1: 'slope_filler', 2: 'bias_filler', 3: 'momentum', 4: 'eps', 5: 'frozen', 6: 'engine'},
    {
        1: 'scale_filler',
        2: 'shift_filler',
        3: 'var_eps',
        4: 'moving_average',
        5: 'decay',
        6: 'axis',
        7: 'momentum',
        8: 'eps',
        9: 'frozen',
        12: 'engine',
    },
)
WIRE_TYPES = {FieldDescriptor.TYPE_MESSAGE: wire.LENGTH, FieldDescriptor.TYPE_FLOAT: wire.FIXED32}


def renumbered(layer: memoryview | bytes) -> memoryview | bytes:
    """A serialized LayerParameter with the forks' messages at our numbers, otherwise unchanged.
    Raises ProtoError."""
    fields = list(wire.split(layer))
    ours = FORKS.get(_type(layer, fields))
    if ours is None:
        return layer
    blobs = sum(field.number == LayerParameter.BLOBS_FIELD_NUMBER for field in fields)
    out = bytearray()
    for field in fields:
        if field.number in ours and field.wire_type == wire.LENGTH:
            message = layer[field.payload : field.end]
            out += _translated(field.number, ours[field.number], message, blobs)
        else:
            out += layer[field.start : field.end]
    return bytes(out)


def _type(layer: memoryview | bytes, fields: list[wire.Field]) -> str:
    """The type of a serialized layer: as in protobuf, the last of several counts."""
    found = ''
    for field in fields:
        if field.number == LayerParameter.TYPE_FIELD_NUMBER:
            value = bytes(layer[field.payload : field.end])
            found = value.decode('utf-8', 'replace')
    return found


def _translated(number: int, name: str | None, message: memoryview | bytes, blobs: int) -> bytes:
    """The field of a fork as one of our fields, or set aside if we have none."""
    value: bytes | None = bytes(message)
    if name == 'bn_param':
        value = _bn(message, blobs)
    if name is None or value is None:
        return _field(ASIDE + number, bytes(message))
    return _field(LayerParameter.DESCRIPTOR.fields_by_name[name].number, value)


def _field(number: int, value: bytes) -> bytes:
    return wire.header(number, len(value)) + value


def _bn(message: memoryview | bytes, blobs: int) -> bytes | None:
    """A bn_param with our numbers, from those of the first fork that fits; None if none fits."""
    for numbers in _bn_numbers(blobs):
        if all(_fits(field, numbers) for field in wire.split(message)):
            return b''.join(_moved(message, field, numbers) for field in wire.split(message))
    return None


def _bn_numbers(blobs: int) -> list[dict[int, str]]:
    """The numbers that a bn_param may use: SegNet's BN has two blobs, the others four."""
    if blobs == 2:
        return [SEGNET_BN]
    if blobs:
        return [*OTHER_BN]
    return [SEGNET_BN, *OTHER_BN]


def _fits(field: wire.Field, numbers: Mapping[int, str]) -> bool:
    name = numbers.get(field.number, '')
    known = BNParameter.DESCRIPTOR.fields_by_name.get(name)
    if known is None:
        return False
    return field.wire_type == WIRE_TYPES.get(known.type, wire.VARINT)


def _moved(message: memoryview | bytes, field: wire.Field, numbers: Mapping[int, str]) -> bytes:
    number = BNParameter.DESCRIPTOR.fields_by_name[numbers[field.number]].number
    value = bytes(message[field.payload : field.end])
    if field.wire_type == wire.LENGTH:
        return _field(number, value)
    return wire.write_varint(number << 3 | field.wire_type) + value
