"""Turns the layers of a NetParameter into Layer objects connected by blobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..proto.caffe_pb2 import LayerParameter, NetParameter
from . import graph
from .blob import Blob, Param
from .engines import Engine
from .errors import GoodinitError
from .layers import Layer
from .losses import loss_weights
from .plan import Plan, Step
from .ranks import Ranks
from .registry import layer_class
from .rng import make_rng
from .shapes import Shape
from .weights.sharing import configure_params
from .workspace import Workspace


class Builder:
    """Builds the layers of a net one by one; `blobs` holds those made so far, by name."""

    def __init__(self, phase: int, engine: Engine, ranks: Ranks, seed: int, plan: Plan):
        self.phase, self.engine, self.ranks = phase, engine, ranks
        self.seed, self.plan = seed, plan
        self.blobs: dict[str, Blob] = {}
        self.owners: dict[str, Param] = {}

    def steps(self, param: NetParameter) -> Iterator[Step]:
        """Each layer of the net, set up and reshaped, with its bottoms and tops."""
        graph.check_tops(param)
        for i, layer_param in enumerate(param.layer):
            yield self.step(i, layer_param)

    def errors(self, param: NetParameter) -> Iterator[GoodinitError]:
        """What keeps layers of the net from being built; those that read what only such a layer
        makes are passed over."""
        for i, layer_param in enumerate(param.layer):
            if not self.blobs.keys() >= set(layer_param.bottom):
                continue
            before = {name: self.blobs.get(name) for name in layer_param.top}
            shapes = [(blob, blob.shape) for blob in before.values() if blob]
            try:
                self.step(i, layer_param)
            except GoodinitError as error:
                yield error
                self._restore(before, shapes)

    def _restore(
        self, blobs: Mapping[str, Blob | None], shapes: Sequence[tuple[Blob, Shape]]
    ) -> None:
        """The blobs as they were, without those that are None."""
        for blob, shape in shapes:
            blob.reshape(*shape)
        for name, before in blobs.items():
            if before is None:
                self.blobs.pop(name, None)
            else:
                self.blobs[name] = before

    def step(self, i: int, param: LayerParameter) -> Step:
        """Layer i, set up and reshaped, with its bottoms and tops."""
        layer = self.make_layer(i, param)
        bottom = [self.blobs[name] for name in param.bottom]
        top = self.make_tops(layer)
        check_counts(layer, bottom, top)
        layer.setup(bottom, top)
        layer.reshape(bottom, top)
        layer.loss_weights = loss_weights(param, layer.is_loss, len(top))
        configure_params(layer, self.owners)
        return Step(layer, bottom, top)

    def make_layer(self, i: int, param: LayerParameter) -> Layer:
        """Layer i, with its own random numbers and workspace."""
        kind = layer_class(param)
        words = [self.seed & 0xFFFFFFFF, i]
        # Data layers draw alike on all ranks and read different samples; Dropout must not.
        if self.ranks.rank and not kind.is_data:
            words.append(self.ranks.rank)
        work = Workspace(self.engine, self.plan.scratch)
        return kind(param, self.engine, self.phase, make_rng(words), work, self.ranks)

    def make_tops(self, layer: Layer) -> list[Blob]:
        """The blobs that a layer writes: new ones, or its own bottoms if it works in place."""
        names = list(layer.param.top)
        if layer.is_loss and not names:
            taken = layer.name in self.blobs
            names = [f'(automatic) {layer.name}' if taken else layer.name]
        for i, name in enumerate(names):
            if layer.param.bottom[i : i + 1] != [name]:
                self.blobs[name] = Blob(name, (), self.engine.dtype)
            elif not layer.traits.in_place:
                raise layer.error(
                    f'{layer.type} Layer does not allow in-place computation. '
                    f"Give its top a name other than '{name}'"
                )
        return [self.blobs[name] for name in names]


def check_counts(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    """Raises LayerError, in Caffe's words, unless the layer type takes this many blobs."""
    check_count(layer, layer.bottoms, len(bottom), 'takes', 'bottom blob(s) as input.')
    check_count(layer, layer.tops, len(top), 'produces', 'top blob(s) as output.')
    if layer.same_count and len(bottom) != len(top):
        raise layer.error(
            f'{layer.type} Layer produces one top blob as output for each bottom blob input. '
            f'Found {len(bottom)} bottoms and {len(top)} tops'
        )


def check_count(
    layer: Layer, allowed: int | tuple[int, int | None], found: int, verb: str, what: str
) -> None:
    """Raises LayerError unless there are `allowed` blobs: a number, or (least, most)."""
    least, most = (allowed, allowed) if isinstance(allowed, int) else allowed
    if least == most == found:
        return
    if found < least:
        needed = f'{least}' if least == most else f'at least {least}'
    elif most is not None and found > most:
        needed = f'{least}' if least == most else f'at most {most}'
    else:
        return
    raise layer.error(f'{layer.type} Layer {verb} {needed} {what} Found {found}')


def backward_flags(
    steps: Sequence[Step], force: bool, roots: Sequence[str] | None = None
) -> tuple[list[bool], list[list[bool]]]:
    """Which layers run backward, and for which of their bottoms they compute the diff.

    Gradients start at the blobs named `roots`, or at the losses if that is None.
    """
    wirings = [wiring(step, roots) for step in steps]
    return graph.backward_flags(wirings, force)


def wiring(step: Step, roots: Sequence[str] | None) -> graph.Wiring:
    """The facts that decide whether a layer runs backward."""
    layer, bottom, top = step
    flags = list(layer.param.propagate_down)
    if len(flags) not in (0, len(bottom)):
        raise layer.error(
            'propagate_down param must be specified either 0 or bottom_size times: found '
            f'{len(flags)} for {len(bottom)} bottoms'
        )
    names = [blob.name for blob in top]
    if roots is None:
        begins = [weight != 0 for weight in layer.loss_weights]
    else:
        begins = [name in roots for name in names]
    learns = any(param.learns for param in layer.params)
    bottoms = [blob.name for blob in bottom]
    forceable = [i not in layer.no_gradient for i in range(len(bottom))]
    return graph.Wiring(bottoms, names, learns, begins, flags, forceable)
