"""The parts of a PyTorch module in the making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .steps import Step
from .text import arguments


@dataclass
class TorchModule:
    """The parts of a module in the making.

    called: the attribute of each layer. modules: what __init__ makes, by attribute. ties:
    attributes that are one weight. lines: what forward does: variables, an expression, and the
    shape of what it makes. returned: the variables that it gives back. functions: those of ours
    that it calls. problems: a line for each layer that PyTorch has no words for.
    """

    called: Mapping[str, str]
    modules: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    ties: list[tuple[str, str]] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _owners: dict[int, str] = field(default_factory=dict)

    def module(self, step: Step, made: str) -> str:
        """The attribute of a layer, which __init__ makes so."""
        name = self.called[step.name]
        self.modules[name] = made
        for weight, param in step.weights.items():
            here = f'{name}.{weight}'
            owner = self._owners.setdefault(id(param.owner), here)
            if owner != here:
                self.ties.append((here, owner))
        return f'self.{name}'

    def weights(self, step: Step) -> str:
        """The attribute that holds a layer's weights and nothing else."""
        self.functions.add('Weights')
        shapes = {name: tuple(param.shape) for name, param in step.weights.items()}
        if step.type == 'BN':
            shapes = {name: (param.count,) for name, param in step.weights.items()}
        return self.module(step, f'Weights({arguments(**shapes)})')

    def parameter(self, step: Step, name: str) -> str:
        return f'{self.weights(step)}.{name}'

    def call(self, function: str, *given: Any, **named: Any) -> str:
        """A call of one of our functions, which the module then brings along."""
        self.functions.add(function)
        return f'{function}({arguments(*given, **named)})'
