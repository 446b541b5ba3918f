"""A V0 net (`layers { layer { type: "conv" } }`) to a V1 net; padding layers become the pad of the
next layer."""

from .caffe_pb2 import NetParameter, V0LayerParameter, V1LayerParameter
from .errors import ProtoError, did_you_mean
from .fields import copy_fields

TYPES = {
    'accuracy': 'ACCURACY',
    'bnll': 'BNLL',
    'concat': 'CONCAT',
    'conv': 'CONVOLUTION',
    'data': 'DATA',
    'dropout': 'DROPOUT',
    'euclidean_loss': 'EUCLIDEAN_LOSS',
    'flatten': 'FLATTEN',
    'hdf5_data': 'HDF5_DATA',
    'hdf5_output': 'HDF5_OUTPUT',
    'im2col': 'IM2COL',
    'images': 'IMAGE_DATA',
    'infogain_loss': 'INFOGAIN_LOSS',
    'innerproduct': 'INNER_PRODUCT',
    'lrn': 'LRN',
    'multinomial_logistic_loss': 'MULTINOMIAL_LOGISTIC_LOSS',
    'pool': 'POOLING',
    'relu': 'RELU',
    'sigmoid': 'SIGMOID',
    'softmax': 'SOFTMAX',
    'softmax_loss': 'SOFTMAX_LOSS',
    'split': 'SPLIT',
    'tanh': 'TANH',
    'window_data': 'WINDOW_DATA',
}
PARAMS = {
    'concat': 'concat_param',
    'conv': 'convolution_param',
    'data': 'data_param',
    'dropout': 'dropout_param',
    'hdf5_data': 'hdf5_data_param',
    'images': 'image_data_param',
    'infogain_loss': 'infogain_loss_param',
    'innerproduct': 'inner_product_param',
    'lrn': 'lrn_param',
    'pool': 'pooling_param',
    'window_data': 'window_data_param',
}
WEIGHTED = ('conv', 'innerproduct')
WINDOWED = ('conv', 'pool')
SOURCES = ('data', 'hdf5_data', 'images', 'window_data')
# V0 field -> the types for which it makes sense, and its name in the type's parameter message.
FIELDS = {
    'num_output': (WEIGHTED, 'num_output'),
    'biasterm': (WEIGHTED, 'bias_term'),
    'weight_filler': (WEIGHTED, 'weight_filler'),
    'bias_filler': (WEIGHTED, 'bias_filler'),
    'pad': (WINDOWED, 'pad'),
    'kernelsize': (WINDOWED, 'kernel_size'),
    'stride': (WINDOWED, 'stride'),
    'group': (('conv',), 'group'),
    'pool': (('pool',), 'pool'),
    'dropout_ratio': (('dropout',), 'dropout_ratio'),
    'local_size': (('lrn',), 'local_size'),
    'alpha': (('lrn',), 'alpha'),
    'beta': (('lrn',), 'beta'),
    'k': (('lrn',), 'k'),
    'source': ((*SOURCES, 'infogain_loss'), 'source'),
    'batchsize': (SOURCES, 'batch_size'),
    'rand_skip': (('data', 'images'), 'rand_skip'),
    'shuffle_images': (('images',), 'shuffle'),
    'new_height': (('images',), 'new_height'),
    'new_width': (('images',), 'new_width'),
    'concat_dim': (('concat',), 'concat_dim'),
    'det_fg_threshold': (('window_data',), 'fg_threshold'),
    'det_bg_threshold': (('window_data',), 'bg_threshold'),
    'det_fg_fraction': (('window_data',), 'fg_fraction'),
    'det_context_pad': (('window_data',), 'context_pad'),
    'det_crop_mode': (('window_data',), 'crop_mode'),
}
TRANSFORMS = {
    'scale': 'scale',
    'meanfile': 'mean_file',
    'cropsize': 'crop_size',
    'mirror': 'mirror',
}
SAME = ('name', 'blobs', 'blobs_lr', 'weight_decay')
OTHERS = {field.name for field in V0LayerParameter.DESCRIPTOR.fields} - {*SAME}


