"""Several layers in one pass over memory: a layer also applies the layers right above it.

For example, a convolution applies batch normalization by stored statistics, Scale and ReLU; in
training, batch normalization applies Scale and ReLU and computes their gradients. After a pass,
blobs hold the same values, except for rounding, and except that the bottom of a ReLU may hold the
values of its top. During a pass, the top of such a layer already holds the result of the layers
above it. A pass that starts at one of those layers would not run it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..blob import Blob
from ..layers import Layer
from .plan import Fused, Plan, Step


def fuse(
    plan: Plan,
    steps: Sequence[Step],
    fixed: Iterable[Blob],
    wanted: Sequence[Sequence[bool]] = (),
) -> None:
    """Let each layer also apply the layers right above it, if it can, and compute their gradients.

    wanted: for each layer that runs backward, for which bottoms it computes the diff; none for the
    others. Without it, no backward pass follows. A rectifier may have a top of its own, unless that
    or its bottom is `fixed`.
    """
    kept = set(fixed)
    for i in range(len(steps)):
        if i in plan.done_below:
            continue
        flags = wanted[i] if wanted else ()
        fused = Fused(steps[i].top)
        last = i
        while last + 1 < len(steps) and takes(fused, steps, i, last + 1, flags, kept):
            last += 1
            _, bottom, top = steps[last]
            if bottom[0] is not top[0]:
                plan.follows.add(last)
                top[0].use(values=bottom[0].values.memory)
            fused.top = top
            plan.fused[i] = fused
            plan.done_below.add(last)
        taken = range(i + 1, last + 1)
        fused.backward = goes_back(fused, steps[i].layer, flags, [steps[k] for k in taken])
        if fused.backward:
            plan.backed_by.update(dict.fromkeys(taken, i))


def takes(
    fused: Fused,
    steps: Sequence[Step],
    i: int,
    k: int,
    flags: Sequence[bool],
    fixed: Collection[Blob],
) -> bool:
    """Whether layer i, which runs backward with these `flags`, can apply layer k, the one after
    those that it applies already; if so, it is added to them."""
    below, above = steps[i], steps[k]
    joins = bool(flags) and can_join(below, above, steps[k + 1 :], fixed)
    if not joins and not same_memory(below.top, above.bottom, above.top):
        return False
    return absorb(fused, below.layer, above.layer, any(flags))


def absorb(fused: Fused, layer: Layer, above: Layer, has_gradient: bool) -> bool:
    """Add the layer above, if the lower layer can apply it; `has_gradient`: whether that computes
    the diff of its bottom."""
    traits = layer.traits
    if fused.rectify:
        return False
    if above.traits.is_rectifier and (traits.can_rectify or fused.affine):
        fused.rectify = True
        return True
    if above.traits.is_affine and traits.can_apply and has_gradient and not fused.affine:
        fused.affine = above
        return True
    # Batch normalization updates its statistics in training: backward needs the layers separate.
    if above.traits.by_channel and traits.can_scale and layer.work.forward_only:
        fused.channels.append(above)
        return True
    return False


def goes_back(fused: Fused, layer: Layer, flags: Sequence[bool], applied: Sequence[Step]) -> bool:
    """Whether the layer's backward computes the gradients of the layers that its forward applies.
    It takes their diff where the last of them has it, so that must be its own place as well."""
    if not flags or not applied:
        return False
    for _, bottom, top in applied:
        if bottom[0].diffs.memory is not top[0].diffs.memory:
            return False
    return fused.affine is not None or layer.traits.can_rectify_back


def can_join(below: Step, above: Step, later: Sequence[Step], fixed: Collection[Blob]) -> bool:
    """Whether a rectifier with a top of its own may write over its bottom, which is the top of the
    layer below. Only the rectifier reads that, and for its gradient its top does as well, unless a
    layer in place changes it."""
    if not above.layer.traits.is_rectifier or below.layer.traits.reads_top:
        return False
    blobs = [*above.bottom, *above.top]
    if below.top != above.bottom or len(set(blobs)) != 2 or any(b in fixed for b in blobs):
        return False
    memory = above.top[0].values.memory
    for _, bottom, top in later:
        for blob in top:
            if blob in bottom and blob.values.memory is memory:
                return False
    return True


def same_memory(*blobs: list[Blob]) -> bool:
    """Whether each list has one blob, and all of these store their values at the same place."""
    if any(len(each) != 1 for each in blobs):
        return False
    return len({each[0].values.memory for each in blobs}) == 1
