"""What could be better about the data that a net is initialized on. Each advice, followed, ends."""

import re
from collections.abc import Iterator
from math import ceil, log10, sqrt

import numpy as np

from ..initializers import Recipe
from ..initializers.moments import moments_of, pooled
from ..initializers.reach import first_layers
from ..netlib import Net
from .feed import Feed
from .net_inputs import BATCH_SIZE
from .transform import Transform

FEW = 16  # samples; statistics of fewer are so rough that it is said
LEAST, MOST = 0.1, 10  # standard deviations that need no scale
MOST_CHANNELS = 4  # that get a mean each


def data_advice(net: Net, feed: Feed, recipe: Recipe, trained: bool = False) -> list[str]:
    """Notes on inputs that first layers read, if these get new weights, and on few samples.

    Trained weights go with their data as they are: `trained`, or a recipe that keeps the weights.
    What layers make of an input on its way to the weights is not spoken of: scaling may be their
    task.
    """
    notes: list[str] = []
    if not trained and recipe.weights_from != 'keep':
        for name in inputs_of_weights(net, recipe):
            if name in feed.statistics:
                notes += input_advice(feed, name)
    if feed.samples < FEW:
        notes.append(
            f'statistics of so few samples ({feed.samples}) are rough: {FEW} or more are needed '
            f'(--batch-size {BATCH_SIZE}, or that of the data layer, if there are as many)'
        )
    return notes


def inputs_of_weights(net: Net, recipe: Recipe) -> list[str]:
    """The input blobs that the recipe's layers multiply by their weights as they are."""
    first = first_layers(net)
    sources = {name: name for name in net.inputs}
    found: dict[str, None] = {}
    for layer, bottom, top in net.steps:
        source = sources.get(bottom[0].name) if bottom else None
        if source is None:
            continue
        if layer.type == 'Split':
            sources.update((blob.name, source) for blob in top)
        elif layer in first and re.search(recipe.layers, layer.name):
            found[source] = None
    return list(found)


def input_advice(feed: Feed, name: str) -> Iterator[str]:
    """A note on an input whose mean is greater than its standard deviation, or whose standard
    deviation is far from 1 (Mishkin & Matas 2016).

    A mean that all samples share reaches every unit as the same constant: units then differ by
    their constants, and not by what they see.
    """
    means, variances = channel_moments(feed, name)
    transform = feed.transforms.get(name, Transform())
    std = sqrt(variances.mean())
    has_mean = sqrt(np.square(means).mean()) > std
    if not has_mean:
        std = sqrt(variances.mean() + means.var())
    is_far = not LEAST <= std <= MOST
    if not std or not (has_mean or is_far):
        return
    mean = transform.mean + means / transform.scale if has_mean else None
    scale = transform.scale / std if is_far else None
    its = feed.statistics[name]
    yield (
        f"input '{name}' has mean {its['mean']:.3g} and standard deviation {its['std']:.3g}: "
        f'networks learn best from inputs of about 0 and 1 ({cure(transform, mean, scale, std)})'
    )


def channel_moments(feed: Feed, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances, one per channel of a picture, or (1,) each."""
    shape = feed.shapes[name]
    channels = shape[1] if len(shape) > 2 else 1
    if channels > MOST_CHANNELS:
        channels = 1
    parts = []
    for batch in feed.batches:  # perhaps of pictures of another size each
        rows = np.moveaxis(batch[name], 1, 0).reshape(channels, -1)
        parts.append(moments_of(rows))
    found = pooled(parts)
    return found.mean, found.var


def cure(transform: Transform, mean: np.ndarray | None, scale: float | None, std: float) -> str:
    """The options and fields that set the mean and the scale, where they are not None."""
    options: list[str] = []
    fields: list[str] = []
    if mean is not None:
        numbers = rounded(mean, std / abs(transform.scale))
        listed = ','.join(numbers)
        # A list that starts with a minus would be taken for an option.
        options.append(f'--mean{"=" if listed.startswith("-") else " "}{listed}')
        fields += [f'mean_value: {number}' for number in numbers]
    if scale is not None:
        options.append(f'--scale {scale:.2g}')
        fields.append(f'scale: {scale:.2g}')
    ways = [' '.join(options)] if transform.options else []
    if transform.has_field:
        ways.append(f'transform_param {{ {" ".join(fields)} }}')
    if not ways:
        stored = ' and '.join(fields).replace('mean_value', 'mean')
        return f'store (value - mean) * scale with {stored}'
    return ', or for training as well '.join(ways)


def rounded(mean: np.ndarray, std: float) -> list[str]:
    """The numbers with so many digits that rounding moves them by less than std / 10."""
    digits = max(0, ceil(-log10(std / 5)))
    return [f'{round(float(number), digits) + 0.0:.{digits}f}' for number in mean]
