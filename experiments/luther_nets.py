"""The convolutional nets of Luther & Seung (2019), Figure 4: narrower if asked for, with batch
normalization if asked for, and their augmented images."""

from collections.abc import Callable

import numpy as np
from goodinit.experiments.cifar10 import shifted
from goodinit.experiments.luther_data import cifar_images, crops, isbi_slices
from goodinit.experiments.runner import Run
from goodinit.experiments.runner.training import Batch, draws
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.proto.caffe_pb2 import TRAIN, LayerParameter, NetParameter
from scipy.ndimage import map_coordinates, zoom

OUTPUTS = 10  # a layer with more can be narrower; one with as many gives scores
SCORES = ('conv_u0d-score', 'ip')
GRID, WARP = 3, 10  # points along a side that are moved, and by how many pixels, as U-Net's authors


def training_net(model: str, batch: Batch, divisor: int, batch_norm: bool) -> NetParameter:
    """The bundled net with reflection padding as it trains, for batches of these shapes."""
    param = read_net_file(f'{model}/reflect', TRAIN).param
    shapes = {name: values.shape for name, values in batch.items()}
    net = narrowed(with_inputs(param, shapes), divisor)
    return with_batch_norm(net) if batch_norm else net


def narrowed(param: NetParameter, divisor: int) -> NetParameter:
    """The net with channels / divisor in each hidden convolution."""
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        field = layer.convolution_param
        if layer.HasField('convolution_param') and field.num_output > OUTPUTS:
            field.num_output //= divisor
    return out


def with_batch_norm(param: NetParameter) -> NetParameter:
    """The net with batch normalization, and a learned scale and shift, of the preactivations of
    each convolution before a ReLU."""
    out = NetParameter()
    out.CopyFrom(param)
    del out.layer[:]
    for layer in param.layer:
        out.layer.add().CopyFrom(layer)
        if layer.type == 'Convolution' and layer.name not in SCORES:
            out.layer.extend(normalization(layer))
    return out


def normalization(layer: LayerParameter) -> list[LayerParameter]:
    """BatchNorm and Scale, in place on a layer's top."""
    blob = list(layer.top)
    norm = LayerParameter(name=f'bn_{layer.name}', type='BatchNorm', bottom=blob, top=blob)
    scale = LayerParameter(name=f'scale_{layer.name}', type='Scale', bottom=blob, top=blob)
    scale.scale_param.bias_term = True
    return [norm, scale]


# -- images


def feeder(run: Run) -> Callable[[int], Batch]:
    """The batch of each iteration of a cell's training."""
    draw = draws(run['seed'])
    if run['net'] == 'all_cnn_c':
        images, labels = cifar_images(run)
        return lambda i: cifar_batch(images, labels, run['images'], draw(i))
    slices, cells = isbi_slices(run)
    return lambda i: slice_batch(slices, cells, run['slices'], run['size'], draw(i))


def cifar_batch(
    images: np.ndarray, labels: np.ndarray, count: int, rng: np.random.Generator
) -> Batch:
    """Images shifted by up to 4 pixels over a border of zeros."""
    chosen = rng.choice(len(images), count, replace=False)
    return {
        'data': shifted(images[chosen], rng),
        'label': labels[chosen].astype(np.float32),
    }


def slice_batch(
    slices: np.ndarray, labels: np.ndarray, count: int, size: int, rng: np.random.Generator
) -> Batch:
    """Squares of slices, turned by multiples of 90 degrees, mirrored and warped."""
    cut, cut_labels = crops(slices, labels, count, size, rng)
    for i in range(count):
        turns = int(rng.integers(4))
        mirror = int(rng.integers(2))
        field = displacements(size, rng)
        for planes, order in ((cut[i, 0], 1), (cut_labels[i], 0)):
            turned = np.rot90(planes, turns)[:, :: 1 - 2 * mirror]
            planes[:] = map_coordinates(turned, field, order=order, mode='reflect')
    return {'data': cut, 'label': cut_labels[:, np.newaxis].astype(np.float32)}


def displacements(size: int, rng: np.random.Generator) -> np.ndarray:
    """Where each pixel of a warped square comes from, (2, size, size): a smooth field, of random
    shifts on a coarse grid (Ronneberger et al. 2015)."""
    coarse = rng.normal(0, WARP, (2, GRID, GRID))
    smooth = [zoom(plane, size / GRID, order=2, grid_mode=True, mode='nearest') for plane in coarse]
    return np.indices((size, size)) + np.array(smooth)
