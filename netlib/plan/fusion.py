"""Several layers in one pass over memory: a layer also does to its top what those right above it do
in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..blob import Blob
    from ..net import Net


def fuse(net: Net) -> None:
    """Let each layer take up those right above it that work in place on its top, as far as it can.

    Blobs hold the same after a pass, but for rounding. In between, the top of such a layer holds
    already what those above it make of it, and a pass that began at one of these would compute
    nothing there. With debug_info, which looks in between, nothing is changed.
    """
    if net.param.debug_info:
        return
    for i, layer in enumerate(net.layers):
        for above in range(i + 1, len(net.layers)):
            if not same_memory(
                net.tops[i], net.bottoms[above], net.tops[above]
            ) or not layer.take_up(net.layers[above]):
                break
            net.layers[above].done_below = True


def same_memory(*blobs: list[Blob]) -> bool:
    """Whether each list has one blob, and all of these have their values at one place."""
    return (
        all(len(each) == 1 for each in blobs)
        and len({each[0].values.memory for each in blobs}) == 1
    )
