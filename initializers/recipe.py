"""Recipes: the source of weights, the normalization of layers, the balance between layers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..netlib import Net
from ..netlib.errors import NetError, did_you_mean, listed
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine
from ..netlib.layers.shared.recurrent import Recurrent
from ..netlib.never_learning import filled_with_zeros
from . import catalog  # noqa: F401  (registers the initializers)
from .kinds import all_options, of_kind
from .reach import branch_ends, interpolates
from .residual.rules import RULES
from .turns import turns

# The parts of a recipe: names without an initializer, and the kinds of initializers allowed.
# 'filler' means the weights from the prototxt's fillers.
PARTS = {
    'weights_from': (['keep', 'filler'], ['shape', 'samples']),
    'normalize': (['none'], ['layer', 'forecast']),
    'between': (['none'], ['net']),
    'residual': (['none', *RULES], []),
}
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def choices(part: str) -> tuple[str, ...]:
    """The names allowed for a part of a recipe."""
    nothing, kinds = PARTS[part]
    return (*nothing, *of_kind(*kinds))


WEIGHTS_FROM = choices('weights_from')
NORMALIZE = choices('normalize')
BETWEEN = choices('between')
RESIDUAL = choices('residual')


@dataclass(frozen=True, init=False)
class Recipe:
    """The parts of an initialization. PRESETS holds the published ones.

    weights_from  'keep', 'filler' (the prototxt's), or an initializer from a shape or from samples
    normalize     'none', or an initializer that works layer by layer, on data or on a forecast
    between       'none', or an initializer that works on the whole net
    residual      'none', or what becomes of residual branches where they meet at a sum: 'zero',
                  'fixup' or 'balanced' (residual/rules.py)
    layers        a regular expression; layers whose names do not match keep their weights, and
                  those that match do not, even if they are frozen, bilinear or zero on purpose
    zero_last     the weights of the last layers, whose outputs are the scores, become zero
    forget_bias   the bias of the forget gates of LSTM layers that get new weights
    dropout       keep dropout on while layers are measured
    options       all options of all initializers, by default or as given by keyword:
                  Recipe('keep', 'lsuv', margin=0.01).margin
    """

    weights_from: str
    normalize: str
    between: str
    residual: str
    layers: str
    zero_last: bool
    forget_bias: float
    dropout: bool
    options: Mapping[str, Any] = field(hash=False)

    def __init__(
        self,
        weights_from: str = 'orthonormal',
        normalize: str = 'lsuv',
        between: str = 'none',
        *,
        residual: str = 'none',
        layers: str = '',
        zero_last: bool = False,
        forget_bias: float = 1.0,
        dropout: bool = False,
        options: Mapping[str, Any] = NO_OPTIONS,
        **more: Any,
    ):
        self.__dict__.update(
            weights_from=weights_from,
            normalize=normalize,
            between=between,
            residual=residual,
            layers=layers,
            zero_last=zero_last,
            forget_bias=forget_bias,
            dropout=dropout,
            options=with_defaults({**options, **more}),
        )

    def __getattr__(self, name: str) -> Any:
        """An option by its name."""
        options = self.__dict__.get('options', NO_OPTIONS)
        if name not in options:
            raise AttributeError(f'Recipe has no {name!r}{did_you_mean(name, options)}')
        return options[name]

    def as_dict(self) -> dict[str, Any]:
        """The parts and the options together."""
        parts = dict(self.__dict__)
        options = parts.pop('options')
        return {**parts, **options}


def with_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """These options and the defaults of all others. Raises TypeError for an unknown option."""
    known = {name: option.default for name, option in all_options().items()}
    for name in options:
        if name not in known:
            guess = did_you_mean(name, known)
            raise TypeError(f'Recipe got an unexpected keyword argument {name!r}{guess}')
    return {**known, **options}


# The published methods: weights_from, normalize, between.
METHODS = {
    'lsuv': ('orthonormal', 'lsuv', 'none'),
    'orthonormal': ('orthonormal', 'none', 'none'),
    'gaussian': ('gaussian', 'none', 'none'),
    'xavier': ('xavier', 'none', 'none'),
    'msra': ('msra', 'none', 'none'),
    'filler': ('filler', 'none', 'none'),
    'pca': ('pca', 'within', 'exact'),
    'zca': ('zca', 'within', 'exact'),
    'kmeans': ('kmeans', 'within', 'exact'),
    'rand': ('rand', 'within', 'exact'),
    'scale': ('unit_gaussian', 'scale', 'none'),
    'scale_bias': ('unit_gaussian', 'scale_bias', 'none'),
    'analytic': ('unit_gaussian', 'analytic', 'none'),
    'gradinit': ('msra', 'none', 'gradinit'),
}
PRESETS = {name: Recipe(*parts) for name, parts in METHODS.items()}


def check_recipe(recipe: Recipe) -> None:
    """Raises NetError for an unknown initializer, options that exclude each other, and an invalid
    regular expression."""
    for part in PARTS:
        check_part(part, getattr(recipe, part))
    if recipe.residual != 'none' and not runs_data(recipe):
        raise NetError(
            f"residual: '{recipe.residual}' works on sums of data, which normalize: "
            f"'{recipe.normalize}' does not run; needed: normalize: lsuv, or residual: none"
        )
    for name, option in all_options().items():
        other = option.excludes
        if other and recipe.options[name] and recipe.options[other]:
            raise NetError(f'{name} and {other} exclude each other: leave out one of them')
    try:
        re.compile(recipe.layers)
    except re.error as error:
        raise NetError(f"layers: '{recipe.layers}' is not a regular expression: {error}") from error


def runs_data(recipe: Recipe) -> bool:
    """Whether the layers must run on data, one after the other."""
    blind = recipe.normalize in of_kind('forecast')
    return not blind or recipe.weights_from in of_kind('samples')


def check_part(part: str, found: str) -> None:
    """Raises NetError for an unknown name of a part of a recipe."""
    known = choices(part)
    if found not in known:
        needed = ', '.join(known)
        guess = did_you_mean(found, known)
        raise NetError(f"{part}: found '{found}', needed: one of {needed}{guess}")


def choose(net: Net, recipe: Recipe) -> tuple[list[Affine], list[str]]:
    """The layers to work on, chosen by type and never by name, and notes on those left out.

    Layers whose weights are as they are on purpose (`purpose`) are chosen only if `layers` is given
    and matches them. Raises NetError if no layers remain.
    """
    chosen = []
    notes = []
    left = []
    ends = branch_ends(net)
    recurrent = choose_recurrent(net, recipe)
    pooled = {net.layers[i] for turn in turns(net) for i in turn[1:]}
    for layer in net.layers:
        if layer in pooled or layer in recurrent:
            continue
        why = why_left_out(layer)
        asked = recipe.layers and named(layer, recipe)
        if not why and not asked and isinstance(layer, Affine):
            why = purpose(layer, ends)
            left += [layer.name] if why else []
        if why:
            notes.append(f"layer '{layer.name}': {why}")
        elif isinstance(layer, Affine) and named(layer, recipe):
            chosen.append(layer)
    if left:
        notes.append(way_in(left))
    if not chosen and not recurrent:
        which = f" has a name that '{recipe.layers}' matches" if recipe.layers else ''
        raise NetError(
            f"net '{net.name}' has nothing to initialize: no convolution or inner product that "
            f'learns{which}'
        )
    return chosen, notes


def named(layer: Layer, recipe: Recipe) -> bool:
    """Whether the recipe asks for a layer of this name."""
    return bool(re.search(recipe.layers, layer.name))


def choose_recurrent(net: Net, recipe: Recipe) -> list[Recurrent]:
    """The recurrent layers that get new weights: those that a name chooses and that learn, unless
    the recipe keeps weights or leaves them to fillers."""
    chosen: list[Recurrent] = []
    if recipe.weights_from in ('keep', 'filler'):
        return chosen
    for layer in net.layers:
        if isinstance(layer, Recurrent) and named(layer, recipe):
            own = any(param.learns and param.owner is param for param in layer.params)
            chosen += [layer] if own else []
    return chosen


def why_left_out(layer: Layer) -> str:
    """Why an initializer cannot change a layer's parameters; '' if it can, or if there are none."""
    if not isinstance(layer, Affine):
        filled = any(not param.is_statistic for param in layer.params)
        return f'{layer.type} parameters keep their fillers' if filled else ''
    owner = layer.weight.owner
    if owner is not layer.weight:
        return (
            f'shares its weights with {owner.name}, where they are initialized: what reaches it '
            'here does not count, because it depends on their outputs'
        )
    return ''


def purpose(layer: Affine, ends: Collection[Affine]) -> str:
    """What a layer's weights are meant for, if an initializer should leave them alone; else ''.

    ends: the layers whose outputs a sum adds up.
    """
    if not layer.weight.learns:
        return 'its weights do not learn (lr_mult: 0): left unchanged'
    if interpolates(layer):
        return 'its filler is bilinear interpolation: left unchanged'
    if layer in ends and is_zero_on_purpose(layer):
        return 'its filler lets a branch begin with zero: left unchanged'
    return ''


def is_zero_on_purpose(layer: Affine) -> bool:
    """Whether the prototxt says that the weights are zero, and they still are."""
    filler = layer.weight.filler
    said = filler is not None and bool(filler.ListFields())
    zero = filled_with_zeros(layer.weight) and not layer.weight.values.array().any()
    return said and zero


def way_in(names: Sequence[str]) -> str:
    """A note on how to initialize these layers all the same."""
    regex = '|'.join(map(re.escape, names))
    return (
        f'left unchanged on purpose: {listed(names)} '
        f"(--layers '^({regex})$' initializes these alone, --layers . every layer)"
    )
