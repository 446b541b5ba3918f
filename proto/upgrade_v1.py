"""V1 layers (`layers { type: CONVOLUTION }`) to current ones (`layer { type: "Convolution" }`)."""

from .caffe_pb2 import LayerParameter, ParamSpec, V1LayerParameter
from .fields import copy_fields

TYPES = {
    'NONE': '',
    'ABSVAL': 'AbsVal',
    'ACCURACY': 'Accuracy',
    'ARGMAX': 'ArgMax',
    'BNLL': 'BNLL',
    'CONCAT': 'Concat',
    'CONTRASTIVE_LOSS': 'ContrastiveLoss',
    'CONVOLUTION': 'Convolution',
    'DATA': 'Data',
    'DECONVOLUTION': 'Deconvolution',
    'DROPOUT': 'Dropout',
    'DUMMY_DATA': 'DummyData',
    'ELTWISE': 'Eltwise',
    'EUCLIDEAN_LOSS': 'EuclideanLoss',
    'EXP': 'Exp',
    'FLATTEN': 'Flatten',
    'HDF5_DATA': 'HDF5Data',
    'HDF5_OUTPUT': 'HDF5Output',
    'HINGE_LOSS': 'HingeLoss',
    'IM2COL': 'Im2col',
    'IMAGE_DATA': 'ImageData',
    'INFOGAIN_LOSS': 'InfogainLoss',
    'INNER_PRODUCT': 'InnerProduct',
    'LRN': 'LRN',
    'MEMORY_DATA': 'MemoryData',
    'MULTINOMIAL_LOGISTIC_LOSS': 'MultinomialLogisticLoss',
    'MVN': 'MVN',
    'POOLING': 'Pooling',
    'POWER': 'Power',
    'RELU': 'ReLU',
    'SIGMOID': 'Sigmoid',
    'SIGMOID_CROSS_ENTROPY_LOSS': 'SigmoidCrossEntropyLoss',
    'SILENCE': 'Silence',
    'SLICE': 'Slice',
    'SOFTMAX': 'Softmax',
    'SOFTMAX_LOSS': 'SoftmaxWithLoss',
    'SPLIT': 'Split',
    'TANH': 'TanH',
    'THRESHOLD': 'Threshold',
    'WINDOW_DATA': 'WindowData',
    'CROP': 'Crop',
    'UNPOOLING': 'Unpooling',
    'SPATIAL_PYRAMID_POOLING': 'SpatialPyramidPooling',
    'BN': 'BN',
}
DATA_PARAMS = {
    'Data': 'data_param',
    'ImageData': 'image_data_param',
    'WindowData': 'window_data_param',
}
TRANSFORMS = ('scale', 'mean_file', 'crop_size', 'mirror')
# V1 keeps the settings of the parameter blobs in parallel lists: its field -> that of ParamSpec.
PARAM_SPEC = {
    'param': 'name',
    'blob_share_mode': 'share_mode',
    'blobs_lr': 'lr_mult',
    'weight_decay': 'decay_mult',
}


def upgrade_layer(old: V1LayerParameter, new: LayerParameter) -> None:
    """Fills `new` with the settings of `old`."""
    copy_fields(old, new, skip=['type', 'layer', *PARAM_SPEC])
    if old.HasField('type'):
        new.type = TYPES[V1LayerParameter.LayerType.Name(old.type)]
    for field, name in PARAM_SPEC.items():
        for i, value in enumerate(getattr(old, field)):
            setattr(_spec(new, i), name, value)
    _move_transforms(new)


def _spec(layer: LayerParameter, i: int) -> ParamSpec:
    """The settings of parameter i, added if missing."""
    if i < len(layer.param):
        return layer.param[i]
    return layer.param.add()


def _move_transforms(layer: LayerParameter) -> None:
    """Move the settings of a data layer that now belong to transform_param."""
    if layer.type not in DATA_PARAMS:
        return
    param = getattr(layer, DATA_PARAMS[layer.type])
    for field in TRANSFORMS:
        if param.HasField(field):
            setattr(layer.transform_param, field, getattr(param, field))
            param.ClearField(field)
