"""Activations during a walk of a net: its inputs, and the blobs' values for each batch."""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.errors import DataError
from ..netlib.machine import give_back
from ..netlib.memory import Memory, Tensor
from .reach import is_sum, last_turns

Batch = dict[str, ndarray]
Values = ndarray | Tensor  # on the host or on a device
LARGE = 10_000_000  # bytes


def set_inputs(net: Net, batch: Batch) -> None:
    """Set the values and the shapes of the net's Input blobs."""
    check_finite(batch)
    for name, values in batch.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values


def check_finite(batch: Batch) -> None:
    """Raises DataError for an input that contains NaN or Inf."""
    for name, values in batch.items():
        finite = np.count_nonzero(np.isfinite(values))
        bad = values.size - finite
        if bad:
            raise DataError(
                f"input '{name}': {bad} of its {values.size} values are not finite (NaN or Inf); "
                'remove these samples'
            )


class Activations:
    """The blobs' values for each batch.

    A single batch simply stays in the blobs. Several batches are copied out of the blobs after a
    layer has run, and back into them before the next layer reads. The copies are on the engine's
    device as far as it has room for them, also those of the inputs, and otherwise on the host.
    """

    def __init__(
        self, net: Net, batches: Sequence[Batch], keep: set[str], turns: Sequence[Sequence[int]]
    ):
        self.net = net
        self.batches = len(batches)
        self.keep = keep
        self.values: list[dict[str, Values]] = [{} for _ in batches]
        self.inputs = list(batches)
        self.remembered: dict[Hashable, tuple[int, Any]] = {}  # with a turn, as `remember` has it
        self.shared: set[str] = set()  # blobs whose values are those of others
        self.turn = {i: n for n, turn in enumerate(turns) for i in turn}
        self.last = last_turns(net, self.turn)
        self.users: dict[str, list[int]] = {name: [] for name in net.blobs}
        for i, (bottom, top) in enumerate(zip(net.bottoms, net.tops, strict=True)):
            for name in {blob.name for blob in (*bottom, *top)}:
                self.users[name].append(i)
        self.params = {param.values.memory for param in net.all_params()}
        if self.batches == 1:
            set_inputs(net, batches[0])
        else:
            for batch in batches:
                check_finite(batch)

    def reshape(self, batch: int, blobs: Sequence[Blob]) -> None:
        """Give these blobs the batch's shapes, but no values."""
        if self.batches > 1:
            for blob in blobs:
                blob.reshape(*self._find(batch, blob.name).shape)

    def load(self, batch: int, blobs: Sequence[Blob]) -> None:
        """Copy the batch's values back into these blobs."""
        if self.batches == 1:
            return
        self.reshape(batch, blobs)
        for blob in blobs:
            values = self._find(batch, blob.name)
            if isinstance(values, Tensor):
                self.net.engine.copy(values, out=blob.values)
                continue
            blob.data = values
            is_input = blob.name not in self.values[batch]  # later layers may read it again
            if is_input and self.net.engine.on_device:
                there = self._on_engine(batch, blob)
                if there is not None:
                    self.values[batch][blob.name] = there

    def save(self, batch: int, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the tops of a layer that has run on the batch."""
        if self.batches == 1:
            return
        for blob in top:
            is_input = not bottom and blob.name in self.inputs[batch]
            if not is_input:
                self.values[batch][blob.name] = self._copy(batch, blob, bottom)

    @contextmanager
    def changing(self, batch: int, blob: Blob) -> Iterator[Tensor]:
        """A context in which to change the blob's values for the batch, where they are kept. The
        blob itself keeps those of the last batch, changed."""
        values = self.values[batch].get(blob.name)
        if values is None or isinstance(values, ndarray) or blob.name in self.shared:
            self.load(batch, [blob])
            yield blob.values
            self.save(batch, [], [blob])
            return
        yield values
        if batch == self.batches - 1:
            self.load(batch, [blob])

    @contextmanager
    def overwriting(self, index: int) -> Iterator[None]:
        """A context in which a layer runs, and writes over its first bottom if it is a sum and no
        later turn reads that: then a residual branch takes two blobs instead of three."""
        layer, bottom, top = self.net.steps[index]
        turn = self.turn[index]
        if self.batches > 1 or not is_sum(layer) or not self._is_spent(bottom[0], turn):
            yield
            return
        layer.reshape(bottom, top)
        top[0].use(values=bottom[0].values.memory)
        try:
            yield
        finally:
            bottom[0].use(values=Memory(bottom[0].values.memory.size, bottom[0].dtype))

    def _is_spent(self, blob: Blob, turn: int) -> bool:
        """Whether neither a parameter nor a blob that is needed after this turn has the memory."""
        needed = any(self._needed(name, turn) for name in self._sharers(blob))
        return not needed and blob.values.memory not in self.params

    def _copy(self, batch: int, blob: Blob, bottom: Sequence[Blob]) -> Values:
        """The blob's values; a top that shares the memory of a bottom shares its copy too."""
        for other in bottom:
            if other is not blob and other.values.memory is blob.values.memory:
                found = self._find(batch, other.name)
                self.shared |= {blob.name, other.name}
                if isinstance(found, Tensor):
                    return found.reshape(*blob.shape)
                return found.reshape(blob.shape)
        there = self._on_engine(batch, blob)
        return blob.data.copy() if there is None else there

    def _on_engine(self, batch: int, blob: Blob) -> Tensor | None:
        """A copy of the blob's values where the engine computes, over its last one if no other blob
        has that: new memory takes longer than to copy. None if its device has no room."""
        engine = self.net.engine
        out = None if blob.name in self.shared else self.values[batch].get(blob.name)
        if not isinstance(out, Tensor) or out.shape != blob.shape:
            if not self._has_room(blob):
                return None
            out = engine.tensor(*blob.shape)
        engine.copy(blob.values, out=out)
        return out

    def _has_room(self, blob: Blob) -> bool:
        engine = self.net.engine
        size = blob.values.size
        return not engine.on_device or 0 < size * engine.dtype.itemsize <= engine.room()

    def _find(self, batch: int, name: str) -> Values:
        values = self.values[batch]
        return values[name] if name in values else self.inputs[batch][name]

    def remember(self, key: Hashable, found: Any, index: int) -> None:
        """Keep something that has been found of the values until the turn of this layer ends."""
        self.remembered[key] = self.turn[index], found

    def recall(self, key: Hashable) -> Any:
        """What is kept under this key; None if nothing is."""
        return self.remembered.get(key, (0, None))[1]

    def places(self, name: str) -> tuple[Hashable, ...]:
        """Where the copies of a blob's values are on the host, and their shape, for each batch: the
        same for blobs that share them. Empty unless they are all there."""
        found = []
        for batch in self.values:
            values = batch.get(name)
            if not isinstance(values, Tensor) or self.net.engine.on_device:
                return ()
            found.append((values.array().__array_interface__['data'][0], values.shape))
        return tuple(found)

    def release(self, index: int) -> None:
        """Drop the values that no later turn than that of this layer reads."""
        turn = self.turn[index]
        for key, (last, _) in list(self.remembered.items()):
            if last <= turn:
                del self.remembered[key]
        for blob in [*self.net.bottoms[index], *self.net.tops[index]]:
            if self._needed(blob.name, turn):
                continue
            for values in self.values:
                values.pop(blob.name, None)
            self._free(blob, turn)

    def _free(self, blob: Blob, turn: int) -> None:
        """Release the blob's memory, if nothing else needs it."""
        if self._is_spent(blob, turn):
            memory = blob.values.memory
            memory.free()
            if memory.nbytes > LARGE:
                give_back()

    def _sharers(self, blob: Blob) -> set[str]:
        """The names of the blobs that share a blob's memory: a layer shares that of its bottom with
        its top."""
        memory = blob.values.memory
        found, ahead = {blob.name}, [blob.name]
        while ahead:
            for i in self.users[ahead.pop()]:
                for other in (*self.net.bottoms[i], *self.net.tops[i]):
                    if other.values.memory is memory and other.name not in found:
                        found.add(other.name)
                        ahead.append(other.name)
        return found

    def _needed(self, name: str, turn: int) -> bool:
        return self.last[name] > turn or name in self.keep
