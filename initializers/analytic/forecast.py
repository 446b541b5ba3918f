"""Mean and variance of all blobs of a net from those of its inputs, layer by layer."""

from collections.abc import Callable, Sequence

import numpy as np

from ...netlib import Net
from ...netlib.blob import Blob
from ...netlib.layers.shared.affine import Affine
from ..activations import Batch, check_finite
from ..kinds import Notes
from ..measures import Row
from ..reach import affine_layers, parts
from . import affine, arrangements, combinations, normalizations  # noqa: F401  (register rules)
from .rules import Place, rule_of
from .spread import Spread, channels_of, standard

BeforeAffine = Callable[[Place], None]


class Forecast:
    """What is to be expected of a net's blobs.

    batches        the inputs, whose own moments are taken; without batches they are 0 and 1
    before_affine  called at each affine layer, which may change its weights
    spreads        of every blob, by name, as its last layer leaves it
    outputs        the spreads of the tops of each affine layer
    """

    def __init__(
        self,
        net: Net,
        batches: Sequence[Batch] = (),
        before_affine: BeforeAffine = lambda place: None,
    ):
        self.net = net
        self.batches = batches
        self.outputs: dict[Affine, list[Spread]] = {}
        self.reached: dict[str, str] = {}  # a layer without a rule: its type
        self.spreads: dict[str, Spread] = {}
        for layer, bottom, top in parts(net):
            place = Place(layer, bottom, top, [self.spreads[blob.name] for blob in bottom])
            if isinstance(layer, Affine):
                before_affine(place)
            found = self.tops(place)
            if isinstance(layer, Affine):
                self.outputs[layer] = found
            for blob, spread in zip(top, found, strict=True):
                self.spreads[blob.name] = spread

    def tops(self, place: Place) -> list[Spread]:
        """The spreads of a layer's tops."""
        layer = place.layer
        if not place.bottom and layer.type != 'Parameter':
            return [self.input(blob) for blob in place.top]
        rule = rule_of(layer)
        found = rule(place) if rule else []
        finite = all(np.isfinite(each.mean + each.var).all() for each in found)
        if rule and finite:
            return found
        self.reached.setdefault(layer.name, layer.type)
        assumed = frozenset([layer.name])
        return [Spread(np.zeros(1), np.ones(1), assumed) for _ in place.top]

    def input(self, blob: Blob) -> Spread:
        """The moments of an input by channel, over all batches of all ranks."""
        sums = []
        for batch in self.batches:
            if blob.name in batch:
                check_finite({blob.name: batch[blob.name]})
                sums.append(channel_sums(batch[blob.name]))
        sums = self.net.ranks.gather(sums)
        if not sums:
            return standard(channels_of(blob))
        counts, totals, squares = zip(*sums, strict=True)
        count = sum(counts)
        mean = np.sum(totals, axis=0) / count
        square = np.sum(squares, axis=0) / count
        return Spread(mean, np.maximum(square - mean**2, 0))

    def notes(self) -> Notes:
        """Notes on the layers without a rule that affine layers depend on."""
        needed: set[str] = set()
        for spreads in self.outputs.values():
            for spread in spreads:
                needed |= spread.assumed
        notes = []
        for name, kind in self.reached.items():
            if name in needed:
                notes.append(
                    f"layer '{name}': what a {kind} makes of mean and variance is not known: its "
                    'outputs count as having mean 0 and variance 1'
                )
        return notes


def channel_sums(values: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of elements of each channel, their sum and the sum of their squares."""
    channels = values.shape[1] if values.ndim > 1 else 1
    rows = values.reshape(len(values), channels, -1).astype(float)
    return rows.size // channels, rows.sum(axis=(0, 2)), np.square(rows).sum(axis=(0, 2))


def add_predictions(net: Net, batches: Sequence[Batch], rows: Sequence[Row]) -> None:
    """Give each row, one for each affine layer, the standard deviation of its outputs as predicted
    from the moments of the inputs; none where a layer below has no rule."""
    forecast = Forecast(net, batches)
    for layer, row in zip(affine_layers(net), rows, strict=True):
        spread = forecast.outputs[layer][0]
        if spread.known():
            row.predicted_std = float(np.sqrt(spread.total.var[0]))
