"""Two layers in one pass over memory: a convolution rectifies its sums for the ReLU that works in place on its top."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .layers.convolution import Convolution
from .layers.relu import ReLU

if TYPE_CHECKING:
    from .net import Net


def fuse(net: Net) -> None:
    """Let convolutions compute what the ReLU right after them would. Blobs hold the same after a pass; in between, the
    top of such a convolution is rectified already, and a pass that began at the ReLU would compute nothing there. With
    debug_info, which looks in between, nothing is changed."""
    if net.param.debug_info:
        return
    for i, (layer, above) in enumerate(zip(net.layers, net.layers[1:], strict=False)):
        if (isinstance(layer, Convolution) and isinstance(above, ReLU) and above.parameters() == (0,)
                and net.tops[i] == net.bottoms[i + 1] == net.tops[i + 1]):
            layer.rectifies = above.done_below = True
