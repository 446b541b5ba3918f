"""Net: the layers of a prototxt, wired by blobs, run forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..proto import caffe_pb2 as pb
from ..proto import read_net
from . import graph
from .blob import Blob, Param
from .engines import Engine, make_engine
from .errors import EngineError, NetError, did_you_mean, layer_error
from .layers import Layer
from .memory import Tensor
from .plan import sharing
from .ranks import Ranks
from .registry import layer_class
from .weights import caffemodel as weights

Where = str | int | None


class Net:
    """A directed acyclic graph of layers with its blobs and parameters.

    `source`: a path to a prototxt, or a NetParameter. `phase` (pb.TRAIN, pb.TEST), `level` and
    `stages` choose its layers. `load`: weights to copy (`copy_from`). Building draws no random
    number: parameters start at zero and know their filler (`goodinit.initializers.fill` fills
    them). `seed` is what data layers and dropout draw from. `ranks`: processes that work together
    on the same net; data layers read this one's share.

    `layers`, `layer_names` and the blobs of each layer (`bottoms`, `tops`) share one index; `blobs`
    and `params` go by name.
    """

    def __init__(
        self,
        source: str | Path | pb.NetParameter,
        phase: int | None = None,
        *,
        level: int = 0,
        stages: Sequence[str] = (),
        load: str | Path | pb.NetParameter | None = None,
        engine: Engine | str = 'fast',
        seed: int | None = None,
        ranks: Ranks | None = None,
    ):
        param = source if isinstance(source, pb.NetParameter) else read_net(source)
        self.param = graph.prepare(param, phase, level, stages)
        self.name, self.phase = self.param.name, self.param.state.phase
        self.engine = make_engine(engine) if isinstance(engine, str) else engine
        self.ranks = ranks or Ranks()
        self.seed = np.random.SeedSequence(seed).entropy
        self.layers: list[Layer] = []
        self.bottoms: list[list[Blob]] = []
        self.tops: list[list[Blob]] = []
        self.blobs: dict[str, Blob] = {}
        self.params: dict[str, list[Param]] = {}
        self.shared_by = ''  # the method that has let its blobs share memory
        self._scratches: dict[str, Blob] = {}
        self._build()
        self.runs_backward, self.propagate_down = self._backward_flags()
        # Called with the index of each layer that runs.
        self.before_forward: list[Callable[[int], None]] = []
        self.after_forward: list[Callable[[int], None]] = []
        self.before_backward: list[Callable[[int], None]] = []
        self.after_backward: list[Callable[[int], None]] = []
        if load is not None:
            self.copy_from(load)

    # -- building

    def _build(self):
        graph.check_tops(self.param)
        owners: dict[str, Param] = {}
        for layer_param in self.param.layer:
            layer = self._make_layer(layer_param)
            bottom = [self.blobs[b] for b in layer_param.bottom]
            top = self._make_tops(layer, layer_param)
            check_counts(layer, bottom, top)
            layer.setup(bottom, top)
            layer.reshape(bottom, top)
            layer.weigh_losses(top)
            weights.configure(layer, owners)
            self.layers.append(layer)
            self.bottoms.append(bottom)
            self.tops.append(top)
            if layer.params:
                self.params[layer.name] = layer.params
        self._put_loss_weights()

    def _make_layer(self, layer_param):
        kind = layer_class(layer_param)
        # Data layers draw alike on all ranks, and take different samples; Dropout must not draw
        # alike.
        rank = [self.ranks.rank] if self.ranks.rank and not kind.is_data else []
        rng = np.random.default_rng([self.seed & 0xFFFFFFFF, len(self.layers), *rank])
        layer = kind(layer_param, self.engine, self.phase, rng)
        layer.ranks, layer.scratches = self.ranks, self._scratches
        return layer

    def _make_tops(self, layer, layer_param):
        names = list(layer_param.top)
        if layer.is_loss and not names:
            names = [layer.name if layer.name not in self.blobs else f'(automatic) {layer.name}']
        tops = []
        for i, name in enumerate(names):
            in_place = i < len(layer_param.bottom) and layer_param.bottom[i] == name
            if in_place and not layer.in_place:
                raise layer.error(
                    f'{layer.type} Layer does not allow in-place computation. '
                    f"Give its top another name than '{name}'"
                )
            if not in_place:
                self.blobs[name] = Blob(name, (), self.engine.dtype)
            tops.append(self.blobs[name])
        return tops

    def _put_loss_weights(self):
        """The gradient of the total loss by each top that has a loss weight is that weight."""
        for layer, top in zip(self.layers, self.tops, strict=True):
            for blob, weight in zip(top, layer.loss_weights, strict=True):
                if weight:
                    blob.diff = weight

    def _backward_flags(self, roots: Collection[str] | None = None):
        """Who runs backward when gradients start at the blobs named `roots`; None: at the losses."""
        wirings = []
        for layer, bottom, top in zip(self.layers, self.bottoms, self.tops, strict=True):
            if len(layer.param.propagate_down) not in (0, len(bottom)):
                raise layer.error(
                    'propagate_down param must be specified either 0 or bottom_size times: found '
                    f'{len(layer.param.propagate_down)} for {len(bottom)} bottoms'
                )
            wirings.append(
                graph.Wiring(
                    [b.name for b in bottom],
                    [t.name for t in top],
                    any(p.learns for p in layer.params),
                    [
                        bool(w) if roots is None else t.name in roots
                        for w, t in zip(layer.loss_weights, top, strict=True)
                    ],
                    list(layer.param.propagate_down),
                    [i not in layer.no_gradient for i in range(len(bottom))],
                )
            )
        if self.param.force_backward:
            for param in self.all_params():
                param.learns = True
        return graph.backward_flags(wirings, self.param.force_backward and roots is None)

    # -- looking around

    @property
    def layer_names(self) -> list[str]:
        return [layer.name for layer in self.layers]

    @property
    def inputs(self) -> list[str]:
        """Names of the blobs that Input layers make."""
        return [
            blob.name
            for layer, top in zip(self.layers, self.tops, strict=True)
            if layer.type == 'Input'
            for blob in top
        ]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer reads, in alphabetical order as in Caffe."""
        last = {b.name: i for i, bottom in enumerate(self.bottoms) for b in bottom}
        return sorted(
            t.name for i, top in enumerate(self.tops) for t in top if last.get(t.name, i) == i
        )

    def index(self, layer: str | int) -> int:
        """The index of a layer given by name or index."""
        if isinstance(layer, int):
            return range(len(self.layers))[layer]
        if layer not in self.layer_names:
            raise NetError(
                f"net '{self.name}' has no layer '{layer}'{did_you_mean(layer, self.layer_names)}"
            )
        return self.layer_names.index(layer)

    def all_params(self) -> list[Param]:
        """Every parameter blob, in the order of the layers; those that share memory with an earlier
        one too."""
        return [p for layer in self.layers for p in layer.params]

    # -- running

    def forward(self, start: Where = None, end: Where = None) -> float:
        """Run the layers from `start` to `end` (both included); returns their weighted loss."""
        return float(self.run(start, end))

    def run(self, start: Where = None, end: Where = None) -> Tensor:
        """Do what `forward` does and wait for no device: the loss is a tensor of one element, read
        by float()."""
        loss = self.engine.tensor(1)
        for i in self._range(start, end, forward=True):
            self.forward_layer(i)
            self.layers[i].add_loss(self.tops[i], loss)
        return loss

    def forward_layer(self, i: int) -> None:
        """Run one layer forward, its tops reshaped to what its bottoms are now."""
        layer, bottom, top = self.layers[i], self.bottoms[i], self.tops[i]
        for callback in self.before_forward:
            callback(i)
        before = [t.shape for t in top]
        layer.reshape(bottom, top)
        if any(layer.loss_weights) and before != [t.shape for t in top]:
            self._put_loss_weights()
        try:
            if not layer.done_below:
                layer.forward(bottom, top)
        except EngineError as error:
            raise layer_error(layer.param, str(error)) from error
        for callback in self.after_forward:
            callback(i)

    def backward(self, start: Where = None, end: Where = None) -> None:
        """Run backward from `start` down to `end` (both included). Diffs of parameters accumulate."""
        self._check_backward('share_memory')
        for i in self._range(start, end, forward=False):
            if self.runs_backward[i]:
                self._backward_layer(i, self.propagate_down[i])

    def backward_from(self, diffs: Mapping[str, np.ndarray], accumulate: bool = True) -> None:
        """Run backward from the blobs named, whose gradients are given, in place of the losses.

        Diffs of parameters accumulate, or are left alone if `accumulate` is False. What lies
        between these blobs and parameters that learn is run. No blob may lie below another one: its
        gradient would be overwritten. On all other blobs nothing depends, so that their gradients
        are zero. Raises NetError for an unknown blob.
        """
        self._check_backward('share_memory', 'share_diffs')
        for name, diff in diffs.items():
            if name not in self.blobs:
                raise NetError(
                    f"net '{self.name}' has no blob '{name}'{did_you_mean(name, self.blobs)}"
                )
            self.blobs[name].diff = diff
        runs, down = self._backward_flags(diffs)
        learning = [param for param in self.all_params() if param.learns]
        for param in learning:
            param.learns = accumulate
        try:
            self._backward_where(runs, down, set(diffs))
        finally:
            for param in learning:
                param.learns = True

    def _backward_where(self, runs, down, known):
        for i in reversed(range(len(self.layers))):
            if runs[i]:
                for blob in self.tops[i]:
                    if blob.name not in known:
                        self.engine.fill(0, out=blob.diffs)
                self._backward_layer(i, down[i])
                known.update(
                    blob.name
                    for blob, wanted in zip(self.bottoms[i], down[i], strict=True)
                    if wanted
                )

    def _backward_layer(self, i, propagate_down):
        layer = self.layers[i]
        for callback in self.before_backward:
            callback(i)
        try:
            layer.backward(self.tops[i], propagate_down, self.bottoms[i])
        except EngineError as error:
            raise layer_error(layer.param, str(error)) from error
        for callback in self.after_backward:
            callback(i)

    def _range(self, start, end, forward):
        last = len(self.layers) - 1
        first, final = (0, last) if forward else (last, 0)
        first = first if start is None else self.index(start)
        final = final if end is None else self.index(end)
        return range(first, final + 1) if forward else range(first, final - 1, -1)

    def reshape(self) -> None:
        """Carry new shapes of the inputs through all layers, without computing."""
        for layer, bottom, top in zip(self.layers, self.bottoms, self.tops, strict=True):
            layer.reshape(bottom, top)
        self._put_loss_weights()

    def share_memory(self, keep: Collection[str] = ()) -> None:
        """Take less memory in a net that only runs forward: after a pass only its inputs, its
        outputs and the blobs named in `keep` hold what was computed. Shapes larger than those of
        now take memory of their own again."""
        sharing.share_values(self, keep)

    def share_diffs(self) -> None:
        """Take less memory in training: after `backward` only the diffs of parameters, inputs and
        outputs hold what was computed. It must run from the losses; `backward_from` is refused."""
        sharing.share_diffs(self)

    def _check_backward(self, *refused):
        if self.shared_by in refused:
            raise NetError(
                f"net '{self.name}' cannot run backward: its blobs share memory (Net.{self.shared_by})"
            )

    def clear_param_diffs(self) -> None:
        for param in self.all_params():
            self.engine.fill(0, out=param.diffs)

    # -- weights

    def copy_from(self, source: str | Path | pb.NetParameter) -> list[str]:
        """Take the weights of a caffemodel, layer by layer of the same name; returns the names that
        the net lacks.

        A file that is called .h5 or .hdf5, or begins as one, is read as Caffe's weights in HDF5.
        Layers that the file lacks keep what they have. A different number or shape of blobs is a
        NetError.
        """
        return weights.copy_from(self, source)

    def to_proto(self, diffs: bool = False) -> pb.NetParameter:
        """The net with its weights as the message that a caffemodel holds."""
        return weights.to_proto(self, diffs)

    def save(self, path: str | Path, diffs: bool = False) -> None:
        """Write a caffemodel, or as .h5 or .hdf5 Caffe's weights in HDF5; never leaves a
        half-written file."""
        weights.save(self, path, diffs)


def check_counts(layer: Layer, bottom: list[Blob], top: list[Blob]) -> None:
    """As many bottoms and tops as the layer type takes, in Caffe's words."""
    for allowed, found, verb, what in (
        (layer.bottoms, len(bottom), 'takes', 'bottom blob(s) as input.'),
        (layer.tops, len(top), 'produces', 'top blob(s) as output.'),
    ):
        least, most = (allowed, allowed) if isinstance(allowed, int) else allowed
        if not least <= found <= (found if most is None else most):
            bound, n = (
                ('', least)
                if least == most
                else ('at least ', least)
                if found < least
                else ('at most ', most)
            )
            raise layer.error(f'{layer.type} Layer {verb} {bound}{n} {what} Found {found}')
    if layer.same_count and len(bottom) != len(top):
        raise layer.error(
            f'{layer.type} Layer produces one top blob as output for each bottom blob input. '
            f'Found {len(bottom)} bottoms and {len(top)} tops'
        )
