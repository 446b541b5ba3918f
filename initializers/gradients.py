"""How fast the weights of each layer would learn: their gradients under a random linear loss
(Krähenbühl et al. 2016).

The loss of an image is l = eta^T z, with z its scores and eta ~ N(0, I) drawn anew for every image
(section 3). The gradient by a weight is taken and squared image by image, within one backward pass
over the whole batch. Where layers share a weight, its gradient is the sum of theirs.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.errors import NetError
from ..netlib.layers.shared.affine import Affine
from ..netlib.ranks import Ranks
from .activations import Batch, set_inputs
from .moments import weight_moments
from .walk import measuring

ANSWERS = ('Softmax', 'Accuracy', 'ArgMax')  # they turn scores into an answer, as losses do


class WeightGradient:
    """C_ij^2 = E[(dl/dW_ij)^2] (eq. 1) of a weight matrix W, i its outputs, j its inputs: a mean
    over images."""

    def __init__(self, layer: Affine, images: int):
        """The layer's W has the sums over the images in its diff, and afterwards their roots."""
        self.images = images
        self.mean_square = weight_moments(layer, layer.weight.values).mean_square
        squares = layer.weights_by_output(layer.weight.diffs)
        outer, outputs, inner = squares.shape
        sums = layer.buffer('columns', outer, 1, inner)
        layer.engine.sum(squares, out=sums)
        self.columns = sums.array().astype(float) / (outputs * max(images, 1))  # mean over i: C_j^2
        layer.engine.unary('power', squares, 0.5, 1, 0, out=squares)
        self.deviations = weight_moments(layer, layer.weight.diffs)

    @property
    def variance(self) -> float:
        """The mean of C_ij^2 over all weights, which is their variance since E[dl/dW] = 0."""
        return float(self.columns.mean()) if self.images else np.nan

    @property
    def change_rate(self) -> float:
        """The mean over the columns j of C~_j, with C~_j^2 = mean over i of C_ij^2 / mean square of
        W (eq. 2 and 3).

        |W|^2 is taken as the mean square, as in the published code: the rate tells which part of
        itself a weight changes by, whatever the size of W. 0 without gradient; NaN for W = 0 and
        for what is not reached by backward.
        """
        size = np.sqrt(self.mean_square)
        return float(np.sqrt(self.columns).mean() / size) if self.images and size else np.nan

    @property
    def cv(self) -> float:
        """Standard deviation over mean of C_ij over all weights (Fig. 1b); NaN without gradient."""
        mean = self.deviations.total_mean
        return float(np.sqrt(self.deviations.total_var) / mean) if mean else np.nan


def weight_gradients(
    net: Net,
    batches: Sequence[Batch],
    rng: np.random.Generator,
    dropout: bool = False,
    after_forward: Callable[[int], None] = lambda layer: None,
) -> dict[Param, WeightGradient]:
    """The gradients by all convolution and inner product weights that learn, by owner.

    One forward and one backward pass per batch. Where layers share weights, theirs is the sum.
    `after_forward` hears each layer's index once its tops are there. Diffs of parameters are zero
    afterwards. Raises NetError for a net without scores."""
    scores = score_blobs(net)
    gathered = {
        layer.weight.owner: _Squares(layer)
        for layer in reversed(affine_layers(net))
        if layer.weight.learns
    }
    for layer in affine_layers(net):
        if layer.weight.owner in gathered:
            gathered[layer.weight.owner].users += 1

    def take(i):
        weight = net.layers[i].weight.owner if isinstance(net.layers[i], Affine) else None
        if weight in gathered:
            gathered[weight].see(net.bottoms[i], net.tops[i])
        if weight not in gathered or not gathered[weight].uses:
            free_finished_diffs(net, i)

    free_diffs(net)
    net.after_backward.append(take)
    try:
        with measuring(net, dropout):
            for batch in batches:
                run_random_loss(net, batch, scores, rng, after_forward)
                for squares in gathered.values():
                    squares.close(images_of(net.blobs[scores[0]]))
        for squares in gathered.values():
            squares.sum_over(net.ranks)
        return {weight: squares.gradient() for weight, squares in gathered.items()}
    finally:
        net.after_backward.remove(take)
        free_diffs(net)
        for name in scores:
            net.blobs[name].diffs.memory.free()


