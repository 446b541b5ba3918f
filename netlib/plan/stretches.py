"""Stretches: successive layers whose recordings run one after the other, with one look at all.

A recording spares a layer's own work (recording.py), but a net still asks of each layer whether its
shapes and its memory are what they were. While no blob anywhere has changed its shape or its place,
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from ..blob import Blob
from ..engines.labels import LabelError
from ..errors import EngineError, layer_error
from ..layers import Layer
from ..memory import Places

Calls = list[Callable[[], None]]
Changes = tuple[int, int]


def changes() -> Changes:
    """How often any blob has changed its shape or its place so far."""
    return Blob.reshaped, Places.version


def run(calls: Calls) -> None:
    """Run the calls of a recording. Raises EngineError where there is not enough memory."""
    try:
        for call in calls:
            call()
    except MemoryError as error:
        raise EngineError(f'not enough memory ({error}): use a smaller batch') from error


class Stretch(NamedTuple):
    """Layers up to before `end`, and the calls of those that have a recording, by index; modes:
    whether each of the layers keeps nothing for a backward pass, as when it was recorded."""

    end: int
    calls: list[tuple[int, Calls]]
    layers: list[Layer]
    modes: list[bool]


class Passed(NamedTuple):
    """A pass forward that has run through layers, from `first` to before `end`. Those in `idle` had
    nothing to do; `calls` has the recording of a layer, if there is one; `changed`: the `changes`
    at the beginning."""

    layers: Sequence[Layer]
    first: int
    end: int
    idle: Collection[int]
    calls: Callable[[int], Calls | None]
    changed: Changes

    def stretch(self, first: int) -> Stretch:
        """The longest one that begins with layer `first`; a layer that has a loss is its last."""
        found = []
        end = first
        while end < self.end:
            calls = self.calls(end)
            if calls:
                found.append((end, calls))
            elif end not in self.idle:
                break
            end += 1
            if any(self.layers[end - 1].loss_weights):
                break
        layers = list(self.layers[first:end])
        return Stretch(end, found, layers, modes(layers))


class Stretches:
    """The stretches of passes forward, by the layers that they begin with.

    changed   the `changes` for which they are right
    """

    def __init__(self) -> None:
        self.found: dict[int, Stretch] = {}
        self.changed = changes()

    def repeat(self, first: int, last: int) -> int:
        """Run the stretch that begins with layer `first`, up to layer `last`, if there is one;
        returns the index of the layer that is to run next. That is one inside it whose labels are
        wrong: the layer says so itself."""
        stretch = self.found.get(first)
        if stretch is None or self.changed != changes() or stretch.modes != modes(stretch.layers):
            return first
        for i, calls in stretch.calls:
            if i > last:
                break
            try:
                run(calls)
            except LabelError:
                return i
            except EngineError as error:
                raise layer_error(stretch.layers[i - first].param, str(error)) from error
        return min(stretch.end, last + 1)

    def join(self, passed: Passed) -> None:
        """Find the stretches of a pass that has run. They are right only where nothing has changed
        since its beginning."""
        if self.changed != changes():
            self.clear()
        if passed.changed != self.changed or passed.first in self.found:
            return
        i = passed.first
        while i < passed.end:
            stretch = passed.stretch(i)
            self.found[i] = stretch
            i = max(stretch.end, i + 1)

    def clear(self) -> None:
        self.found.clear()
        self.changed = changes()


def modes(layers: Sequence[Layer]) -> list[bool]:
    return [layer.work.forward_only for layer in layers]
