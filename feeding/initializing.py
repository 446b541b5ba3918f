"""`goodinit.initialize` and `goodinit.measure`: for programs, from what they have."""

from math import inf
from numbers import Integral, Real
from typing import Any

from numpy.random import Generator

from .. import initializers
from ..initializers import PRESETS, Recipe, all_options
from ..initializers.recipe import choose
from ..initializers.rows import Rows
from ..initializers.wording import gathered, in_python
from ..netlib import Net
from ..netlib.data.samples import Mean
from ..netlib.errors import NetError, did_you_mean
from ..netlib.tables import Table, number
from .advice import data_advice
from .any_data import feed_of
from .bar import Progress, hearing
from .feed import Feed
from .filled_net import INITIALIZE, MEASURE, random_numbers


class Notes(list[str]):
    """What a user should know about an initialization: a list of lines. It shows as a table of the
    layers that were initialized, with the notes below."""

    def __init__(self, notes: list[str], net: Net, recipe: Recipe):
        super().__init__(notes)
        self.net = net
        self.recipe = recipe

    def table(self) -> Table:
        recipe = self.recipe
        title = f"Net '{self.net.name}': {recipe.weights_from}, {recipe.normalize}, "
        rows = [['layer', 'type', 'weights', 'W std', 'b mean']]
        for layer in choose(self.net, recipe)[0]:
            weights = layer.weight.values.array()
            bias = None if layer.bias is None else float(layer.bias.values.array().mean())
            shape = ' x '.join(map(str, weights.shape))
            std = number(float(weights.std()))
            rows.append([layer.name, layer.type, shape, std, number(bias)])
        notes = [f'note: {note}' for note in self]
        return Table(title + recipe.between, rows, notes, left=(0, 1))

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().html()


def initialize(
    net: Net,
    data: Any,
    recipe: str | Recipe = 'lsuv',
    rng: Generator | int | None = None,
    progress: Progress | bool = False,
    *,
    seed: int | None = None,
    mean: Mean = None,
    scale: float | None = None,
    **options: Any,
) -> Notes:
    """Initialize the weights of a net from data.

        goodinit.initialize(net, images, 'lsuv', seed=0)
        goodinit.initialize(net, images, 'kmeans', all_layers=True, mean=127.5, scale=1 / 64)
        goodinit.initialize(net, goodinit.open_data('images/', net), goodinit.Recipe('keep'))

    net: a net, or a solver for its net. data: an array (N, C, H, W), a pair of samples and labels,
    a path, what `goodinit.open_data` returns, or batches: a list or iterator of {blob: values}, of
    arrays or of pairs. Of arrays, up to 256 samples are used; (value - mean) * scale is what the
    net gets. recipe: the name of a preset, or a Recipe; `options` replace parts of it
    (between='exact') and its options (target=0.5). seed, or rng as a number: the weights are those
    of `goodinit init --seed`, if the data are the same; 0 by default. rng as a Generator: used as
    it is. progress: True shows a bar, in a notebook as on a terminal; a function is called with
    each layer's name.

    Returns notes, a list of lines on what should be known, which shows as a table. Raises
    GoodinitError for arguments that do not fit.
    """
    net = net_of(net)
    chosen = recipe_of(recipe, options)
    numbers = generator(rng, seed, INITIALIZE)
    opened = not isinstance(data, Feed)
    feed = feed_of(net, data, mean, scale, seed_of(rng, seed))
    notes = list(feed.notes) if opened else []
    if net.inputs:
        notes += data_advice(net, feed, chosen)
    with hearing(progress, net) as heard:
        notes += initializers.initialize(net, feed.batches, chosen, numbers, heard)
    return Notes([in_python(note) for note in gathered(notes)], net, chosen)


def measure(
    net: Net,
    data: Any,
    rng: Generator | int | None = None,
    dropout: bool = False,
    *,
    seed: int | None = None,
    mean: Mean = None,
    scale: float | None = None,
) -> Rows:
    """The measures of each convolution and inner product: a list of Rows, which shows as a table.

    data, rng, seed, mean, scale: as for `goodinit.initialize`. One forward and one backward pass
    per batch; dropout is off unless `dropout`. The net and its weights stay as they are. Raises
    GoodinitError.
    """
    net = net_of(net)
    numbers = generator(rng, seed, MEASURE)
    feed = feed_of(net, data, mean, scale, seed_of(rng, seed))
    return Rows(initializers.measure(net, feed.batches, numbers, dropout))


def net_of(given: Any) -> Net:
    """The net itself, or that of a solver or of pycaffe's Net. Raises NetError."""
    found = given
    while not isinstance(found, Net):
        found = getattr(found, 'net', None)
        if found is None:
            raise NetError(
                f'net: found {type(given).__name__}, needed: a net, such as goodinit.open_net(...) '
                'returns'
            )
    return found


def recipe_of(recipe: Any, options: dict[str, Any]) -> Recipe:
    """A preset by its name, or a Recipe, with some of its parts and options replaced. Raises
    NetError."""
    if isinstance(recipe, str):
        if recipe not in PRESETS:
            guess = did_you_mean(recipe, PRESETS)
            names = ', '.join(PRESETS)
            raise NetError(f"recipe: found '{recipe}', needed: one of {names}{guess}")
        recipe = PRESETS[recipe]
    if not isinstance(recipe, Recipe):
        raise NetError(
            f'recipe: found {type(recipe).__name__}, needed: a name such as '
            "'lsuv', or a goodinit.Recipe"
        )
    if not options:
        return recipe
    known = recipe.as_dict()
    for name in options:
        if name not in known:
            raise NetError(f'{name}: no argument, part or option{did_you_mean(name, known)}')
        check_option(name, options[name])
    return Recipe(**{**known, **options})


def check_option(name: str, value: Any) -> None:
    """Raises NetError for a value that an option cannot take."""
    about = all_options().get(name)
    if about is None or about.type not in (int, float):
        return
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    above = -inf if about.above is None else about.above
    least = -inf if about.least is None else about.least
    if not is_number or value < least or value <= above:
        bound = f' above {above:g}' if above > -inf else ''
        bound += f', {least:g} or more' if least > -inf else ''
        raise NetError(f'{name}: found {value!r}, needed: a number{bound}')


def seed_of(rng: Any, seed: int | None) -> int:
    """The number that chooses samples."""
    if seed is not None:
        return seed
    return int(rng) if isinstance(rng, Integral) else 0


def generator(rng: Any, seed: Any, use: int) -> Generator:
    """The generator itself, or the one for a use of a seed. Raises NetError for anything else, and
    for both."""
    if rng is not None and seed is not None:
        raise NetError('found both rng and seed; needed: one of them')
    if isinstance(rng, Generator):
        return rng
    found = seed if rng is None else rng
    name = 'seed' if rng is None else 'rng'
    if found is None:
        found = 0
    if isinstance(found, bool) or not isinstance(found, Integral) or found < 0:
        raise NetError(
            f'{name}: found {found!r}, needed: a whole number from 0, or for rng a '
            'numpy.random.Generator'
        )
    return random_numbers(int(found), use)
