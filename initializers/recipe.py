"""What to do to a net: where weights come from, how layers are normalized, whether they are
balanced."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..netlib import Net
from ..netlib.errors import NetError, did_you_mean
from ..netlib.layers.shared.affine import Affine
from ..proto.caffe_pb2 import TRAIN, FillerParameter
from .between_layer import between_layer
from .fillers import fill_array
from .from_samples import FROM_SAMPLES
from .lsuv import lsuv
from .orthonormal import orthonormal
from .scale import scale, scale_bias
from .walk import Batch, Step, measuring, walk
from .within_layer import within_layer

FROM_SHAPE = {
    'gaussian': FillerParameter(type='gaussian', std=0.01),
    'unit_gaussian': FillerParameter(type='gaussian', std=1),
    'xavier': FillerParameter(type='xavier'),
    'msra': FillerParameter(type='msra'),
}
WEIGHTS_FROM = ('keep', 'filler', 'orthonormal', *FROM_SHAPE, *FROM_SAMPLES)
NORMALIZE = ('none', 'lsuv', 'within', 'scale', 'scale_bias')
BETWEEN = ('none', 'exact', 'paper')


@dataclass(frozen=True)
class Recipe:
    """The parts of an initialization. PRESETS holds the published ones.

    weights_from: 'keep', 'filler' (the prototxt's), 'orthonormal', 'gaussian' (std 0.01),
    'unit_gaussian', 'xavier', 'msra', or from the samples that reach a layer: 'pca', 'zca',
    'kmeans', 'rand' (convolutions; elsewhere 'gaussian', as in Krähenbühl et al. 3.3, unless
    `all_layers`). normalize: 'none', 'lsuv' (target, margin, max_trials), 'within' (beta), 'scale',
    'scale_bias'. between: 'none', 'exact', 'paper' (Krähenbühl et al., Algorithm 2); `strict` pins
    layers that are homogeneous only nearly. layers: a regular expression; layers whose name it does
    not match anywhere keep what they have. zero_last: the weights of the last layers, whose outputs
    are the scores, become zero. dropout: keep it on while layers are measured. memory: bytes of
    samples held at once.
    """

    weights_from: str = 'orthonormal'
    normalize: str = 'lsuv'
    between: str = 'none'
    target: float = 1.0
    margin: float = 0.02
    max_trials: int = 20
    beta: float = 0.1
    layers: str = ''
    all_layers: bool = False
    zero_last: bool = False
    dropout: bool = False
    strict: bool = False
    memory: int = 500_000_000


PRESETS = {
    'lsuv': Recipe('orthonormal', 'lsuv'),
    'orthonormal': Recipe('orthonormal', 'none'),
    'gaussian': Recipe('gaussian', 'none'),
    'xavier': Recipe('xavier', 'none'),
    'msra': Recipe('msra', 'none'),
    'filler': Recipe('filler', 'none'),
    'pca': Recipe('pca', 'within', 'exact'),
    'zca': Recipe('zca', 'within', 'exact'),
    'kmeans': Recipe('kmeans', 'within', 'exact'),
    'rand': Recipe('rand', 'within', 'exact'),
    'scale': Recipe('unit_gaussian', 'scale'),
    'scale_bias': Recipe('unit_gaussian', 'scale_bias'),
}

Progress = Callable[[str], None]


def initialize(
    net: Net,
    batches: Sequence[Batch],
    recipe: Recipe,
    rng: np.random.Generator,
    progress: Progress = lambda layer: None,
) -> list[str]:
    """Initialise the weights of a net, whose other parameters have been filled, from batches of its
    inputs.

    Each layer runs forward once per batch (and once more per measurement of `between`). `progress`
    hears each layer's name. Returns notes: a line for each thing that a user should know, with the
    layer's name. Raises NetError for an unknown recipe and where there is nothing to initialise,
    DataError for samples or outputs that are not finite.
    """
    check(recipe)
    chosen, notes = choose(net, recipe)
    if not recipe.dropout and any(
        layer.type == 'Dropout' and layer.phase == TRAIN for layer in net.layers
    ):
        notes.append('dropout is off while layers are measured (--dropout keeps it on)')
    first = first_layers(net)
    with measuring(net, recipe.dropout):
        for step in walk(net, batches):
            if step.layer in chosen:
                said = input_notes(step) if step.layer in first else []
                said += _initialize_layer(step, recipe, rng)
                notes += [f"layer '{step.layer.name}': {note}" for note in said]
            progress(step.layer.name)
    if recipe.between != 'none':
        notes += between_layer(
            net,
            batches,
            chosen,
            rng,
            paper=recipe.between == 'paper',
            strict=recipe.strict,
            dropout=recipe.dropout,
        )
    if recipe.zero_last:
        notes += zero_last(net, chosen)
    return notes


def check(recipe: Recipe) -> None:
    """Raises NetError for a part that does not exist."""
    for part, known in (
        ('weights_from', WEIGHTS_FROM),
        ('normalize', NORMALIZE),
        ('between', BETWEEN),
    ):
        found = getattr(recipe, part)
        if found not in known:
            raise NetError(
                f"{part}: found '{found}', needed one of {', '.join(known)}{did_you_mean(found, known)}"
            )
    try:
        re.compile(recipe.layers)
    except re.error as error:
        raise NetError(f"layers: '{recipe.layers}' is not a regular expression: {error}") from error


def choose(net: Net, recipe: Recipe) -> tuple[list[Affine], list[str]]:
    """The layers to work on, by type and never by name, and notes on those that are left out."""
    chosen, notes = [], []
    for layer in net.layers:
        if not isinstance(layer, Affine):
            if layer.params:
                notes.append(
                    f"layer '{layer.name}': {layer.type} parameters are left at their fillers"
                )
        elif layer.weight.owner is not layer.weight:
            notes.append(
                f"layer '{layer.name}': shares its weights with {layer.weight.owner.name}, where they are "
                'initialised'
            )
        elif not layer.weight.learns:
            notes.append(
                f"layer '{layer.name}': its weights do not learn (lr_mult: 0): left as they are"
            )
        elif re.search(recipe.layers, layer.name):
            chosen.append(layer)
    if not chosen:
        raise NetError(
            f"net '{net.name}' has nothing to initialise: no convolution or inner product that "
            'learns' + (f" has a name that '{recipe.layers}' matches" if recipe.layers else '')
        )
    return chosen, notes


def input_notes(step: Step) -> list[str]:
    """What to say where the input of a first layer is far from standard deviation 1 (the advice of
    LSUV)."""
    std = step.input_std()
    if 0.1 <= std <= 10:
        return []
    return [
        f'its input has standard deviation {std:.3g}: networks learn best from inputs of about 1'
        + (f' (transform_param {{ scale: {1 / std:.2g} }})' if std else '')
    ]


def _initialize_layer(step: Step, recipe: Recipe, rng) -> list[str]:
    notes = new_weights(step, recipe, rng)
    if recipe.normalize == 'lsuv':
        notes += lsuv(step, recipe.target, recipe.margin, recipe.max_trials)
    elif recipe.normalize == 'within':
        notes += within_layer(step, recipe.beta)
    elif recipe.normalize == 'scale':
        notes += scale(step)
    elif recipe.normalize == 'scale_bias':
        notes += scale_bias(step)
    return notes


def new_weights(step: Step, recipe: Recipe, rng: np.random.Generator) -> list[str]:
    """Give the step's layer new weights as `recipe.weights_from` says; returns notes."""
    layer, source = step.layer, recipe.weights_from
    shape = layer.weight.shape
    if source in ('keep', 'filler'):  # the fillers have been at work already
        return []
    if source == 'orthonormal':
        layer.weight.data = orthonormal(shape, rng, layer.groups, step.net.engine)
        return []
    if source in FROM_SAMPLES and (recipe.all_layers or layer.type == 'Convolution'):
        return _weights_from_samples(step, FROM_SAMPLES[source], recipe.memory, rng)
    layer.weight.data = fill_array(
        shape, FROM_SHAPE[source if source in FROM_SHAPE else 'gaussian'], rng
    )
    return []


def _weights_from_samples(step, initializer, memory, rng):
    layer = step.layer
    view = layer.weight_view()
    fan_in = int(np.prod(view.shape[2:]))
    limit = max(
        memory // (8 * fan_in * layer.groups), 2
    )  # float32 rows and one copy of them, whitened
    samples = step.samples(limit, rng)
    if not samples.size:
        layer.weight.data = fill_array(layer.weight.shape, FROM_SHAPE['gaussian'], rng)
        return [f'no rows of samples meet the weights of a {layer.type}: they are Gaussian']
    notes = []
    for group, rows in enumerate(samples):
        weights, said = initializer(rows, view.shape[1], rng, step.net.engine)
        view[group] = weights.reshape(view.shape[1:])
        where = f'group {group}: ' if layer.groups > 1 else ''
        notes.extend(where + note for note in said)
    return notes


def zero_last(net: Net, chosen: Sequence[Affine]) -> list[str]:
    """Zero the weights of the chosen layers from which no other affine layer is reached."""
    last = [layer for layer in chosen if layer in last_layers(net)]
    for layer in last:
        layer.weight.data = 0
    return [f"layer '{layer.name}': a last layer, its weights are zero" for layer in last]


def first_layers(net: Net) -> list[Affine]:
    """The affine layers that no other affine layer reaches."""
    reached: set[str] = set()
    first = []
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        below = any(blob.name in reached for blob in bottom)
        if isinstance(layer, Affine) and not below:
            first.append(layer)
        if isinstance(layer, Affine) or below:
            reached.update(blob.name for blob in top)
    return first


def last_layers(net: Net) -> list[Affine]:
    """The affine layers whose outputs reach no other affine layer."""
    reaching: set[str] = set()
    last = []
    for i, layer in reversed(list(enumerate(net.layers))):
        above = any(blob.name in reaching for blob in net.tops[i])
        if isinstance(layer, Affine) and not above:
            last.append(layer)
        if isinstance(layer, Affine) or above:
            reaching.update(blob.name for blob in net.bottoms[i])
    return last[::-1]
