"""Less memory: blobs whose live ranges do not overlap keep their values, or their diffs, in the
same place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..blob import Blob
from ..layers import Layer
from ..memory import Arena, Memory
from .copies import share_copies
from .fusion import fuse
from .live_ranges import Half, LiveRange, Overwrite, backward_ranges, joined, live_ranges
from .plan import Plan, Step


def share_values(
    plan: Plan, steps: Sequence[Step], fixed: Iterable[Blob], dtype: np.dtype, watched: bool
) -> None:
    """Let the values of all blobs except the `fixed` ones share places; no backward pass follows.

    A `watched` net (debug_info looks between layers) is not fused.
    """
    fixed = list(fixed)
    found = live_ranges(steps, 'values', fixed)
    place(joined(found, values_overwritten(steps)), 'values', dtype)
    for step in steps:
        step.layer.work.forward_only = True
    if not watched:
        fuse(plan, steps, fixed)
    plan.made_by = 'share_memory'


def share_diffs(
    plan: Plan,
    steps: Sequence[Step],
    fixed: Iterable[Blob],
    dtype: np.dtype,
    watched: bool,
    wanted: Sequence[Sequence[bool]],
) -> None:
    """Let the diffs of all blobs except the `fixed` ones share places.

    wanted: for each layer that runs backward, for which bottoms it computes the diff.
    """
    fixed = list(fixed)
    found = backward_ranges(live_ranges(steps, 'diffs', fixed), steps, wanted)
    place(joined(found, diffs_overwritten(steps)), 'diffs', dtype)
    if not watched:
        share_copies(steps)
        fuse(plan, steps, fixed, wanted)
    plan.made_by = 'share_diffs'


def values_overwritten(steps: Sequence[Step]) -> Iterable[Overwrite]:
    """Where a layer may write its top over its bottom."""
    for i, (layer, bottom, top) in enumerate(steps):
        if layer.traits.in_place and len(bottom) == len(top) == 1:
            yield i, bottom[0], top[0]


def diffs_overwritten(steps: Sequence[Step]) -> Iterable[Overwrite]:
    """Where a layer may write the diff of a bottom over that of its top, from the last layer on."""
    for i, (layer, bottom, top) in enumerate(reversed(steps)):
        heir = heir_of(layer)
        if bottom and top and heir is not None:
            yield i, top[0], bottom[heir]


def heir_of(layer: Layer) -> int | None:
    """The bottom whose diff may be written over the diff of top[0]."""
    passed = layer.traits.passes_diff
    return 0 if passed is None and layer.traits.in_place else passed


def place(found: Iterable[LiveRange], half: Half, dtype: np.dtype) -> None:
    """Give these blobs places in one memory that overlap only where their live ranges do not.

    Blobs are placed from the largest to the smallest, each as low as possible: Greedy by Size of
    Pisarchyk & Lee 2020, Efficient Memory Management for Deep Neural Net Inference.
    """
    placed: list[LiveRange] = []
    for live in sorted(found, key=lambda live: live.size, reverse=True):
        live.start = lowest_start(live, placed)
        placed.append(live)
    parts = [Memory(live.size, dtype) for live in placed]
    Arena(parts, dtype, [live.start for live in placed])
    for live, memory in zip(placed, parts, strict=True):
        for blob in live.blobs:
            blob.use(**{half: memory})


def lowest_start(live: LiveRange, placed: Iterable[LiveRange]) -> int:
    """The first element at which the range fits between those that are live with it."""
    start = 0
    neighbors = filter(live.overlaps, placed)
    for other in sorted(neighbors, key=lambda other: other.start):
        if start + live.size <= other.start:
            break
        start = max(start, Arena.aligned(other.end))
    return start
