"""Weights of one layer from the samples that reach it, given directions in white coordinates.

    @initializer('pca', 'samples')
    @from_directions()
    def pca(samples: WhiteSamples, count: int, rng: Generator) -> ndarray:

A method finds up to `count` directions (k, rank) in the white coordinates of the samples: the
input rows of an inner product, or the patches of one group of a convolution. The equivalent weights
for the samples themselves give every output variance 1.

Whitening applies to x - mean, but the weights act on x. So the outputs have mean `weights @ mean`,
which the bias must remove (`within` does).

If the samples give too few directions (more outputs than dimensions, fewer samples than outputs, or
equal filters), the rest are random orthogonal directions in the whitened space, also with variance
1. Constant samples give Gaussian weights of variance 1 / d. Rows with NaN or Inf are ignored.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Annotated

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from ...proto.caffe_pb2 import FillerParameter
from ..from_shape.filler import fill_weights
from ..from_shape.orthonormal import orthonormal
from ..kinds import Notes, Option
from ..products import Matmul
from ..step import Step
from .host_rows import LARGEST
from .shared_samples import leave_samples, shared_samples
from .unit_length import to_unit_length
from .whitening import WhiteSamples

GAUSSIAN = FillerParameter(type='gaussian', std=0.01)  # Krähenbühl et al. 2016, 3.3
STAYS_GAUSSIAN = (
    'Gaussian weights, not from samples: an inner product sees no patches '
    '(--all-layers takes it from samples, too)'
)

Directions = Callable[[WhiteSamples, int, Generator], ndarray]
Memory = Annotated[int, Option('samples to hold at once', least=1, unit='bytes')]
AllLayers = Annotated[bool, Option('for inner products as well as convolutions')]


def from_directions(principal: bool = True) -> Callable[[Directions], 'FromSamples']:
    """Make an initializer from a method that finds directions. `principal`: it needs coordinates
    along the principal axes."""

    def make(find: Directions) -> FromSamples:
        return FromSamples(find, principal)

    return make


class FromSamples:
    """An initializer of kind 'samples'.

    It applies to layers that see patches, and with `all_layers` also to other layers. Otherwise the
    others get Gaussian weights of standard deviation 0.01, as in the paper.
    """

    def __init__(self, find: Directions, principal: bool):
        self.find = find
        self.principal = principal
        self.__doc__ = find.__doc__

    def __call__(
        self,
        step: Step,
        rng: Generator,
        memory: Memory = 500_000_000,
        all_layers: AllLayers = False,
    ) -> Notes:
        layer = step.layer
        if not (layer.sees_patches or all_layers):
            fill_weights(layer, GAUSSIAN, rng)
            return [STAYS_GAUSSIAN]
        groups, _, *inputs = layer.weight_view().shape
        row_bytes = 8 * prod(inputs) * groups  # float32, and on a device a copy of them, whitened
        drawing = step.sampled_rows()
        batches = drawing.choose(max(memory // row_bytes, 2), rng)
        samples = shared_samples(step, batches)
        if samples is None:
            rows = drawing.take(batches)
            if not rows.size:
                fill_weights(layer, GAUSSIAN, rng)
                return [f'no rows of samples meet the weights of a {layer.type}: they are Gaussian']
            engine = step.net.engine
            samples = [WhiteSamples(group, self.principal, engine, spare=True) for group in rows]
            leave_samples(step, batches, samples)
        return self._fill_groups(step, samples, rng)

    def _fill_groups(self, step: Step, samples: Sequence[WhiteSamples], rng: Generator) -> Notes:
        """Give each group its weights, from its samples."""
        view = step.layer.weight_view()
        groups, count, *inputs = view.shape
        notes = []
        for group, white in enumerate(samples):
            weights, said = self.weights_of(white, count, rng)
            view[group] = weights.reshape(count, *inputs)
            where = f'group {group}: ' if groups > 1 else ''
            notes += [where + note for note in said]
        return notes

    def weights(
        self,
        rows: ndarray | Tensor,
        count: int,
        rng: Generator,
        engine: Engine | None = None,
        spare: bool = False,
    ) -> tuple[ndarray, Notes]:
        """Weights (count, d) for rows (n, d), both float32, and notes on any deviations from the
        method.

        An engine that computes on a device does so with the rows, which may be there already.
        `spare` rows may be overwritten.
        """
        return self.weights_of(WhiteSamples(rows, self.principal, engine, spare), count, rng)

    def weights_of(
        self, samples: WhiteSamples, count: int, rng: Generator
    ) -> tuple[ndarray, Notes]:
        """The same from samples that have been whitened."""
        notes = left_out(samples)
        if not samples.rank:
            size = samples.size
            notes.append(
                f'the {samples.count} samples do not vary: Gaussian weights of variance 1/{size}'
            )
            gaussian = rng.standard_normal((count, size), np.float32)
            return gaussian / np.float32(np.sqrt(size)), notes
        found = distinct(self.find(samples, count, rng), samples.matmul)
        notes += short_of(samples, len(found), count)
        directions = filled_up(found, count, samples, rng)
        return samples.coordinates.weights(directions), notes


def filled_up(found: ndarray, count: int, samples: WhiteSamples, rng: Generator) -> ndarray:
    """The directions found, and random ones up to `count`, of unit length. The random ones are
    orthogonal to each other as far as the dimensions allow."""
    missing = count - len(found)
    if not missing:
        return found
    others = orthonormal((missing, samples.rank), rng, engine=samples.engine)
    return np.concatenate([found, to_unit_length(others)])


def distinct(directions: ndarray, matmul: Matmul) -> ndarray:
    """The directions at unit length, without zero directions and duplicates."""
    units = to_unit_length(np.array(directions, np.float32))
    cosines = np.triu(matmul(units, units.T), 1)
    repeats = cosines.max(axis=0, initial=0) > 1 - 1e-6
    return units[~repeats & units.any(axis=1)]


def left_out(samples: WhiteSamples) -> Notes:
    """A note about unusable rows."""
    total = samples.rows.total
    bad = total - samples.count
    if not bad:
        return []
    return [
        f'{bad} of {total} samples contain NaN or Inf (or values over {LARGEST:g}); ignoring them'
    ]


def short_of(samples: WhiteSamples, found: int, count: int) -> Notes:
    """A note about samples that give too few directions."""
    rank = samples.rank
    if found == count and rank >= min(count, samples.size):
        return []
    others = ', the others are random white directions' if found < count else ''
    return [
        f'{samples.count} samples of dimension {samples.size} have rank {rank}: '
        f'{found} of {count} filters come from them{others}'
    ]
