"""The nets that benchmarks run, with random weights and images."""

from functools import cache
from pathlib import Path

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import read_net

MODELS = Path(__file__).parents[1] / 'models'
# name: folder, batch, shape of an image, classes
NETS = {
    'lenet': ('lenet', 64, (1, 28, 28), 10),
    'fitnet4': ('fitnet4/relu', 128, (3, 32, 32), 10),
    'caffenet': ('caffenet', 32, (3, 227, 227), 1000),
    'googlenet': ('googlenet', 16, (3, 224, 224), 1000),
    'resnet50': ('resnet50', 8, (3, 224, 224), 1000),
    'vgg16': ('vgg16', 4, (3, 224, 224), 1000),
}


def deployed(net: str, batch: int) -> pb.NetParameter:
    param = read_net(MODELS / NETS[net][0] / 'deploy.prototxt')
    param.layer[0].input_param.shape[0].dim[0] = batch
    return param


def trained(net: str) -> pb.NetParameter:
    """The net in training, with inputs in place of its data layers."""
    folder, batch, shape, _ = NETS[net]
    source = read_net(MODELS / folder / 'train_val.prototxt')
    layers = [
        layer
        for layer in source.layer
        if layer.type != 'Data' and all(rule.phase == pb.TRAIN for rule in layer.include)
    ]
    param = pb.NetParameter(name=source.name)
    param.layer.add(name='data', type='Input', top=['data', 'label'])
    for dim in ([batch, *shape], [batch]):
        param.layer[0].input_param.shape.add(dim=dim)
    param.layer.extend(layers)
    return param


@cache
def batch_of(net: str, images: int) -> tuple[np.ndarray, np.ndarray]:
    _, _, shape, classes = NETS[net]
    rng = np.random.default_rng(0)
    return rng.standard_normal((images, *shape), dtype='f4'), rng.integers(0, classes, images)


def filled(param: pb.NetParameter, phase: int, net: str, engine='reference') -> Net:
    made = Net(param, phase, engine=engine)
    fill(made, np.random.default_rng(0))
    x, label = batch_of(net, made.blobs['data'].shape[0])
    made.blobs['data'].data = x
    if 'label' in made.blobs:
        made.blobs['label'].data = label
    return made
