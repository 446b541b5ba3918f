"""Plan: which layers of a net run, and which other layers they apply as they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..blob import Blob, Param
from ..layers import Layer
from ..losses import put_loss_weights
from ..memory import Tensor
from .recording import Recordings, backward_facts, can_repeat, forward_facts
from .stretches import Passed, changes


class Step(NamedTuple):
    """A layer with its blobs."""

    layer: Layer
    bottom: list[Blob]
    top: list[Blob]


@dataclass
class Fused:
    """What a layer also computes: the layers above it, in place on its top.

    Either layers in `channels`, which are linear by channel, or the layer `affine` come first; a
    rectifier may follow. top: that of the last of them. backward: whether the layer's backward
    computes their gradients as well.
    """

    top: list[Blob]
    channels: list[Any] = field(default_factory=list)  # layers with a method `compose`
    affine: Layer | None = None
    rectify: bool = False
    backward: bool = False

    def options(self) -> dict[str, Any]:
        """The arguments that pass this on to the layer's forward and backward."""
        out: dict[str, Any] = {}
        if self.rectify:
            out['rectify'] = True
        if self.affine:
            out['affine'] = self.affine
        return out

    @property
    def params(self) -> list[Param]:
        """Those of the layers above whose gradients the layer's backward may compute."""
        return self.affine.params if self.affine else []

    def forward_options(self, layer: Layer) -> dict[str, Any]:
        out = self.options()
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
    follows     those of them whose top keeps its values where their bottom does
    backed_by   {index of a layer: that of the layer whose backward computes its gradients}
    scratch     temporary tensors shared by all layers
    recordings  of what layers do, run again while shapes stay
    """

    def __init__(self) -> None:
        self.made_by = ''
        self.fused: dict[int, Fused] = {}
        self.done_below: set[int] = set()
        self.follows: set[int] = set()
        self.backed_by: dict[int, int] = {}
        self.scratch: dict[str, Blob] = {}
        self.recordings = Recordings()

    def forward(self, i: int, step: Step) -> None:
        """Run layer i forward, after shaping its tops to fit its bottoms."""
        layer, bottom, top = step
        if self.recordings.repeat('forward', i, forward_facts(layer, bottom, top)):
            return
        self._reshape(step)
        if i in self.follows:
            top[0].use(values=bottom[0].values.memory)
        if i not in self.done_below:  # a layer below has computed those
            facts = forward_facts(layer, bottom, top)
            with self.recordings.record('forward', i, layer, facts):
                self._compute(i, step)

    def run(
        self,
        layers: Sequence[Layer],
        first: int,
        last: int,
        run_layer: Callable[[int], None],
        unseen: bool,
    ) -> Iterator[int]:
        """Run the layers from `first` to `last` forward: each by `run_layer`, or if they may run
        `unseen`, as many at once as need no look at each (stretches.py). Each time this yields the
        index of the last one that has run, the only one of them that may have a loss."""
        changed = changes()
        recordings = self.recordings
        stretches = recordings.stretches
        i = first
        while i <= last:
            end = stretches.repeat(i, last) if unseen else i
            if end == i:
                run_layer(i)
                end += 1
            yield end - 1
            i = end
        calls = recordings.forward_calls
        stretches.join(Passed(layers, first, last + 1, self.done_below, calls, changed))

    def _reshape(self, step: Step) -> None:
        layer, bottom, top = step
        before = [blob.shape for blob in top]
        layer.reshape(bottom, top)
        if any(layer.loss_weights) and before != [blob.shape for blob in top]:
            put_loss_weights(layer, top)

    def _compute(self, i: int, step: Step) -> None:
        layer, bottom, top = step
        if i in self.fused:
            layer.forward(bottom, top, **self.fused[i].forward_options(layer))
        else:
            layer.forward(bottom, top)

    def backward(self, i: int, step: Step, propagate_down: list[bool]) -> None:
        """Run layer i backward, unless a layer below does its work."""
        if i in self.backed_by:
            return
        layer, bottom, top = step
        options: dict[str, Any] = {}
        params = list(layer.params)
        if i in self.fused and self.fused[i].backward:
            options = self.fused[i].options()
            top = self.fused[i].top
            params += self.fused[i].params
        # A forward that cannot be repeated decides by numbers, which backward may use as well.
        recordings = self.recordings
        if ('forward', i) not in recordings.found or not can_repeat(layer, 'backward'):
            layer.backward(top, propagate_down, bottom, **options)
            return
        facts = backward_facts(layer, bottom, top, propagate_down, params)
        if recordings.repeat('backward', i, facts):
            return
        with recordings.record('backward', i, layer, facts):
            layer.backward(top, propagate_down, bottom, **options)
