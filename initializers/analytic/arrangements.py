"""Layers that move, repeat, join or divide their inputs."""

import numpy as np

from .rules import Place, makes
from .spread import Spread, channels_of, together

KEPT = (
    'Split',
    'Dropout',
    'Crop',
    'Interp',
    'Upsample',
    'Unpooling',
    'Filter',
    'BatchReindex',
    'Tile',
    'Im2col',
    'Permute',
    'Reshape',
    'ROIPooling',
    'ShuffleChannel',
    'Silence',
)


@makes(*KEPT)
def kept(place: Place) -> list[Spread]:
    """The same elements elsewhere; a channel keeps its moments if the channels stay as they are."""
    spread = place.first
    found = []
    for blob in place.top:
        still = channels_of(blob) == spread.size and place.layer.type not in MIXED
        found.append(spread if still else spread.total)
    return found


MIXED = ('Permute', 'ShuffleChannel')


@makes('Pad')
def padded(place: Place) -> list[Spread]:
    """Zeros beside the elements: they are a share of all."""
    spread = place.first
    share = place.bottom[0].count / max(place.top[0].count, 1)
    mean = share * spread.mean
    return [spread.of(mean, share * spread.square - mean**2)]


@makes('Flatten')
def flattened(place: Place) -> list[Spread]:
    """A channel becomes as many as it has positions."""
    spread = place.first
    channels = channels_of(place.top[0])
    if channels % spread.size:
        return [spread.total]
    repeats = channels // spread.size
    return [spread.of(np.repeat(spread.mean, repeats), np.repeat(spread.var, repeats))]


@makes('Concat')
def joined(place: Place) -> list[Spread]:
    """The channels of all bottoms; along another axis, the mean of their moments by size."""
    spreads = place.each()
    assumed = together(spreads)
    if place.layer.block_axis == 1:
        mean = np.concatenate([each.mean for each in spreads])
        var = np.concatenate([each.var for each in spreads])
        return [Spread(mean, var, assumed)]
    sizes = np.array([blob.count for blob in place.bottom], float)
    shares = sizes / sizes.sum()
    mean = shares @ np.array([each.mean for each in spreads])
    square = shares @ np.array([each.square for each in spreads])
    return [Spread(mean, square - mean**2, assumed)]


@makes('Slice')
def divided(place: Place) -> list[Spread]:
    """Each top has its channels of the bottom."""
    spread = place.first
    if place.layer.block_axis != 1:
        return place.for_tops(spread)
    found = []
    start = 0
    for blob in place.top:
        end = start + channels_of(blob)
        found.append(spread.of(spread.mean[start:end], spread.var[start:end]))
        start = end
    return found


@makes('Parameter')
def parameter(place: Place) -> list[Spread]:
    """Its values are what they are."""
    values = place.layer.params[0].data.astype(float)
    return [Spread(np.atleast_1d(values.mean()), np.atleast_1d(values.var()))]