def upgrade_layers(net: NetParameter, problems: list[str]) -> NetParameter:
    """The net with V1 layers. Fields that make no sense for their layer are omitted and appended to
    problems. Raises ProtoError."""
    upgraded = NetParameter()
    copy_fields(net, upgraded, skip=['layers'])
    for layer in _fold_padding(net):
        if layer.HasField('layer'):
            layer = _upgrade_layer(layer, problems)
        upgraded.layers.append(layer)
    return upgraded


def _fold_padding(net: NetParameter) -> list[V1LayerParameter]:
    """The layers without the padding layers: their readers take over their `pad` and bottom."""
    folded = []
    makers: dict[str, V1LayerParameter | None] = dict.fromkeys(net.input)
    for old in net.layers:
        layer = V1LayerParameter()
        layer.CopyFrom(old)
        for i, bottom in enumerate(old.bottom):
            if bottom not in makers:
                raise ProtoError(f'{_where(old)}Unknown bottom blob {bottom!r}')
            padding = makers[bottom]
            if padding is not None and padding.layer.type == 'padding':
                _check_padding(old, padding)
                layer.layer.pad = padding.layer.pad
                layer.bottom[i] = padding.bottom[0]
        makers.update(dict.fromkeys(old.top, old))
        if old.layer.type != 'padding':
            folded.append(layer)
    return folded


def _check_padding(layer: V1LayerParameter, padding: V1LayerParameter) -> None:
    if layer.layer.type not in WINDOWED:
        raise ProtoError(
            f'{_where(layer)}its bottom comes from padding layer {padding.layer.name!r}, '
            f'which only a conv or pool may read (Caffe: "Padding layer input to '
            f'non-convolutional / non-pooling layer type {layer.layer.type}")'
        )
    blobs = (layer.bottom, padding.bottom, padding.top)
    if any(len(names) != 1 for names in blobs):
        raise ProtoError(
            f'{_where(layer)}a padding layer and its reader take one bottom each, '
            'and a padding layer has one top'
        )


def _upgrade_layer(old: V1LayerParameter, problems: list[str]) -> V1LayerParameter:
    v0 = old.layer
    new = V1LayerParameter(bottom=old.bottom, top=old.top)
    if old.HasField('origin'):
        new.origin = old.origin
    if v0.HasField('type'):
        if v0.type not in TYPES:
            raise ProtoError(
                f'{_where(old)}Unknown layer name: {v0.type}{did_you_mean(v0.type, TYPES)}'
            )
        new.type = V1LayerParameter.LayerType.Value(TYPES[v0.type])
    copy_fields(v0, new, skip=OTHERS)
    for field, value in v0.ListFields():
        if field.name in (*SAME, 'type'):
            continue
        if not _set(new, v0.type, field.name, value):
            problems.append(
                f'{_where(old)}Unknown parameter {field.name} for layer type {v0.type}: left out'
            )
    return new


def _set(new: V1LayerParameter, kind: str, field: str, value: object) -> bool:
    """Copies a V0 field to its new place; False if the layer type has none."""
    if field in TRANSFORMS:
        setattr(new.transform_param, TRANSFORMS[field], value)
    elif field == 'hdf5_output_param' and kind == 'hdf5_output':
        new.hdf5_output_param.CopyFrom(value)
    elif field in FIELDS and kind in FIELDS[field][0]:
        _assign(getattr(new, PARAMS[kind]), FIELDS[field][1], value)
    else:
        return False
    return True


def _assign(message: object, field: str, value: object) -> None:
    if hasattr(value, 'CopyFrom'):
        getattr(message, field).CopyFrom(value)
    elif hasattr(getattr(message, field), 'append'):
        getattr(message, field).append(value)
    else:
        setattr(message, field, value)


def _where(layer: V1LayerParameter) -> str:
    origin = f', {layer.origin}' if layer.origin else ''
    return f"layer '{layer.layer.name}' ({layer.layer.type}){origin}: "
