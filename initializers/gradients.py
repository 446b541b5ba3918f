"""How fast the weights of each layer would learn: their gradients under a random linear loss
(Krähenbühl et al. 2016).

The loss of an image is l = eta^T z, with z its scores and eta ~ N(0, I) drawn anew for every image
(section 3). The gradient by a weight is taken and squared image by image, within one backward pass
over the whole batch. Where layers share a weight, its gradient is the sum of theirs.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from numpy import ndarray
from numpy.random import Generator

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.layers.shared.affine import Affine
from ..netlib.machine import give_back
from .activations import Batch, set_inputs
from .reach import affine_layers, parts, score_blobs
from .segments import Segments
from .squared_gradients import See, SquaredGradients, WeightGradient
from .walk import measuring

Hear = Callable[[int], None]


def weight_gradients(
    net: Net,
    batches: Sequence[Batch],
    rng: Generator,
    dropout: bool = False,
    after_forward: Hear = lambda layer: None,
    after_gradient: See = lambda layer, found, roots: None,
    frugal: bool = False,
) -> dict[Param, WeightGradient]:
    """The gradients by all convolution and inner product weights that learn, by owner.

    One forward and one backward pass per batch. If layers share weights, the gradient is the sum.
    `after_forward` is called with each layer's index as soon as the layer has run, `after_gradient`
    with each layer, its result and, for some of its outputs after the other, the roots of the sums
    of squared gradients (outer, outputs, inner). A `frugal` pass runs layers forward twice where
    their values take much memory (segments.py). The layers' tops and the diffs of parameters are
    zero afterwards. Raises NetError for a net without scores.
    """
    scores = score_blobs(net)
    gathering = Gathering(net, after_gradient)
    free_param_diffs(net)
    net.after_backward.append(gathering.hear)
    try:
        with measuring(net, dropout):
            for number, batch in enumerate(batches, 1):
                # Several ranks, of which some may have no batches, meet at the end.
                gathering.is_last = number == len(batches) and net.ranks.size == 1
                set_inputs(net, batch)
                segments = Segments(net, gathering.add, frugal)
                segments.forward(after_forward)
                gathering.images = images_of(net.blobs[scores[0]])
                segments.backward(random_diffs(net, scores, rng))
                gathering.close()
        free_values(net)
        return gathering.results()
    finally:
        net.after_backward.remove(gathering.hear)
        free_param_diffs(net)
        for name in scores:
            net.blobs[name].diffs.memory.free()


class Gathering:
    """Collects the squares of gradients while a net runs backward. While it does so for the last
    batch, the result of each weight is found as soon as all its users have run."""

    def __init__(self, net: Net, see: See):
        self.net = net
        self.see = see
        self.squares = squares_by_owner(net)
        self.owners = list(self.squares)
        self.found: dict[Param, WeightGradient] = {}
        self.images = 0  # of this batch
        self.is_last = False

    def hear(self, i: int) -> None:
        """Layer i has run backward: collect its squares, and free its diffs as soon as nothing
        reads them."""
        layer = self.net.layers[i]
        squares = self.squares.get(layer.weight.owner) if isinstance(layer, Affine) else None
        if squares:
            squares.see(self.net.bottoms[i], self.net.tops[i])
        if not squares or not squares.uses:
            free_finished_diffs(self.net, i)
        if squares and squares.complete and self.is_last:
            squares.close(self.images)
            self._find(squares)

    def add(self) -> None:
        """Values are about to be freed: no other user of a weight will run."""
        for squares in self.squares.values():
            squares.add()

    def close(self) -> None:
        """A batch is done."""
        for squares in self.squares.values():
            squares.close(self.images)

    def results(self) -> dict[Param, WeightGradient]:
        """Those of all weights, in the order of backward."""
        for squares in list(self.squares.values()):
            self._find(squares)
        return {owner: self.found[owner] for owner in self.owners}

    def _find(self, squares: SquaredGradients) -> None:
        owner = squares.layer.weight.owner
        self.found[owner] = squares.gradient(self.net.ranks, self.see)
        del self.squares[owner]


def squares_by_owner(net: Net) -> dict[Param, SquaredGradients]:
    """A collector of squares for each weight that learns, in the order of backward, by the first of
    the layers that share it."""
    layers = affine_layers(net)
    users = Counter(layer.weight.owner for layer in layers)
    gathered = {}
    for layer in reversed(layers):
        owner = layer.weight.owner
        if layer.weight.learns:
            gathered[owner] = SquaredGradients(layer, users[owner])
    return gathered


def random_diffs(net: Net, scores: Sequence[str], rng: Generator) -> dict[str, ndarray]:
    """Standard normal diffs of the scores, which differ from rank to rank."""
    diffs = []
    for _ in range(net.ranks.size):
        diffs.append({name: rng.standard_normal(net.blobs[name].shape) for name in scores})
    return diffs[net.ranks.rank]


def images_of(scores: Blob) -> int:
    return scores.shape[0] if scores.axes else 1


def free_finished_diffs(net: Net, i: int) -> None:
    """Release the diffs of the tops of layer i, which has run backward, unless a layer below shares
    their memory."""
    below = {blob.diffs.memory for blob in net.bottoms[i]}
    for blob in net.tops[i]:
        if blob.diffs.memory not in below:
            blob.diffs.memory.free()


def free_values(net: Net) -> None:
    """Release what layers have computed, apart from diffs: it is large, and of the last portion."""
    kept = {param.values.memory for param in net.all_params()}  # which tops may share
    for layer, bottom, top in parts(net):
        layer.work.free()
        for blob in top:
            memory = blob.values.memory
            if not bottom:
                kept.add(memory)
            elif memory not in kept:
                memory.free()
    give_back()


def free_param_diffs(net: Net) -> None:
    """Release the diffs of all parameters: they then read as zeros."""
    for param in net.all_params():
        param.diffs.memory.free()
