"""What flows through a net while it is walked: its inputs, and the blobs' values for each batch."""

from collections.abc import Sequence

import numpy as np

from ..netlib import Net
from ..netlib.errors import DataError

Batch = dict[str, np.ndarray]


def set_inputs(net: Net, batch: Batch) -> None:
    """Give the net's Input blobs their values, and with them their shapes."""
    check_finite(batch)
    for name, values in batch.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values


def check_finite(batch: Batch) -> None:
    """Raises DataError for an input that holds NaN or Inf."""
    for name, values in batch.items():
        if not np.isfinite(values).all():
            raise DataError(
                f"input '{name}': {np.sum(~np.isfinite(values))} of its {values.size} values are not "
                'finite (NaN or Inf); leave these samples out'
            )


class Activations:
    """The blobs' values for each batch. With one batch they simply stay in the blobs; with several
    they are copied out of the blobs after a layer ran and into them before the next one reads.
    """

    def __init__(self, net: Net, batches: Sequence[Batch], keep: set[str]):
        self.net, self.batches, self.keep = net, len(batches), keep
        self.values: list[dict[str, np.ndarray]] = [{} for _ in batches]
        self.inputs = list(batches)
        self.last = self._last_uses()
        self.params = {param.values.memory for param in net.all_params()}
        if self.batches == 1:
            set_inputs(net, batches[0])
        else:
            for batch in batches:
                check_finite(batch)

    def load(self, batch: int, blobs) -> None:
        if self.batches > 1:
            for blob in blobs:
                values = self._find(batch, blob.name)
                blob.reshape(*values.shape)
                blob.data = values

    def _find(self, batch, name):
        return self.values[batch][name] if name in self.values[batch] else self.inputs[batch][name]

    def save(self, batch: int, bottom, top) -> None:
        if self.batches == 1:
            return
        for blob in top:
            if not bottom and blob.name in self.inputs[batch]:
                continue
            memory = blob.values.memory
            source = next((b for b in bottom if b is not blob and b.values.memory is memory), None)
            self.values[batch][blob.name] = (
                blob.data.copy()
                if source is None
                else self._find(batch, source.name).reshape(blob.shape)
            )

    def release(self, index: int) -> None:
        """Drop what no later layer reads."""
        for blob in {b.name: b for b in self.net.bottoms[index] + self.net.tops[index]}.values():
            if self.last[blob.name] > index or blob.name in self.keep:
                continue
            for values in self.values:
                values.pop(blob.name, None)
            memory = blob.values.memory
            sharers = [b.name for b in self.net.blobs.values() if b.values.memory is memory]
            used = any(self.last[name] > index or name in self.keep for name in sharers)
            if not used and memory not in self.params:
                memory.free()

    def _last_uses(self):
        last = {}
        for i, (bottom, top) in enumerate(zip(self.net.bottoms, self.net.tops, strict=True)):
            last.update({blob.name: i for blob in bottom + top})
        return last
