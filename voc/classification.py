"""A net that says which of VOC's classes a photograph shows, and how good it is at that."""

import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..feeding.bundled import find_model
from ..netlib import Net
from ..netlib.errors import NetError
from ..proto import read_net
from ..proto.caffe_pb2 import TRAIN, LayerParameter, NetParameter
from .classes import CLASSES
from .devkit import Photograph
from .labels import IGNORED
from .windows import Window, cut_windows

MEAN = (104.0, 117.0, 123.0)  # of ImageNet's pixels: blue, green, red
ROWS = 50  # of a batch when a net is tested
NORMALIZED = ('Convolution', 'InnerProduct')

WindowsOf = Callable[[Photograph], list[Window]]
Progress = Callable[[int], object]  # called with the number of photographs that are done


def training_net(
    model: str, data: Sequence[LayerParameter], batch_norm: bool = False
) -> NetParameter:
    """A bundled model such as 'caffenet', fed by `data`, with 20 outputs that are trained by
    sigmoid cross entropy; labels of -1 are left out of it.

    data: layers whose tops are `data` and `label`, as `photographs_layer` or `inputs` return.
    batch_norm: normalize each convolution and inner product except the classifiers, with a scale
    and a bias that are learned. Raises NetError for a model without a softmax loss.
    """
    out = NetParameter(name=f'{model} for VOC')
    out.layer.extend(data)
    classifiers = []
    for layer in _trained_layers(model):
        if layer.type == 'SoftmaxWithLoss':
            classifiers.append(layer.bottom[0])
            layer.type = 'SigmoidCrossEntropyLoss'
            layer.loss_param.ignore_label = IGNORED
        out.layer.append(layer)
    if not classifiers:
        raise NetError(f"the model '{model}' has no SoftmaxWithLoss; needed: a classifier")
    for layer in out.layer:
        if layer.type == 'InnerProduct' and layer.top[0] in classifiers:
            layer.inner_product_param.num_output = len(CLASSES)
    return with_batch_norm(out, classifiers) if batch_norm else out


def scoring_net(training: NetParameter, crop: int) -> NetParameter:
    """The same net from images to scores, without its loss."""
    out = NetParameter(name=training.name)
    out.layer.extend(inputs(ROWS, crop)[:1])
    for layer in training.layer:
        if layer.bottom and not layer.type.endswith('Loss'):
            out.layer.append(layer)
    return out


def _trained_layers(model: str) -> Iterator[LayerParameter]:
    """Those of a model's train_val.prototxt that are neither data nor for tests alone."""
    for layer in read_net(find_model(model, 'train_val')).layer:
        phases = [rule.phase for rule in layer.include if rule.HasField('phase')]
        if phases in ([], [TRAIN]) and layer.bottom:
            yield layer


def with_batch_norm(param: NetParameter, classifiers: Sequence[str]) -> NetParameter:
    """The net with batch normalization, in place, after each convolution and inner product except
    the classifiers."""
    out = NetParameter(name=param.name)
    for layer in param.layer:
        out.layer.append(layer)
        if layer.type in NORMALIZED and layer.top[0] not in classifiers:
            blob = layer.top[0]
            out.layer.add(name=f'{layer.name}/bn', type='BatchNorm', bottom=[blob], top=[blob])
            scale = out.layer.add(
                name=f'{layer.name}/scale', type='Scale', bottom=[blob], top=[blob]
            )
            scale.scale_param.bias_term = True
    return out


def photographs_layer(**fields: object) -> list[LayerParameter]:
    """A ClassificationData layer with these fields."""
    layer = LayerParameter(name='data', type='Python', top=['data', 'label'])
    layer.python_param.module = 'goodinit.voc.classification_data'
    layer.python_param.layer = 'ClassificationData'
    layer.python_param.param_str = json.dumps(fields)
    return [layer]


def inputs(rows: int, crop: int) -> list[LayerParameter]:
    """Input layers in place of the data layer, for a program that feeds the net."""
    out = []
    for name, shape in (('data', (rows, 3, crop, crop)), ('label', (rows, len(CLASSES)))):
        layer = LayerParameter(name=name, type='Input', top=[name])
        layer.input_param.shape.add(dim=shape)
        out.append(layer)
    return out


def put_images(net: Net, images: np.ndarray, mean: Sequence[float] = MEAN) -> None:
    """Give the net pixels (N, 3, H, W), of which the mean is subtracted."""
    net.blobs['data'].reshape(*images.shape)
    net.blobs['data'].data = images - np.array(mean, np.float32)[:, None, None]


def scores(
    net: Net,
    photographs: Sequence[Photograph],
    windows_of: WindowsOf,
    crop: int,
    progress: Progress = lambda done: None,
) -> np.ndarray:
    """float32 (N, 20): the scores of each photograph, the mean over its windows, by a net of
    `scoring_net`. A sigmoid would make them likelihoods. Raises DataError for an unreadable
    image."""
    found: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    for done, photograph in enumerate(photographs, 1):
        waiting.append(cut_windows(photograph.path, windows_of(photograph), crop))
        if sum(map(len, waiting)) >= ROWS or done == len(photographs):
            found += _means(net, waiting)
            waiting = []
            progress(done)
    return np.stack(found)


def _means(net: Net, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The mean scores of some photographs' windows."""
    put_images(net, np.concatenate(windows))
    net.forward()
    [output] = net.outputs
    ends = np.cumsum([len(each) for each in windows])
    parts = np.split(net.blobs[output].data, ends[:-1])
    return [part.mean(0) for part in parts]
