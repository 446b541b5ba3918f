"""Several layers in one pass over memory: one computes what those right above it make of its top.

A convolution ends with batch normalization by stored statistics, Scale and ReLU, for example. Blobs
hold the same after a pass, except for rounding. In between, the top of such a layer already holds
what those above it make of it, and a pass that began at one of these would compute nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..blob import Blob
from ..layers import Layer
from .plan import Fused, Plan, Step


def fuse(plan: Plan, steps: Sequence[Step]) -> None:
    """Let each layer compute those right above it that work in place on its top, where it can."""
    for i, step in enumerate(steps):
        if i in plan.done_below:
            continue
        fused = Fused()
        for above in range(i + 1, len(steps)):
            layer, bottom, top = steps[above]
            if not same_memory(step.top, bottom, top) or not absorb(fused, step, layer):
                break
            plan.fused[i] = fused
            plan.done_below.add(above)


def absorb(fused: Fused, step: Step, above: Layer) -> bool:
    """Add the layer above to what the step computes, if the step's layer can do that."""
    layer = step.layer
    if fused.rectify:
        return False
    if above.traits.is_rectifier and layer.traits.can_rectify:
        fused.rectify = True
        return True
    # Batch normalization changes its statistics while a net trains: backward needs them apart.
    if above.traits.by_channel and layer.traits.can_scale and layer.work.forward_only:
        fused.channels.append(above)
        return True
    return False


def same_memory(*blobs: list[Blob]) -> bool:
    """Whether each list has one blob, and all of these have their values at one place."""
    if any(len(each) != 1 for each in blobs):
        return False
    return len({each[0].values.memory for each in blobs}) == 1
