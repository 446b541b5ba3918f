"""What feeds a net: batches of values for its Input layers, and what is known of them."""

from dataclasses import dataclass, field

import numpy as np

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.data.transform import dimensions
from ..netlib.errors import DataError
from ..netlib.shapes import Shape


@dataclass(repr=False)
class Feed:
    """Batches of values for the Input layers of a net.

    batches: each holds the values (N, ...) of every input, by the name of its blob. describe: where
    they come from and how they were transformed. notes: what a user should know of them. labels:
    the inputs that only losses read. statistics: mean and std of every other input.

    Raises DataError for values that are not finite.
    """

    batches: list[Batch]
    describe: str
    notes: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    statistics: dict[str, dict[str, float]] = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = {}
        for name in self.shapes:
            values = self._all_values(name)
            if name not in self.labels:
                mean = float(values.mean(dtype=float))
                std = float(values.std(dtype=float))
                self.statistics[name] = {'mean': mean, 'std': std}
                if not std:
                    self.notes.append(f"input '{name}' is constant")

    def _all_values(self, name: str) -> np.ndarray:
        values = np.concatenate([batch[name].ravel() for batch in self.batches])
        if not np.isfinite(values).all():
            raise DataError(f"{self.describe}: input '{name}' holds NaN or infinity")
        return values

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each input in the first batch."""
        return {name: values.shape for name, values in self.batches[0].items()}

    @property
    def samples(self) -> int:
        """The number of samples in all batches together."""
        return sum(len(next(iter(batch.values()))) for batch in self.batches)

    def __str__(self) -> str:
        inputs = []
        for name, its in self.statistics.items():
            inputs.append(f"'{name}' has mean {its['mean']:.3g}, std {its['std']:.3g}")
        return f'{self.describe}; {self.samples} used; {"; ".join(inputs)}'

    def __repr__(self) -> str:
        count = len(self.batches)
        batches = '1 batch' if count == 1 else f'{count} batches'
        shapes = [f'{name} {dimensions(shape)}' for name, shape in self.shapes.items()]
        lines = [f'Feed: {self}', f'  {batches}: {", ".join(shapes)}']
        lines += [f'  note: {note}' for note in self.notes]
        return '\n'.join(lines)

    def clip_labels(self, net: Net) -> None:
        """Clip the labels to the classes that the losses of the net know."""
        for bottom in net.bottoms:
            if len(bottom) > 1 and bottom[0].axes > 1:
                compared = {blob.values.memory for blob in bottom[1:]}
                for name in self.labels:
                    # A Split hands the same memory on.
                    if net.blobs[name].values.memory in compared:
                        self._clip(name, classes=bottom[0].shape[1])

    def _clip(self, name: str, classes: int) -> None:
        for batch in self.batches:
            batch[name] = np.clip(batch[name], 0, classes - 1)
