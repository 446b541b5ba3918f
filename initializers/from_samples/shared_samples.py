"""Samples that several layers share: those that multiply the same patches of the same blob, as the
1x1 convolutions of an Inception module do.

What is found of the samples alone, before the first draw that depends on a layer, is found once.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ...netlib.layers.shared.sliding import Sliding
from ..sampled_rows import BatchRows
from ..step import Step
from .whitening import WhiteSamples

Key = tuple[Hashable, ...]


def shared_samples(step: Step, batches: Sequence[BatchRows]) -> list[WhiteSamples] | None:
    """The samples of these rows, by group, if an earlier layer has left them."""
    left = step.kept.recall(key_of(step, step.index))
    if left is None or len(step.uses) > 1:
        return None
    earlier, samples = left
    same = [np.array_equal(*both) for both in zip(earlier, positions(batches), strict=True)]
    return samples if all(same) else None


def leave_samples(step: Step, batches: Sequence[BatchRows], samples: list[WhiteSamples]) -> None:
    """Leave the samples of these rows to the later layers that multiply them, too."""
    key = key_of(step, step.index)
    later = range(step.index + 1, len(step.net.layers))
    sharers = [i for i in later if key and key_of(step, i) == key]
    if sharers and len(step.uses) == 1:
        step.kept.remember(key, (positions(batches), samples), sharers[-1])


def positions(batches: Sequence[BatchRows]) -> list[Any]:
    return [each.positions for each in batches]


def key_of(step: Step, index: int) -> Key:
    """What decides on the rows that a layer multiplies, except for which are drawn: equal for two
    layers if these are the same. Empty for a layer that shares none.

    Only copies of a blob's values stay what they are; and a device may lack room for samples that
    wait for another layer.
    """
    net = step.net
    layer = net.layers[index]
    bottoms = net.bottoms[index]
    alone = net.ranks.size == 1 and not net.engine.on_device
    if not alone or not isinstance(layer, Sliding) or not layer.sees_patches or len(bottoms) > 1:
        return ()
    places = step.kept.places(bottoms[0].name)
    return (places, layer.window, layer.groups) if places else ()