class _Squares:
    """The squares of one weight's gradients, gathered in its diff; all users of the weight must
    have run."""

    def __init__(self, layer: Affine):
        self.layer, self.users, self.images = layer, 0, 0
        self.uses: list[tuple[Blob, Blob]] = []
        self.seen, self.reached = 0, False

    def see(self, bottom: list[Blob], top: list[Blob]) -> None:
        self.uses += zip(bottom, top, strict=True)
        self.seen += 1
        if self.seen == self.users:
            self.add()

    def add(self) -> None:
        if self.uses:
            self.layer.add_squared_gradients(self.uses)
            self.layer.work.free()
            self.uses, self.reached = [], True

    def close(self, images: int) -> None:
        """The batch is through; users that no score depends on have not run."""
        self.add()
        self.images += images if self.reached else 0
        self.seen, self.reached = 0, False

    def sum_over(self, ranks: Ranks) -> None:
        """Add up what all ranks have gathered."""
        if ranks.size > 1:
            ranks.start_sum(self.layer.weight.diff)
            ranks.finish_sums()
        self.images = sum(ranks.gather([self.images]))

    def gradient(self) -> WeightGradient:
        """What the squares say; they are gone then."""
        found = WeightGradient(self.layer, self.images)
        self.layer.work.free()
        self.layer.weight.diffs.memory.free()
        return found


def run_random_loss(
    net: Net,
    batch: Batch,
    scores: Sequence[str],
    rng: np.random.Generator,
    after_forward: Callable[[int], None],
) -> None:
    """One pass forward, then backward from standard normal diffs of the scores, which differ from
    rank to rank."""
    set_inputs(net, batch)
    for i in range(len(net.layers)):
        net.forward_layer(i)
        after_forward(i)
    diffs = [
        {name: rng.standard_normal(net.blobs[name].shape) for name in scores}
        for _ in range(net.ranks.size)
    ]
    net.backward_from(diffs[net.ranks.rank], accumulate=False)


def score_blobs(net: Net) -> list[str]:
    """The blobs where losses begin, of those that depend on a convolution or an inner product.

    They are the bottoms of layers with a loss weight; in a net without any, the net's outputs. What
    a Softmax, an Accuracy or the like computes stands for its bottoms.
    """
    learned, makers = set(), {}
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        for blob in top:
            makers[blob.name] = layer, bottom
            if isinstance(layer, Affine) or any(b.name in learned for b in bottom):
                learned.add(blob.name)
    roots = _loss_bottoms(net) or net.outputs
    scores: dict[str, None] = {}
    while roots:
        name, *roots = roots
        layer, bottom = makers[name]
        if layer.is_loss or layer.type in ANSWERS:
            roots += [b.name for b in bottom]
        elif name in learned:
            scores[name] = None
    if not scores:
        raise NetError(
            f"net '{net.name}' has no scores to measure gradients from: neither a loss nor an output "
            'depends on a convolution or an inner product'
        )
    return list(scores)


def _loss_bottoms(net):
    names = []
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        weighted = [blob for blob, weight in zip(top, layer.loss_weights, strict=True) if weight]
        if weighted:
            direct = isinstance(layer, Affine) or layer.type == 'Split'
            names += [blob.name for blob in (weighted if direct else bottom)]
    return names


def affine_layers(net: Net) -> list[Affine]:
    return [layer for layer in net.layers if isinstance(layer, Affine)]


def images_of(scores: Blob) -> int:
    return scores.shape[0] if scores.axes else 1


def free_finished_diffs(net: Net, i: int) -> None:
    """Give back the diffs of layer i's tops, which has run backward, where no layer below shares
    their memory."""
    below = {blob.diffs.memory for blob in net.bottoms[i]}
    for blob in net.tops[i]:
        if blob.diffs.memory not in below:
            blob.diffs.memory.free()


def free_diffs(net: Net) -> None:
    """Give the diffs of all parameters back: they read as zeros."""
    for param in net.all_params():
        param.diffs.memory.free()
