"""Data for a bundled net whose own are not there: scikit-learn's digits, some to train on and
others to test on."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.data.embedded import open_embedded
from ..netlib.data.samples import Samples
from ..netlib.data.sources import Arrays
from ..netlib.errors import layer_error
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter, SolverParameter
from ..solvers import Solver
from .bundled import MODELS
from .feed import replaced_layers, with_inputs
from .inputs import (
    DataOptions,
    is_data_layer,
    is_missing,
    label_blobs,
    mean_of,
    scale_of,
    source_of,
)
from .net_file import NetFile, open_net
from .sampling import GREY, input_shapes

HELD_OUT = 300  # of the 1797 digits, to test on
MOST_NUMBERS = (
    50_000_000  # in all images together, so that those of large nets do not fill the memory
)
ITERATIONS, DISPLAY = 50, 10  # instead of the solver's
MAKERS = {
    'mnist': 'convert_mnist_data',
    'cifar10': 'convert_cifar_data',
}  # of databases that bundled nets read


@dataclass
class StandIn:
    """A net with Input layers in place of its data layers, batches of digits for them, and a note
    that says so."""

    param: NetParameter
    batches: list[Batch]
    note: str


class Feeder:
    """Puts batches into a net, one before each forward pass, after the last the first; `place`
    counts them. Of n ranks each takes one in n."""

    def __init__(self, net: Net, batches: list[Batch]):
        self.net, self.batches, self.place = net, batches, 0
        net.before_forward.append(self)

    def __call__(self, layer: int) -> None:
        if layer == 0:
            i = self.place * self.net.ranks.size + self.net.ranks.rank
            for name, values in self.batches[i % len(self.batches)].items():
                self.net.blobs[name].data = values
            self.place += 1


def use_digits(param: SolverParameter, path: Path) -> list[StandIn]:
    """Let a bundled solver whose data are not there train and test on digits, and not for long;
    what `feed` needs, or nothing where nothing was done. Raises LayerError."""
    if not path.is_relative_to(MODELS):
        return []
    train = stand_in(open_net(str(path)))
    tests = [found for _ in param.test_iter if (found := stand_in(open_net(str(path), TEST)))]
    if train is None or len(tests) < len(param.test_iter):
        return []
    param.ClearField('net')
    param.train_net_param.CopyFrom(train.param)
    param.test_net_param.extend(found.param for found in tests)
    param.test_iter[:] = [len(found.batches) for found in tests]
    param.max_iter, param.display, param.test_interval = ITERATIONS, DISPLAY, ITERATIONS
    return [train, *tests]


def feed(solver: Solver, digits: list[StandIn]) -> None:
    """Let the nets of a solver take their digits; a resumed one goes on where it was."""
    feeders = [
        Feeder(net, found.batches)
        for net, found in zip((solver.net, *solver.test_nets), digits, strict=False)
    ]

    def seek():
        feeders[0].place = solver.iter * solver.param.iter_size

    if feeders:
        solver.callbacks.append((seek, lambda: None))


def stand_in(file: NetFile) -> StandIn | None:
    """Digits for a bundled net with data layers that have nothing to read; None where there is
    nothing to do.

    A net in the TRAIN phase gets others than one in the TEST phase, at most its own batch size at a
    time, scaled to the size of its images, in as many channels. Raises LayerError for a net that
    has no image and its class for inputs.
    """
    layers = [layer for layer in file.param.layer if is_data_layer(layer)]
    missing = next(filter(is_missing, layers), None)
    if not (file.bundled and missing):
        return None
    replaced, labels = replaced_layers(layers), label_blobs(file.param)
    shapes = input_shapes(file, replaced, DataOptions(), None)
    for layer in replaced:
        for top in layer.top:
            shape = shapes[top]
            if (
                len(shape) != (1 if top in labels else 4)
                or top not in labels
                and shape[1] not in (1, 3)
            ):
                raise layer_error(
                    layer,
                    f'its source {source_of(layer)} is not there, and digits cannot stand in for '
                    f"'{top}', {' x '.join(map(str, shape))}",
                )
    digits = _digits(file.param.state.phase)
    size = min(len(digits), *(shape[0] for shape in shapes.values()))
    count = (
        min(len(digits), max(size, MOST_NUMBERS // max(map(prod, shapes.values())) * size))
        // size
        * size
    )
    columns = {
        top: _take(digits, count)[1].astype(np.float32)
        if top in labels
        else _images(layer, digits, count, shapes[top][1:])
        for layer in replaced
        for top in layer.top
    }
    batches = [
        {top: values[start : start + size] for top, values in columns.items()}
        for start in range(0, count, size)
    ]
    source = source_of(missing)
    maker = MAKERS.get(str(source).partition('_')[0])
    hint = f' (`goodinit {maker}` makes it)' if maker else ''
    note = (
        f"layer '{missing.name}' ({missing.type}): its source {source} does not exist{hint}: "
        f"{count} of scikit-learn's 1797 digits stand in"
    )
    return StandIn(
        with_inputs(file.param, replaced, {top: batches[0][top].shape for top in columns}),
        batches,
        note,
    )


def _digits(phase: int) -> Arrays:
    """The digits for nets of the phase."""
    store = open_embedded((1, 8, 8), np.random.default_rng(0)).store
    end = len(store) - HELD_OUT
    pixels, labels = zip(
        *map(store.__getitem__, range(end) if phase == TRAIN else range(end, len(store))),
        strict=True,
    )
    return Arrays("scikit-learn's digits", np.stack(pixels), np.array(labels))


def _images(layer: LayerParameter, digits: Arrays, count: int, shape: Shape) -> np.ndarray:
    """Digits as the layer would bring them: of this shape, minus its mean, scaled."""
    mean = GREY if layer.transform_param.mean_file else mean_of(layer, DataOptions())
    return _take(digits, count, shape, mean, scale_of(layer, DataOptions()))[0]


def _take(digits, count, shape=(1, 8, 8), mean=None, scale=1.0):
    """Always the same `count` of them, in the same order, with their labels."""
    return Samples(digits, shape, np.random.default_rng(0), mean=mean, scale=scale).take(count)
