"""How fast the weights of each layer would learn: their gradients under a random linear loss
(Krähenbühl et al. 2016).

The loss of an image is l = eta^T z, with z its scores and eta ~ N(0, I) drawn anew for every image
(section 3). The gradient by a weight is taken and squared image by image, within one backward pass
over the whole batch. Where layers share a weight, its gradient is the sum of theirs.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from numpy.random import Generator

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.layers.shared.affine import Affine
from ..netlib.machine import give_back
from .activations import Batch, set_inputs
from .reach import affine_layers, parts, score_blobs
from .squared_gradients import See, SquaredGradients, WeightGradient
from .walk import measuring

Hear = Callable[[int], None]


def weight_gradients(
    net: Net,
    batches: Sequence[Batch],
    rng: Generator,
    dropout: bool = False,
    after_forward: Hear = lambda layer: None,
    after_gradient: See = lambda layer, images: None,
) -> dict[Param, WeightGradient]:
    """The gradients by all convolution and inner product weights that learn, by owner.

    One forward and one backward pass per batch. If layers share weights, the gradient is the sum.
    `after_forward` is called with each layer's index as soon as the layer has run, `after_gradient`
    with each layer and the number of images while the diffs of its weight hold the roots of the
    sums of squared gradients. The layers' tops and the diffs of parameters are zero afterwards.
    Raises NetError for a net without scores.
    """
    scores = score_blobs(net)
    gathered = squares_by_owner(net)
    hear = gathering(net, gathered)
    free_param_diffs(net)
    net.after_backward.append(hear)
    try:
        with measuring(net, dropout):
            for batch in batches:
                run_random_loss(net, batch, scores, rng, after_forward)
                images = images_of(net.blobs[scores[0]])
                for squares in gathered.values():
                    squares.close(images)
        free_values(net)
        found = {}
        for weight, squares in gathered.items():
            found[weight] = squares.gradient(net.ranks, after_gradient)
        return found
    finally:
        net.after_backward.remove(hear)
        free_param_diffs(net)
        for name in scores:
            net.blobs[name].diffs.memory.free()


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


def gathering(net: Net, gathered: dict[Param, SquaredGradients]) -> Hear:
    """A callback that collects the squares of layer i once it has run backward, and frees its diffs
    as soon as nothing reads them."""

    def hear(i: int) -> None:
        squares = None
        layer = net.layers[i]
        if isinstance(layer, Affine):
            squares = gathered.get(layer.weight.owner)
        if squares:
            squares.see(net.bottoms[i], net.tops[i])
        if not squares or not squares.uses:
            free_finished_diffs(net, i)

    return hear


def run_random_loss(
    net: Net,
    batch: Batch,
    scores: Sequence[str],
    rng: Generator,
    after_forward: Hear,
) -> None:
    """One pass forward, then backward from standard normal diffs of the scores, which differ from
    rank to rank."""
    set_inputs(net, batch)
    for i in range(len(net.layers)):
        net.forward_layer(i)
        after_forward(i)
    diffs = []
    for _ in range(net.ranks.size):
        diffs.append({name: rng.standard_normal(net.blobs[name].shape) for name in scores})
    net.backward_from(diffs[net.ranks.rank], accumulate=False)


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
