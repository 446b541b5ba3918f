"""How fast the weights of each layer would learn: their gradients under a random linear loss (Krähenbühl et al. 2016).

The loss of an image is l = eta^T z, with z its scores and eta ~ N(0, I) drawn anew for every image (section 3). The gradient of
a batch is the sum of its images' gradients; these are independent given the images and have mean 0, so that the expected square
of the sum is the sum of the expected squares. One backward pass over a whole batch therefore measures what the paper defines
image by image.
"""
from collections import Counter
from collections.abc import Callable, Sequence
from math import pi

import numpy as np

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.errors import NetError
from ..netlib.layers.affine import Affine
from .walk import Batch, measuring, set_inputs

ANSWERS = ('Softmax', 'Accuracy', 'ArgMax')     # they turn scores into an answer, as losses do


class WeightGradient:
    """dl/dW of one weight matrix W (i outputs, j inputs), gathered batch by batch.

    `add` takes a layer whose diff of W holds the sum over `images` images, and sets that diff to zero.
    """

    def __init__(self, weight: Param):
        self.weight, self.images = weight, 0
        self.squares: np.ndarray | float = 0.0
        self.absolute = 0.0

    def add(self, layer: Affine, images: int) -> None:
        diff = layer.weight_view(diff=True)
        self.squares = self.squares + np.einsum('go...,go...->g...', diff, diff, dtype=np.float64) / diff.shape[1]
        self.absolute += np.sqrt(images) * np.mean([np.abs(row).mean(dtype=np.float64) for group in diff for row in group])
        self.images += images
        layer.weight.diffs.memory.free()

    @property
    def variance(self) -> float:
        """The mean over all weights of C_ij^2 = E[(dl/dW_ij)^2] (eq. 1), which is their variance since E[dl/dW] = 0."""
        return float(np.mean(self.squares) / self.images) if self.images else np.nan

    @property
    def change_rate(self) -> float:
        """The mean over the columns j of C~_j, with C~_j^2 = mean over i of C_ij^2 / mean square of W (eq. 2 and 3).

        |W|^2 is taken as the mean square, as in the published code: the rate tells which part of itself a weight changes
        by, whatever the size of W. 0 without gradient; NaN for W = 0 and for what is not reached by backward.
        """
        size = np.sqrt(np.mean(np.square(self.weight.data, dtype=np.float64)))
        return float(np.mean(np.sqrt(self.squares / self.images)) / size) if self.images and size else np.nan

    @property
    def cv(self) -> float:
        """Standard deviation over mean of C_ij over all weights (Fig. 1b); NaN without gradient.

        Given the images, dl/dW_ij is Gaussian with variance C_ij^2, hence E|dl/dW_ij| = sqrt(2 / pi) C_ij: the mean of C
        comes from absolute values, that of its square from squares.
        """
        if not self.absolute:
            return np.nan
        mean = np.sqrt(pi / 2) * self.absolute / self.images
        return float(np.sqrt(max(self.variance / mean ** 2 - 1, 0)))


def weight_gradients(net: Net, batches: Sequence[Batch], rng: np.random.Generator, dropout: bool = False,
                     after_forward: Callable[[int], None] = lambda layer: None) -> dict[Param, WeightGradient]:
    """The gradients of all convolution and inner product weights that learn, by owner: one forward and backward per batch.

    Where layers share weights, theirs is the sum. `after_forward` hears each layer's index once its tops are there.
    Diffs of parameters are zero afterwards. Raises NetError for a net without scores.
    """
    scores = score_blobs(net)
    layers = {layer.weight.owner: layer for layer in reversed(affine_layers(net)) if layer.weight.learns}
    users = Counter(layer.weight.owner for layer in affine_layers(net))
    gradients = {weight: WeightGradient(weight) for weight in layers}

    def take_unshared(i):
        layer = net.layers[i]
        if isinstance(layer, Affine) and layer.weight in gradients and users[layer.weight] == 1:
            gradients[layer.weight].add(layer, images_of(net.blobs[scores[0]]))

    free_diffs(net)
    net.after_backward.append(take_unshared)
    try:
        with measuring(net, dropout):
            for batch in batches:
                run_random_loss(net, batch, scores, rng, after_forward)
                for weight, layer in layers.items():
                    if users[weight] > 1:
                        gradients[weight].add(layer, images_of(net.blobs[scores[0]]))
    finally:
        net.after_backward.remove(take_unshared)
        free_diffs(net)
        for name in scores:
            net.blobs[name].diff = 0
    return gradients


def run_random_loss(net: Net, batch: Batch, scores: Sequence[str], rng: np.random.Generator,
                    after_forward: Callable[[int], None]) -> None:
    """One pass forward, then backward from standard normal diffs of the scores."""
    set_inputs(net, batch)
    for i in range(len(net.layers)):
        net.forward_layer(i)
        after_forward(i)
    net.backward_from({name: rng.standard_normal(net.blobs[name].shape) for name in scores})


def score_blobs(net: Net) -> list[str]:
    """The blobs where losses begin, of those that depend on a convolution or an inner product.

    They are the bottoms of layers with a loss weight; in a net without any, the net's outputs. What a Softmax, an Accuracy or
    the like computes stands for its bottoms.
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
        raise NetError(f"net '{net.name}' has no scores to measure gradients from: neither a loss nor an output depends on a "
                       'convolution or an inner product')
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


def free_diffs(net: Net) -> None:
    """Give the diffs of all parameters back: they read as zeros."""
    for param in net.all_params():
        param.diffs.memory.free()
