"""Where numbers come from: constants; and where they end: what is cut, and what cannot be said."""

from collections.abc import Iterator

import numpy as np

from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, cannot, cut, onnx, torch
from ..steps import Step, Value
from ..text import number
from ..torch_module import TorchModule

cut('data come in as inputs', 'Data', 'DenseImageData', 'HDF5Data', 'ImageData', 'MemoryData')
cut('data come in as inputs', 'AnnotatedData', 'WindowData')
cut('scores are for training', 'Accuracy', 'BoxAnnotatorOHEM', 'DetectionEvaluate', 'SegAccuracy')
cut('it writes a file and makes no blob', 'HDF5Output')
cut('a net that is used has no loss', 'ContrastiveLoss', 'EuclideanLoss', 'HingeLoss')
cut('a net that is used has no loss', 'InfogainLoss', 'MultinomialLogisticLoss')
cut('a net that is used has no loss', 'SigmoidCrossEntropyLoss', 'SmoothL1Loss', 'SoftmaxWithLoss')
cut('a net that is used has no loss', 'CenterLoss', 'MultiBoxLoss')
cut('a net that is used has no loss', 'SmoothL1LossOHEM', 'SoftmaxWithLossOHEM')

cannot('it runs Python code of its own, which no other framework has', 'Python')


@onnx('Parameter')
def parameter(g: OnnxGraph, step: Step) -> Tensor:
    return g.weight(step, 'weight')


@torch('Parameter')
def parameter_torch(t: TorchModule, step: Step) -> str:
    return t.parameter(step, 'weight')


@onnx('DummyData', unless='its filler is random')
def dummy_data(g: OnnxGraph, step: Step) -> list[Tensor]:
    made = []
    for top, value in constants(step):
        values = np.full(top.shape, value, np.float32)
        made.append(g.constant(values, f'{top.name}_values'))
    return made


@torch('DummyData', unless='its filler is random')
def dummy_data_torch(t: TorchModule, step: Step) -> list[str]:
    made = []
    for top, value in constants(step):
        made.append(f'torch.full({tuple(top.shape)}, {number(value)})')
    return made


def constants(step: Step) -> Iterator[tuple[Value, float]]:
    """Each top with the value of its elements, which must not be random."""
    fillers = list(step.param.dummy_data_param.data_filler)
    if len(fillers) == 1:
        fillers *= len(step.tops)
    for i, top in enumerate(step.tops):
        if not fillers:
            yield top, 0.0
            continue
        if fillers[i].type != 'constant':
            raise Inexpressible(f'its filler {fillers[i].type} is random')
        yield top, fillers[i].value
