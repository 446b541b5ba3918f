"""Where numbers come from: constants; and where they end: what is cut, and what cannot be said."""

import numpy as np

from ..registry import Inexpressible, cannot, cut, onnx, torch
from ..text import number

cut('data come in as inputs', 'Data', 'DenseImageData', 'HDF5Data', 'ImageData', 'MemoryData')
cut('data come in as inputs', 'WindowData')
cut('scores are for training', 'Accuracy', 'BoxAnnotatorOHEM', 'SegAccuracy')
cut('it writes a file and makes no blob', 'HDF5Output')
cut('a net that is used has no loss', 'ContrastiveLoss', 'EuclideanLoss', 'HingeLoss')
cut('a net that is used has no loss', 'InfogainLoss', 'MultinomialLogisticLoss')
cut('a net that is used has no loss', 'SigmoidCrossEntropyLoss', 'SmoothL1Loss', 'SoftmaxWithLoss')
cut('a net that is used has no loss', 'CenterLoss', 'SmoothL1LossOHEM', 'SoftmaxWithLossOHEM')

cannot('it runs Python code of its own, which no other framework has', 'Python')


@onnx('Parameter')
def parameter(g, step):
    return g.weight(step, 'weight')


@torch('Parameter')
def parameter_torch(t, step):
    return t.parameter(step, 'weight')


@onnx('DummyData', unless='its filler is random')
def dummy_data(g, step):
    return [g.constant(values, f'{top.name}_values') for top, values in constants(step)]


def constants(step):
    """Each top with its values, which must not be random."""
    fillers = list(step.param.dummy_data_param.data_filler)
    for i, top in enumerate(step.tops):
        value = 0.0
        if fillers:
            filler = fillers[i] if len(fillers) > 1 else fillers[0]
            if filler.type != 'constant':
                raise Inexpressible(f'its filler {filler.type} is random')
            value = filler.value
        yield top, np.full(top.shape, value, np.float32)


@torch('DummyData', unless='its filler is random')
def dummy_data_torch(t, step):
    made = []
    for top, values in constants(step):
        value = number(values.flat[0]) if values.size else '0.0'
        made.append(f'torch.full({tuple(top.shape)}, {value})')
    return made
