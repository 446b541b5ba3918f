"""Meeting: a sum of residual branches at its turn in the walk."""

from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.blob import Blob, Param
from ...netlib.layers import Layer
from ...netlib.layers.shared.affine import Affine
from ..kinds import Notes
from ..step import Step
from .branches import Branch, Sum


class Meeting:
    """A sum at its turn: its bottoms are known for all batches, the sum is not yet computed.

    step     the Eltwise layer
    sum      what meets there
    sums     how many sums of residual branches the net has
    branches how many branches they have together
    movable  the parameters that may change
    target   the variance that outputs should have
    scaled   the names of the layers whose parameters were scaled
    """

    def __init__(
        self,
        step: Step,
        sums: Collection[Sum],
        movable: Collection[Param],
        target: float,
    ):
        self.step = step
        self.net = step.net
        self.sum = next(each for each in sums if each.index == step.index)
        self.sums = len(sums)
        self.branches = sum(len(each.branches) for each in sums)
        self.movable = movable
        self.target = target
        self.scaled: list[str] = []

    def scalable(self, bottoms: Collection[Branch]) -> tuple[list[Branch], Notes]:
        """The bottoms that can be scaled, and notes that say why the others cannot."""
        able = []
        notes = []
        for branch in bottoms:
            why = self.obstacle(branch)
            if why:
                blob = self.step.bottom[branch.bottom]
                notes.append(f"its bottom '{blob.name}' stays as it is: {why}")
            else:
                able.append(branch)
        return able, notes

    def obstacle(self, branch: Branch) -> str:
        """Why a branch cannot be scaled; '' if it can."""
        if not branch.ends:
            return 'no layer with weights sets the scale of this bottom alone'
        stay = [self.net.layers[i].name for i in branch.ends if not self.may_scale(i)]
        if not stay:
            return ''
        return f"layer '{stay[0]}' is frozen, shared or not chosen"

    def may_scale(self, i: int) -> bool:
        """Whether every parameter that sets the scale of layer i may change, or is zero anyway."""
        for param in linear_params(self.net.layers[i]):
            if param not in self.movable and param.data.any():
                return False
        return True

    def scale(self, branch: Branch, factor: float) -> None:
        """Multiply what a branch adds to the sum: its last layers' parameters, and its values."""
        for i in branch.ends:
            for param in linear_params(self.net.layers[i]):
                param.data *= factor
            self.scaled.append(self.net.layers[i].name)
        blob = [self.step.bottom[branch.bottom]]
        for batch in range(self.step.kept.batches):
            self.step.kept.load(batch, blob)
            values = blob[0].values
            self.net.engine.axpby(factor, values, 0, out=values)
            self.step.kept.save(batch, [], blob)

    def covariances(self) -> ndarray:
        """Of what the bottoms add to the sum: (bottoms, bottoms), over all elements of all batches
        of all ranks."""
        return self.sum.coefficient**2 * covariance(self.step, self.step.bottom)

    def variance(self) -> float:
        """Of the sum, which has been computed."""
        return float(covariance(self.step, self.step.top)[0, 0])


def covariance(step: Step, blobs: list[Blob]) -> ndarray:
    """Of blobs of the same shape over all elements, batches and ranks, in float64."""
    parts = []
    for batch in range(step.kept.batches):
        step.kept.load(batch, blobs)
        values = [blob.values.array() for blob in blobs]
        for images in zip(*values, strict=True):  # one after the other, to save memory
            rows = np.array([image.ravel() for image in images], float)
            parts.append((rows.shape[1], rows.sum(axis=1), rows @ rows.T))
    counts, sums, products = zip(*step.net.ranks.gather(parts), strict=True)
    count = sum(counts)
    mean = np.sum(sums, axis=0) / count
    return np.sum(products, axis=0) / count - np.outer(mean, mean)


def linear_params(layer: Layer) -> list[Param]:
    """The parameters in which a layer's output is linear, all of them together."""
    if isinstance(layer, Affine):
        return list(layer.params)
    return [layer.params[i] for i in layer.traits.linear_in]


def unshared_params(net: Net, chosen: Collection[Layer]) -> set[Param]:
    """The parameters of these layers that learn and that no other layer uses."""
    users = Counter(param.owner for layer in net.layers for param in layer.params)
    movable = set()
    for layer in chosen:
        for param in linear_params(layer):
            if param.owner is param and param.learns and users[param] == 1:
                movable.add(param)
    return movable
