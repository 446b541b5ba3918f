"""Initializers: their definition, and all of them by name.

    @initializer('lsuv', 'layer')
    def lsuv(step: Step, rng: Generator, target: Target = 1.0) -> Notes:

An initializer is a function `(place, rng, **options) -> notes`. Its docstring is its formula and
its source. It changes weights and biases in place; its notes are sentences for the user. There are
five kinds:

    kind      place      what it does
    shape     Step       gives a layer new weights, from their shape alone
    samples   Step       gives a layer new weights, from the samples that reach the layer
    layer     Step       scales and shifts the outputs of a layer, at its turn in the walk
    forecast  WholeNet   scales all layers from their weights and shapes, without running the net
    net       WholeNet   works on all layers together, after the walk

The folders from_shape/, from_samples/, by_layer/ and whole_net/ hold them, the last those that have
a WholeNet. Every file in them is imported: a new initializer is a new file. Options are parameters
annotated with an `Option`; a command line makes its flags from them (`--target`).

A note that advises an option writes it as a flag, and always with its value if it takes one:
`--all-layers`, `--between exact`, `--scale 0.017`. Programs in Python are told `all_layers=True`,
`between='exact'`, `scale=0.017` (wording.py); an initializer need not know who reads its notes. A
note is true, and ends: who follows it once does not see it again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, TypeVar

from numpy.random import Generator

Notes = list[str]
Function = TypeVar('Function', bound=Callable[..., Notes])

KINDS = ('shape', 'samples', 'layer', 'forecast', 'net')


@dataclass(frozen=True)
class Option:
    """An option of an initializer: `target: Annotated[float, Option('the variance')] = 1.0`.

    help     what the option means, in a few words
    above    if given, values must be greater than this
    least    if given, values must be at least this
    unit     'bytes', or nothing
    excludes if given, the option that must not be on together with this one
    type     the annotated type: float, int or bool
    default  the parameter's default
    """

    help: str
    above: float | None = None
    least: float | None = None
    unit: str = ''
    excludes: str = ''
    type: type = float
    default: Any = None


@dataclass(frozen=True)
class Initializer:
    """A registered initializer. Calling it passes on only the options that it declares."""

    name: str
    kind: str
    function: Callable[..., Notes]
    options: Mapping[str, Option]

    def __call__(self, place: Any, rng: Generator, options: Mapping[str, Any]) -> Notes:
        own = {name: options[name] for name in self.options if name in options}
        return self.function(place, rng, **own)


INITIALIZERS: dict[str, Initializer] = {}


def initializer(name: str, kind: str) -> Callable[[Function], Function]:
    """Register a function under a name, as one of the four kinds.

    Raises ValueError for an unknown kind, a name that is taken, and an option that another
    initializer declares with another meaning.
    """

    def register(function: Function) -> Function:
        if kind not in KINDS:
            raise ValueError(f'{name}: unknown kind of initializer: {kind!r}')
        if name in INITIALIZERS:
            raise ValueError(f'{name}: an initializer with this name already exists')
        options = declared_options(function)
        check_agreement(name, options)
        INITIALIZERS[name] = Initializer(name, kind, function, options)
        return function

    return register


def declared_options(function: Callable[..., Notes]) -> dict[str, Option]:
    """The options among the parameters of a function, by name."""
    options = {}
    for parameter in signature(function, eval_str=True).parameters.values():
        for about in getattr(parameter.annotation, '__metadata__', ()):
            if isinstance(about, Option):
                kind = parameter.annotation.__origin__
                options[parameter.name] = replace(about, type=kind, default=parameter.default)
    return options


def check_agreement(name: str, options: Mapping[str, Option]) -> None:
    """Raises ValueError for an option that another initializer declares differently."""
    known = all_options()
    for option, about in options.items():
        if known.get(option, about) != about:
            others = ', '.join(readers(option))
            raise ValueError(f'{name}: option {option} differs from that of {others}')


def of_kind(*kinds: str) -> tuple[str, ...]:
    """The names of the initializers of these kinds: kind by kind, in alphabetical order."""
    found: list[str] = []
    for kind in kinds:
        for name in sorted(INITIALIZERS):
            if INITIALIZERS[name].kind == kind:
                found.append(name)
    return tuple(found)


def all_options() -> dict[str, Option]:
    """All options of all initializers. A shared option has the same meaning in each."""
    options: dict[str, Option] = {}
    for name in of_kind(*KINDS):
        options.update(INITIALIZERS[name].options)
    return options


def readers(option: str) -> tuple[str, ...]:
    """The initializers that read an option."""
    found = []
    for name in of_kind(*KINDS):
        if option in INITIALIZERS[name].options:
            found.append(name)
    return tuple(found)
