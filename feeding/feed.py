"""Batches of values for a net's Input layers, and facts about them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from ..initializers.moments import moments_of, pooled
from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.errors import DataError
from ..netlib.shapes import Shape, dimensions
from ..netlib.tables import Table, number
from .transform import Transform


@dataclass(repr=False)
class Feed:
    """Batches of values for the Input layers of a net.

    batches: each maps the name of every input blob to its values (N, ...). describe: where they
    come from and how they were transformed. notes: what a user should know about them. labels: the
    inputs without statistics, which only losses or lookups read. transforms: how inputs were made
    from the data, where that is known. statistics: mean and std of every other input. axis: that of
    the samples, 1 if the values have time first. held_out: batches of further samples.

    Raises DataError for values that are not finite.
    """

    batches: list[Batch]
    describe: str
    notes: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    transforms: dict[str, Transform] = field(default_factory=dict)
    axis: int = 0
    held_out: list[Batch] = field(default_factory=list)
    statistics: dict[str, dict[str, float]] = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = {}
        for name in self.shapes:
            for batch in self.batches:
                if not np.isfinite(batch[name]).all():
                    raise DataError(f"{self.describe}: input '{name}' contains NaN or infinity")
            if name not in self.labels:
                self._measure(name)

    def _measure(self, name: str) -> None:
        moments = pooled([moments_of(batch[name].reshape(1, -1)) for batch in self.batches])
        std = sqrt(moments.total_var)
        self.statistics[name] = {'mean': moments.total_mean, 'std': std}
        if std == 0:
            self.notes.append(f"input '{name}' is constant")

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each input in the first batch."""
        first = self.batches[0]
        return {name: values.shape for name, values in first.items()}

    @property
    def samples(self) -> int:
        """The number of samples in all batches together."""
        return samples_in(self.batches, self.axis)

    @property
    def fingerprint(self) -> str:
        """The same for the same values, whatever their source: twelve hexadecimal digits."""
        found = hashlib.sha256()
        for batch in self.batches:
            for name, values in sorted(batch.items()):
                found.update(f'{name} {values.shape} {values.dtype}'.encode())
                found.update(np.ascontiguousarray(values).data)
        return found.hexdigest()[:12]

    def __str__(self) -> str:
        parts = [self.describe, f'{self.samples} used']
        for name, its in self.statistics.items():
            parts.append(f"'{name}' has mean {its['mean']:.3g}, std {its['std']:.3g}")
        return '; '.join(parts)

    def __repr__(self) -> str:
        count = len(self.batches)
        batches = '1 batch' if count == 1 else f'{count} batches'
        shapes = []
        for name, shape in self.shapes.items():
            shapes.append(f'{name} {dimensions(shape)}')
        lines = [f'Feed: {self}', f'  {batches}: {", ".join(shapes)}']
        lines += [f'  note: {note}' for note in self.notes]
        return '\n'.join(lines)

    def table(self) -> Table:
        """The inputs with their statistics."""
        rows = [['input', 'shape of a batch', 'mean', 'std']]
        for name, shape in self.shapes.items():
            its = self.statistics.get(name, {})
            rows.append([name, dimensions(shape), number(its.get('mean')), number(its.get('std'))])
        notes = [f'note: {note}' for note in self.notes]
        return Table(f'{self.describe}; {self.samples} used', rows, notes, left=(0, 1))

    def _repr_html_(self) -> str:
        return self.table().html()

    def clip_labels(self, net: Net) -> None:
        """Clip the labels that are indices of classes to the classes that the net has scores of."""
        for layer, bottom in zip(net.layers, net.bottoms, strict=True):
            compares = layer.is_loss or layer.traits.answers
            if not compares or len(bottom) < 2 or bottom[0].axes < 2:
                continue
            scores, *others = bottom
            classes = scores.shape[1]
            # Other bottoms hold targets, boxes, weights. A Split passes on the same memory.
            compared = set()
            for blob in others:
                if blob.count * classes == scores.count:
                    compared.add(blob.values.memory)
            for name in self.labels:
                if net.blobs[name].values.memory in compared:
                    self._clip(name, classes)

    def _clip(self, name: str, classes: int) -> None:
        for batch in self.batches:
            batch[name] = np.clip(batch[name], 0, classes - 1)


def samples_in(batches: Iterable[Batch], axis: int) -> int:
    """The number of samples in these batches, along this axis."""
    count = 0
    for batch in batches:
        values = next(iter(batch.values()))
        count += values.shape[axis]
    return count


def cut_batches(columns: Batch, size: int) -> list[Batch]:
    """The values of each input in batches of `size`; leftover samples are not used."""
    count = min(len(values) for values in columns.values())
    batches = []
    for start in range(0, count - size + 1, size):
        rows = slice(start, start + size)
        batch = {name: values[rows] for name, values in columns.items()}
        batches.append(batch)
    return batches
