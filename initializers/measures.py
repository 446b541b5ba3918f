"""What a few batches tell of every convolution and inner product: the table of `goodinit stats`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..netlib import Net
from ..netlib.layers.shared.affine import Affine
from .activations import Batch
from .gradients import WeightGradient, weight_gradients
from .moments import Moments, output_moments, pooled, weight_moments

# What may lie between a unit and its ReLU.
PER_UNIT = ('Split', 'BatchNorm', 'Scale', 'Bias', 'Dropout', 'Pooling', 'LRN')


@dataclass
class Row:
    """One layer; its outputs z are taken before any nonlinearity, over images and positions.

    output_mean, output_std   of all elements of z
    output_cv                 the standard deviations of the single outputs z_i: their deviation over their mean
    dead                      share of the z_i that the ReLU after them passes in no sample; NaN without a ReLU,
                              or if it has a slope
    weight_std                of all weights
    change_rate               relative change of the weights under a random loss, per image: mean over columns of
                              RMS(dl/dW column) / RMS(W) (Krähenbühl et al. 2016, eq. 3)
    change_rate_cv            that of the single weights: standard deviation over mean (Fig. 1b)
    gradient_var              variance of dl/dW over the weights, per image
    mean_to_std               sqrt(sum of mean(z_i)^2 / sum of var(z_i)), r^l of Luther & Seung 2019, eq. 9

    The three that tell of gradients are NaN where weights do not learn or no score depends on them.
    """

    layer: str
    type: str
    output_mean: float
    output_std: float
    output_cv: float
    dead: float
    weight_std: float
    change_rate: float
    change_rate_cv: float
    gradient_var: float
    mean_to_std: float


def measure(
    net: Net, batches: Sequence[Batch], rng: np.random.Generator, dropout: bool = False
) -> list[Row]:
    """A Row for each convolution and inner product of the net, in the net's order.

    batches: the values of the net's Input blobs, as in `walk`. One forward and one backward pass
    per batch; dropout is off unless `dropout`. Weights, and what forward itself changes, stay as
    they are; diffs of parameters become zero. Raises DataError where an input holds NaN or Inf,
    NetError for a net without scores.
    """
    outputs = _Outputs(net)
    gradients = weight_gradients(net, batches, rng, dropout, outputs.see)
    return [
        _row(layer, outputs.moments(i), outputs.dead(i), gradients.get(layer.weight.owner))
        for i, layer in enumerate(net.layers)
        if isinstance(layer, Affine)
    ]


def _row(layer: Affine, z: Moments, dead: float, gradient: WeightGradient | None) -> Row:
    deviations = np.sqrt(z.var)
    rates = (gradient.change_rate, gradient.cv, gradient.variance) if gradient else (np.nan,) * 3
    return Row(
        layer.name,
        layer.type,
        z.total_mean,
        float(np.sqrt(z.total_var)),
        _ratio(deviations.std(), deviations.mean()),
        dead,
        float(np.sqrt(weight_moments(layer, layer.weight.values).total_var)),
        *rates,
        _ratio(np.sqrt(np.mean(z.mean**2)), np.sqrt(z.var.mean())),
    )


def _ratio(a, b):
    return float(a / b) if b else np.nan


class _Outputs:
    """Watches a net run forward: moments of each affine layer, and which units get through their
    ReLU."""

    def __init__(self, net: Net):
        self.net = net
        self.parts: dict[int, list[Moments]] = {}
        self.alive: dict[int, np.ndarray] = {}
        self.units: dict[str, int] = {}  # blob -> the affine layer whose outputs are its channels

    def see(self, i: int) -> None:
        layer, bottom, top = self.net.layers[i], self.net.bottoms[i], self.net.tops[i]
        source = self.units.get(bottom[0].name) if bottom else None
        for blob in top:
            self.units.pop(blob.name, None)
        if isinstance(layer, Affine):
            self.parts.setdefault(i, []).extend(output_moments(layer, blob) for blob in top)
            self.units.update((blob.name, i) for blob in top)
        elif source is not None and layer.type in PER_UNIT:
            self.units.update((blob.name, source) for blob in top)
        elif (
            source is not None
            and layer.type == 'ReLU'
            and not layer.param.relu_param.negative_slope
        ):
            self._see_relu(source, top[0])

    def _see_relu(self, source, blob):
        """What a ReLU passes is positive: a unit is alive if its sum is."""
        layer, z = self.net.layers[source], self.net.tops[source][0]
        y = blob.values.reshape(*layer.by_output(z.values).shape[:2], -1)
        passed = layer.buffer('passed', 1, layer.num_output, 1)
        self.net.engine.sum(y, out=passed)
        self.alive[source] = self.alive.get(source, False) | (passed.array().ravel() > 0)

    def moments(self, i: int) -> Moments:
        return pooled(self.net.ranks.gather(self.parts[i]))

    def dead(self, i: int) -> float:
        if i not in self.alive:
            return np.nan
        return float(1 - np.any(self.net.ranks.gather([self.alive[i]]), axis=0).mean())
