"""A net with its data: from a name and the user's options to a net that can run.

The data are the user's. Without any, the net's own data layers are used, if their sources exist.
Otherwise, scikit-learn provides samples: digits for one channel, crops of two photographs for
three.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..initializers import Row, measure
from ..initializers.measures import NOTHING
from ..initializers.moments import Moments
from ..initializers.statistics import fill_statistics
from ..initializers.walk import Batch
from ..netlib import Net, graph
from ..netlib.engines import Engine
from ..netlib.errors import NetError
from ..netlib.layers.shared.normalizing import Normalizing
from ..netlib.ranks import Ranks
from ..netlib.statistics import WAY_OUT, missing_statistics, without_values
from ..netlib.weights import check_save, layers_of, save, to_proto
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .data_layers import data_layers, is_missing, replaceable, source_of, title
from .data_options import DataOptions
from .feed import Feed
from .filled_net import MEASURE, filled_net, random_numbers
from .input_layers import with_inputs
from .net_file import NetFile
from .net_inputs import BATCH_SIZE, check_learns, inputs_of_file
from .own_data import own_data
from .sampling import sampled

MEASURED_HERE = f'those of the data are used here; {WAY_OUT} and writes them'


def feed_net(
    file: NetFile,
    options: DataOptions,
    engine: Engine | str = 'fast',
    weights: str = '',
    ranks: Ranks | None = None,
    complete: bool = True,
) -> 'FedNet':
    """The net of a file with its data, or a rank's share of them. Its parameters come from its
    fillers and from the file `weights`, if given. Unless `complete` is False, layers that run on
    statistics but have none get those of the data. Raises GoodinitError."""
    data = find_data(file, options, ranks)
    param = with_inputs(file.param, data.shapes)
    seed = options.seed
    net, notes = filled_net(param, weights=weights, engine=engine, seed=seed, ranks=ranks)
    data.clip_labels(net)
    fresh = without_values(net.layers)
    if complete:
        lacking = [layer for layer in fresh if not layer.from_batch]
        notes += missing_statistics(lacking, MEASURED_HERE) if weights else []
        fill_statistics(net, data.batches, lacking)
    return FedNet(file, data, net, data.notes + notes, seed, fresh, trained=bool(weights))


def find_data(file: NetFile, options: DataOptions, ranks: Ranks | None = None) -> Feed:
    """The data of a net, by the rules above; a rank's share of them. Raises GoodinitError."""
    layers = data_layers(file.param)
    if not layers and not any(layer.type == 'Input' for layer in file.param.layer):
        raise NetError(f'{file.path}: no layer feeds the net; needed: an Input or a data layer')
    store = options.open()
    missing = [layer for layer in layers if is_missing(layer)]
    if layers and not missing and store is None:
        return own_data(file, layers, options, ranks)
    batch_size = options.batch_size or BATCH_SIZE
    inputs = inputs_of_file(file, replaceable(layers), store, options, batch_size)
    check_learns(inputs, str(file.path))
    found = sampled(inputs, store, options, ranks or Ranks())
    if missing and store is None:
        found.notes.insert(0, _embedded_note(missing[0]))
    return found


def _embedded_note(layer: LayerParameter) -> str:
    source = source_of(layer)
    reason = f'its source {source} does not exist' if source else 'no program fills its memory'
    return (
        f'{title(layer)}: {reason}; using samples from scikit-learn instead '
        '(use goodinit init --data for your own)'
    )


@dataclass
class FedNet:
    """A net with its data.

    notes: what a user should know about its data and weights. fresh: the layers that had no
    statistics; those that run on them have got those of the data. trained: a file of weights was
    given.
    """

    file: NetFile
    data: Feed
    net: Net
    notes: list[str]
    seed: int
    fresh: list[Normalizing]
    trained: bool = False

    def measure(
        self,
        dropout: bool = False,
        batches: Sequence[Batch] | None = None,
        known: Mapping[str, Moments] = NOTHING,
        histograms: bool = False,
    ) -> list[Row]:
        """The measures of every layer in its current state, on the data or on other batches; each
        call draws the same losses. known, histograms: as for `measure`."""
        rng = random_numbers(self.seed, MEASURE)
        batches = batches or self.data.batches
        return measure(self.net, batches, rng, dropout, known, histograms)

    def weights(self) -> NetParameter:
        """A caffemodel's message: the weights, in the layers as they are in the net's file."""
        return to_proto(self.net, layers=self._layers())

    def check_save(self, path: str | Path) -> None:
        """Raises GoodinitError for a net that `save` would refuse."""
        check_save(self.net, path)

    def save(self, path: str | Path) -> None:
        """Write a caffemodel, or HDF5 for a name in .h5, that BVLC Caffe reads; an error leaves no
        file behind."""
        save(self.net, path, layers=self._layers())

    def _layers(self) -> NetParameter:
        """The layers to save: those of the file if they differ from those that run."""
        out = layers_of(self.net)
        originals = graph.insert_splits(self.file.param).layer
        for original, run, saved in zip(originals, self.net.param.layer, out.layer, strict=True):
            if original != run:
                saved.CopyFrom(original)
        return out
