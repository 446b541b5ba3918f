"""AutoInit: output variance 1 in every layer, without running the net."""

import numpy as np
from numpy.random import Generator

from ...netlib.layers.shared.affine import Affine
from ..analytic.affine import products
from ..analytic.forecast import Forecast
from ..analytic.rules import Place
from ..kinds import Notes, initializer
from ..moments import TINY
from ..step import settable_bias
from .whole import WholeNet


@initializer('analytic', 'forecast')
def analytic(whole: WholeNet, rng: Generator) -> Notes:
    """W /= sqrt(var(W x)), b = 0, with the variance as computed from that of the inputs (Bingham &
    Miikkulainen 2023, AutoInit).

    Mean and variance pass from layer to layer by the rules in analytic/, by channel, with the
    layer's actual weights; the paper has one mean and one variance for all channels, and expects
    them over random weights. Elements count as independent. Inputs have the moments of the
    batches, or mean 0 and variance 1 without batches. A layer without a rule counts as having
    outputs of mean 0 and variance 1.
    """
    scaling = Scaling(whole)
    forecast = Forecast(whole.net, whole.batches, scaling.at)
    return scaling.notes + forecast.notes()


class Scaling:
    """Scales the chosen layers as a forecast reaches them."""

    def __init__(self, whole: WholeNet):
        self.chosen = whole.chosen
        self.notes: Notes = []

    def at(self, place: Place) -> None:
        layer: Affine = place.layer
        if layer not in self.chosen:
            return
        variance = float(np.mean([z.total.var for z in products(place)]))
        if not variance > TINY:
            self.notes.append(
                f"layer '{layer.name}': its output is constant, so its weights cannot be scaled: "
                'left unchanged'
            )
            return
        layer.weight.data *= layer.weight.data.dtype.type(variance**-0.5)
        bias = settable_bias(layer)
        if bias is not None:
            bias.data = 0
