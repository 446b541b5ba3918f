"""Recordings: the ops of a layer's forward or backward, to be run again without the layer.

A layer whose traits say `repeats` asks for the same ops on the same arrays in every pass, until a
blob gets another shape or other memory. Running a recording saves the layer's checks and the
tensors and arrays that it makes. In a small net these take longer than the kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..blob import Blob, Param
from ..engines.labels import LabelError
from ..layers import Layer
from ..memory import Places
from .stretches import Calls, Stretches, run

Facts = list[Any]


class Recording(NamedTuple):
    """Calls of an engine, and what has to be as it was for them to be right."""

    calls: Calls
    facts: Facts


class Recordings:
    """The recordings of a net, each of a layer's 'forward' or 'backward'.

    stretches   those of them that follow each other (stretches.py)
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], Recording] = {}
        self.stretches = Stretches()
        self.places = Places.version  # for which those found are right

    def repeat(self, direction: str, i: int, facts: Facts) -> bool:
        """Run the recording of layer i, if there is one that fits; returns whether there was."""
        if self.places != Places.version:
            self.found.clear()  # which also lets go of arrays that nobody else needs
            self.stretches.clear()
            self.places = Places.version
        recording = self.found.get((direction, i))
        if recording is None or recording.facts != facts:
            return False
        try:
            run(recording.calls)
        except LabelError:  # the layer knows the field that helps, and says so
            return False
        return True

    def forward_calls(self, i: int) -> Calls | None:
        """What runs layer i forward, if that is recorded."""
        recording = self.found.get(('forward', i))
        return recording.calls if recording else None

    @contextmanager
    def record(self, direction: str, i: int, layer: Layer, facts: Facts) -> Iterator[None]:
        """Record what layer i asks of its engine in this context, if it can be repeated."""
        if not can_repeat(layer, direction):
            yield
            return
        recording = Recording([], facts)
        layer.engine.recorder = recording.calls
        try:
            yield
            complete = layer.engine.recorder is not None
        finally:
            layer.engine.recorder = None
        if complete:
            recording.calls.append(layer.engine.check_repeated)
            self.found[direction, i] = recording
        else:
            self.found.pop((direction, i), None)


def can_repeat(layer: Layer, direction: str) -> bool:
    return direction in layer.traits.repeats and layer.engine.can_record


def forward_facts(layer: Layer, bottom: list[Blob], top: list[Blob]) -> Facts:
    """What a forward depends on, besides its numbers and where they are."""
    return [layer.work.forward_only, *(blob.shape for blob in (*bottom, *top))]


def backward_facts(
    layer: Layer,
    bottom: list[Blob],
    top: list[Blob],
    propagate_down: list[bool],
    params: Iterable[Param],
) -> Facts:
    """What a backward depends on, likewise: also the gradients that are wanted, those of `params`
    among them, and those that a loss starts from, which it reads as numbers."""
    learns = [param.learns for param in params]
    starts = [blob.diffs.item() for blob in top if layer.is_loss and blob.count == 1]
    return [*forward_facts(layer, bottom, top), *propagate_down, *learns, *starts]
