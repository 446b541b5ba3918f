"""One copy for two layers: the output that one layer keeps is also the input that the in-place
layer above it keeps."""

from __future__ import annotations

from collections.abc import Iterable

from ..blob import Blob
from ..layers import Layer
from .plan import Step


def share_copies(steps: Iterable[Step]) -> None:
    """Let each layer that keeps its output write into the copy that the in-place layer above keeps.

    The lower layer then writes the copy; the upper layer reads it and writes the blob.
    """
    writers: dict[Blob, Layer] = {}
    for layer, bottom, top in steps:
        if layer.traits.keeps_input and bottom[0] is top[0]:
            below = writers[bottom[0]]
            if below.traits.keeps_output:
                below.work.reader, layer.work.input_is_kept = layer.work, True
        for blob in top:
            writers[blob] = layer
