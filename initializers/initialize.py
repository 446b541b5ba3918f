"""Carries out a recipe on a net: layer by layer in one walk, then on the whole net."""

from collections.abc import Callable, Sequence

from numpy.random import Generator

from ..netlib import Net
from ..netlib.never_learning import filled_with_zeros
from ..proto.caffe_pb2 import TRAIN
from .activations import Batch
from .kinds import INITIALIZERS, Notes, of_kind
from .moments import Moments
from .reach import drawing_layers
from .recipe import Recipe, check_recipe, choose, choose_recurrent, runs_data
from .recurrent import Method, initialize_recurrent
from .residual.sums import ResidualSums
from .statistics import Statistics
from .step import Step
from .walk import measuring, walk
from .whole_net.whole import WholeNet
from .whole_net.zero_last import zero_last

Progress = Callable[[str], None]


class Initialized(list[str]):
    """What a user should know about an initialization: a list of lines, with numbers.

    measured  numbers by name: `function_moved`, the largest change of an output by a step that
              promises the same outputs, over the largest output; `rates_apart`, the greatest change
              rate over the smallest, on the samples used
    outputs   the moments of layers' outputs on these samples, by name, where they are known
    """

    def __init__(self, notes: Notes, measured: dict[str, float], outputs: dict[str, Moments]):
        super().__init__(notes)
        self.measured = measured
        self.outputs = outputs


def initialize(
    net: Net,
    batches: Sequence[Batch],
    recipe: Recipe,
    rng: Generator,
    progress: Progress = lambda layer: None,
) -> Initialized:
    """Initialize the weights of a net, whose other parameters have been filled, from batches of its
    inputs.

    Each layer runs forward once per batch (and once more per measurement of `between`). `progress`
    is called with each layer's name. Returns notes: a line, with the layer's name, for each thing
    that a user should know, and what was measured. Raises NetError for an unknown recipe or if
    there is nothing to initialize, DataError for samples or outputs that are not finite.
    """
    check_recipe(recipe)
    chosen, notes = choose(net, recipe)
    recurrent = choose_recurrent(net, recipe)
    notes += dropout_notes(net, recipe)
    sums = ResidualSums(net, chosen, recipe)
    outputs = {}
    statistics = Statistics(net, batches)
    seen = batches if runs_data(recipe) else []
    with measuring(net, recipe.dropout):
        for step in walk(net, seen):
            said: Notes = []
            if step.layer in chosen:
                said += initialize_layer(step, rng, recipe)
            elif step.layer in recurrent:
                said += initialize_recurrent(step, rng, method_of(recipe))
            said += statistics.see(step)
            notes += [f"layer '{step.layer.name}': {note}" for note in said]
            sums.visit(step)
            if seen and step.affine and len(step.uses) == 1:
                outputs[step.layer.name] = step.forward()
            for name in step.names:
                progress(name)
    notes = sums.notes(notes)
    statistics.walked()
    learning = [layer for layer in chosen if layer.weight.learns]
    whole = WholeNet(net, batches, learning, recipe.dropout)
    notes += initialize_whole(whole, rng, recipe)
    statistics.finish(recipe.dropout)
    if whole.outputs or changes_outputs(recipe):
        outputs = whole.outputs
    return Initialized(notes, whole.measured, outputs)


def release_weights(net: Net, recipe: Recipe) -> None:
    """Release the memory of the weights that a recipe is going to draw: they read as zeros until
    their turn, when large blobs below have been released. Arrays that were taken of them before
    are no longer theirs."""
    if recipe.weights_from not in INITIALIZERS:  # they stay as they are
        return
    for layer in choose(net, recipe)[0]:
        if not filled_with_zeros(layer.weight):  # `choose` asks whether such a one is zero still
            layer.weight.values.memory.free()


def initialize_whole(whole: WholeNet, rng: Generator, recipe: Recipe) -> Notes:
    """What a recipe does after the walk."""
    notes: Notes = []
    if recipe.normalize in of_kind('forecast'):
        notes += run_initializer(recipe.normalize, whole, rng, recipe)
    notes += run_initializer(recipe.between, whole, rng, recipe)
    if recipe.zero_last:
        notes += zero_last(whole)
        whole.outputs.clear()
    return notes


def changes_outputs(recipe: Recipe) -> bool:
    """Whether layers' outputs may change after their turn in the walk."""
    later = recipe.normalize in of_kind('forecast') or recipe.between != 'none'
    return later or recipe.zero_last or recipe.residual != 'none'


def initialize_layer(step: Step, rng: Generator, recipe: Recipe) -> Notes:
    """Give one layer its new weights, and scale them unless a forecast does that later."""
    notes = run_initializer(recipe.weights_from, step, rng, recipe)
    if recipe.normalize in of_kind('forecast'):
        return notes
    return notes + run_initializer(recipe.normalize, step, rng, recipe)


def run_initializer(name: str, place: Step | WholeNet, rng: Generator, recipe: Recipe) -> Notes:
    """Run the initializer with this name and the recipe's options; 'keep', 'filler' and 'none' do
    nothing."""
    if name not in INITIALIZERS:
        return []
    return INITIALIZERS[name](place, rng, recipe.options)


def method_of(recipe: Recipe) -> Method:
    """What a recipe says of recurrent layers."""
    target = {'none': None, 'lsuv': recipe.target}.get(recipe.normalize, 1.0)
    return Method(recipe.weights_from, target, recipe.forget_bias)


def dropout_notes(net: Net, recipe: Recipe) -> Notes:
    """A note if dropout is turned off."""
    drawing = any(layer.phase == TRAIN for layer in drawing_layers(net))
    if recipe.dropout or not drawing:
        return []
    return ['dropout is off while layers are measured (--dropout keeps it on)']
