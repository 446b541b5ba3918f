"""Whether a net still computes the same: its scores before and after a change of its weights."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.ranks import Ranks
from ..activations import Batch, set_inputs
from ..gradients import Hear
from ..reach import makers_of_blobs, score_blobs
from ..walk import measuring

MOST = 1 << 22  # elements of a blob that are compared, evenly spread

Scores = dict[str, list[ndarray]]  # by blob, for each batch


class WatchedScores:
    """Collects a net's scores, and the probabilities that it makes of them, batch by batch."""

    def __init__(self, net: Net):
        self.net = net
        self.names = list(dict.fromkeys(score_blobs(net) + probabilities(net)))
        self.found: Scores = {name: [] for name in self.names}

    def see(self, layer: int) -> None:
        """A layer has run."""
        if layer == len(self.net.layers) - 1:
            for name in self.names:
                self.found[name].append(thinned(self.net.blobs[name].data))


def probabilities(net: Net) -> list[str]:
    """The net's outputs that a layer like Softmax makes of scores, number by number."""
    makers = makers_of_blobs(net)
    found = []
    for name in net.outputs:
        layer, bottom = makers[name]
        if layer.traits.answers and bottom[0].shape == net.blobs[name].shape:
            found.append(name)
    return found


def thinned(values: ndarray) -> ndarray:
    """A copy of a blob's values, or of evenly spread ones if there are very many."""
    stride = -(-values.size // MOST)
    return values.ravel()[:: stride or 1].astype(float)


def scores_of(
    net: Net, batches: Sequence[Batch], after_forward: Hear = lambda layer: None
) -> Scores:
    """The scores from one forward pass per batch, without dropout; `after_forward` is called with
    the index of each layer that has run."""
    watched = WatchedScores(net)
    with measuring(net):
        for batch in batches:
            set_inputs(net, batch)
            for i in range(len(net.layers)):
                net.forward_layer(i)
                watched.see(i)
                after_forward(i)
    return watched.found


def greatest_move(before: Scores, after: Scores, ranks: Ranks) -> float:
    """The largest change of an output over the largest output of its blob, over all batches of all
    ranks."""
    moves = [0.0]
    for name, values in before.items():
        largest = max(largest_of(values, ranks), np.finfo(float).tiny)
        changes = [new - old for new, old in zip(after[name], values, strict=True)]
        moves.append(largest_of(changes, ranks) / largest)
    return max(moves)


def largest_of(arrays: Sequence[ndarray], ranks: Ranks) -> float:
    """The largest absolute value; infinity if one is not a number."""
    largest = [float(abs(array).max(initial=0)) for array in arrays]
    found = float(np.max(ranks.gather(largest), initial=0))
    return np.inf if np.isnan(found) else found
