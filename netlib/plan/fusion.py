"""Several layers in one pass over memory: a layer also applies the layers right above it.

For example, a convolution applies batch normalization by stored statistics, Scale and ReLU. After a
pass, blobs hold the same values, except for rounding. During a pass, the top of such a layer
already holds the result of the layers above it. A pass that starts at one of those layers would not
run it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..blob import Blob
from ..layers import Layer
from .plan import Fused, Plan, Step


def fuse(plan: Plan, steps: Sequence[Step]) -> None:
    """Let each layer also apply the in-place layers right above it, if it can."""
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
    """Add the layer above to the step, if the step's layer can apply it."""
    layer = step.layer
    if fused.rectify:
        return False
    if above.traits.is_rectifier and layer.traits.can_rectify:
        fused.rectify = True
        return True
    # Batch normalization updates its statistics in training: backward needs the layers separate.
    if above.traits.by_channel and layer.traits.can_scale and layer.work.forward_only:
        fused.channels.append(above)
        return True
    return False


def same_memory(*blobs: list[Blob]) -> bool:
    """Whether each list has one blob, and all of these store their values at the same place."""
    if any(len(each) != 1 for each in blobs):
        return False
    return len({each[0].values.memory for each in blobs}) == 1
