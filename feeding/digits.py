"""scikit-learn's digits instead of a bundled net's data, divided into a training set and a test
set."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ..initializers.walk import Batch
from ..netlib.data.embedded import open_embedded
from ..netlib.data.samples import Samples
from ..netlib.data.stores import Arrays
from ..netlib.errors import layer_error
from ..netlib.shapes import dimensions
from ..proto.caffe_pb2 import TRAIN, NetParameter
from .data_layers import data_layers, is_missing, replaceable, source_of, title
from .data_options import DataOptions
from .feed import cut_batches
from .input_layers import with_inputs
from .net_file import NetFile
from .net_inputs import NetInput, inputs_of_file
from .sampling import GRAY

HELD_OUT = 300  # of the 1797 digits, for testing
MOST_NUMBERS = 50_000_000  # in all images together: large images must not fill the memory
MAKERS = {'mnist': 'convert_mnist_data', 'cifar10': 'convert_cifar_data'}  # of bundled nets' data


@dataclass
class FedByDigits:
    """A net with Input layers instead of its data layers, batches of `count` digits for them, and
    the source that they replace."""

    param: NetParameter
    batches: list[Batch]
    source: str
    count: int


def digits_for(file: NetFile, asked: bool = False) -> FedByDigits | None:
    """Digits for a net whose data do not exist, if it is a bundled one or they are asked for; None
    for any other net.

    Nets in the TRAIN and TEST phases get different digits, in batches no larger than the net's own,
    with the size and the channels of its images. Raises LayerError for a net whose inputs are not
    an image and its class.
    """
    layers = data_layers(file.param)
    missing = next(filter(is_missing, layers), None)
    if missing is None or not (file.bundled or asked):
        return None
    inputs = inputs_of_file(file, replaceable(layers), None, DataOptions(), None)
    for each in inputs:
        _check_suits(each)
    digits = _digits(file.param.state.phase)
    size = min(each.images for each in inputs)
    size = min(size, len(digits))
    count = _count(inputs, size, len(digits))
    columns = {each.name: _column(each, digits, count) for each in inputs}
    shapes = {each.name: (size, *each.sample) for each in inputs}
    param = with_inputs(file.param, shapes)
    source = source_of(missing) or f'the source of {title(missing)}'
    return FedByDigits(param, cut_batches(columns, size), source, count)


def _check_suits(each: NetInput) -> None:
    """Raises LayerError for an input that is neither a label nor an image of 1 or 3 channels."""
    axes = len(each.sample)
    if each.is_label and axes == 0:
        return
    if not each.is_label and axes == 3 and each.sample[0] in (1, 3):
        return
    missing = f'its source {source_of(each.layer)} does not exist'
    what = f"'{each.name}', {dimensions(each.shape)}"
    raise layer_error(each.layer, f'{missing}, and digits cannot replace {what}')


def _count(inputs: Sequence[NetInput], size: int, available: int) -> int:
    """The number of digits: whole batches of `size`, as many as memory allows, at least one."""
    numbers = max(prod(each.shape) for each in inputs)  # in a batch
    most = max(size, MOST_NUMBERS // numbers * size)
    return min(available, most) // size * size


def digits_note(*fed: FedByDigits) -> str:
    """What to say of nets that are fed by digits: the training net and its test nets, or one."""
    replaced = dict.fromkeys(each.source for each in fed)
    verb = 'do' if len(replaced) > 1 else 'does'
    maker = MAKERS.get(fed[0].source.partition('_')[0])
    hint = f' (made by `goodinit {maker}`)' if maker else ''
    counts = ' and '.join(dict.fromkeys(str(each.count) for each in fed))
    return (
        f'{" and ".join(replaced)}{hint} {verb} not exist; '
        f"using {counts} of scikit-learn's 1797 digits instead"
    )


def _digits(phase: int) -> Arrays:
    """The digits for nets in this phase."""
    store = open_embedded((1, 8, 8), np.random.default_rng(0)).store
    end = len(store) - HELD_OUT
    places = range(end) if phase == TRAIN else range(end, len(store))
    pixels, labels = zip(*(store[place] for place in places), strict=True)
    return Arrays("scikit-learn's digits", np.stack(pixels), np.array(labels))


def _column(each: NetInput, digits: Arrays, count: int) -> np.ndarray:
    """The labels of `count` digits, or their images transformed as by the layer: resized, minus its
    mean, scaled. Always the same digits in the same order."""
    rng = np.random.default_rng(0)
    if each.is_label:
        _, labels = Samples(digits, (1, 8, 8), rng).take(count)
        return np.asarray(labels, np.float32)
    options = DataOptions()
    mean = options.mean_of(each.layer)
    if each.layer.transform_param.mean_file:
        mean = GRAY
    scale = options.scale_of(each.layer)
    images, _ = Samples(digits, each.sample, rng, mean=mean, scale=scale).take(count)
    return images
