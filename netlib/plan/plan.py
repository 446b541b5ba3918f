"""Plan: which layers of a net run, and which other layers they apply as they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..blob import Blob
from ..layers import Layer
from ..losses import put_loss_weights
from ..memory import Tensor
from .recording import Recordings, backward_facts, can_repeat, forward_facts


class Step(NamedTuple):
    """A layer with its blobs."""

    layer: Layer
    bottom: list[Blob]
    top: list[Blob]


@dataclass
class Fused:
    """What a layer's forward also computes: the layers above it, in place on its top.

    Layers in `channels` are linear by channel and come first; a rectifier may follow.
    """

    channels: list[Any] = field(default_factory=list)  # layers with a method `compose`
    rectify: bool = False

    def options(self, layer: Layer) -> dict[str, Any]:
        """The arguments that pass this on to the layer's forward."""
        out: dict[str, Any] = {}
        if self.rectify:
            out['rectify'] = True
        if self.channels:
            out['scale'], out['shift'] = self._scale_and_shift(layer)
        return out

    def _scale_and_shift(self, layer: Any) -> tuple[Tensor, Tensor]:
        """Scale and shift, (C,) each: `channels` turn the layer's u + b into scale u + shift."""
        engine, channels = layer.engine, layer.num_output
        scale, shift = layer.buffer('scale', channels), layer.buffer('shift', channels)
        engine.fill(1, out=scale)
        if layer.bias:
            engine.copy(layer.bias.values, out=shift)
        else:
            engine.fill(0, out=shift)
        for above in self.channels:
            above.compose(scale, shift)
        return scale, shift


class Plan:
    """How the layers of a net run; an empty plan runs every layer by itself.

    made_by     'share_memory' or 'share_diffs', the method of Net that made it, or ''
    fused       {index of a layer: what else its forward computes}
    done_below  indices of the layers that such a forward computes
    scratch     temporary tensors shared by all layers
    recordings  of what layers do, run again while shapes stay
    """

    def __init__(self) -> None:
        self.made_by = ''
        self.fused: dict[int, Fused] = {}
        self.done_below: set[int] = set()
        self.scratch: dict[str, Blob] = {}
        self.recordings = Recordings()

    def forward(self, i: int, step: Step) -> None:
        """Run layer i forward, after shaping its tops to fit its bottoms."""
        layer, bottom, top = step
        if self.recordings.repeat('forward', i, forward_facts(bottom, top)):
            return
        self._reshape(step)
        if i not in self.done_below:  # a layer below has computed those
            with self.recordings.record('forward', i, layer, forward_facts(bottom, top)):
                self._compute(i, step)

    def _reshape(self, step: Step) -> None:
        layer, bottom, top = step
        before = [blob.shape for blob in top]
        layer.reshape(bottom, top)
        if any(layer.loss_weights) and before != [blob.shape for blob in top]:
            put_loss_weights(layer, top)

    def _compute(self, i: int, step: Step) -> None:
        layer, bottom, top = step
        if i in self.fused:
            layer.forward(bottom, top, **self.fused[i].options(layer))
        else:
            layer.forward(bottom, top)

    def backward(self, i: int, step: Step, propagate_down: list[bool]) -> None:
        """Run layer i backward."""
        layer, bottom, top = step
        # A forward that cannot be repeated decides by numbers, which backward may use as well.
        recordings = self.recordings
        if ('forward', i) not in recordings.found or not can_repeat(layer, 'backward'):
            layer.backward(top, propagate_down, bottom)
            return
        facts = backward_facts(layer, bottom, top, propagate_down)
        if recordings.repeat('backward', i, facts):
            return
        with recordings.record('backward', i, layer, facts):
            layer.backward(top, propagate_down, bottom)
