"""What layers make of mean and variance: rules by layer type.

A rule is a function of a Place that returns a Spread for each top, registered for layer types by
`@makes('Pooling')`. Inputs of a layer count as independent, except where a rule says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...netlib.blob import Blob
from ...netlib.layers import Layer
from .spread import Spread, channels_of


@dataclass
class Place:
    """A layer, its blobs, and the spreads of its bottoms."""

    layer: Any
    bottom: list[Blob]
    top: list[Blob]
    spreads: list[Spread]

    @property
    def first(self) -> Spread:
        """The first bottom's spread, with as many channels as the bottom."""
        return self.spreads[0].at(channels_of(self.bottom[0]))

    def each(self) -> list[Spread]:
        """The spreads of all bottoms, with as many channels as the bottoms."""
        found = []
        for spread, blob in zip(self.spreads, self.bottom, strict=True):
            found.append(spread.at(channels_of(blob)))
        return found

    def for_tops(self, spread: Spread) -> list[Spread]:
        """The same for every top."""
        return [spread] * len(self.top)


Rule = Callable[[Place], list[Spread]]
RULES: dict[str, Rule] = {}


def makes(*types: str) -> Callable[[Rule], Rule]:
    """Register a rule for layer types."""

    def register(rule: Rule) -> Rule:
        for name in types:
            RULES[name] = rule
        return rule

    return register


def rule_of(layer: Layer) -> Rule | None:
    """The rule for a layer: for its type, or for a type that it extends."""
    for kind in type(layer).__mro__:
        if kind.__name__ in RULES:
            return RULES[kind.__name__]
    return None
