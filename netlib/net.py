"""Net: the layers of a prototxt, run forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from ..proto import caffe_pb2 as pb
from ..proto import read_net
from . import graph
from .blob import Blob
from .building import backward_flags
from .engines import Engine, make_engine
from .errors import EngineError, NetError, layer_error
from .losses import add_loss, put_loss_weights
from .memory import Tensor
from .plan.sharing import share_diffs, share_values
from .ranks import Ranks
from .rng import seed_or_new
from .weighted_graph import Source, WeightedGraph

Where = str | int | None
Callbacks = list[Callable[[int], None]]  # called with the index of each layer that runs


class Net(WeightedGraph):
    """A directed acyclic graph of layers with its blobs and parameters.

    `source`: a path to a prototxt, or a NetParameter. `phase` (pb.TRAIN, pb.TEST), `level` and
    `stages` select the layers. `load`: weights to copy (`copy_from`). Building draws no random
    numbers: parameters start at zero, and `fill` of the initializers (or goodinit.Net) fills them.
    `seed` seeds data layers and dropout. `ranks`: processes that share the work, and the data.

    LayerGraph has the structure (`layers`, `blobs`, `params`, ...), WeightedGraph the files.
    """

    def __init__(
        self,
        source: Source,
        phase: int | None = None,
        *,
        level: int = 0,
        stages: Sequence[str] = (),
        load: Source | None = None,
        engine: Engine | str = 'fast',
        seed: int | None = None,
        ranks: Ranks | None = None,
    ):
        param = source if isinstance(source, pb.NetParameter) else read_net(source)
        param = graph.prepare_net(param, phase, level, stages)
        engine = make_engine(engine) if isinstance(engine, str) else engine
        super().__init__(param, engine, ranks or Ranks(), seed_or_new(seed))
        self._put_loss_weights()
        force = param.force_backward
        self.runs_backward, self.propagate_down = backward_flags(self.steps, force)
        if force:
            for each in self.all_params():
                each.learns = True
        self.before_forward: Callbacks = []
        self.after_forward: Callbacks = []
        self.before_backward: Callbacks = []
        self.after_backward: Callbacks = []
        if load is not None:
            self.copy_from(load)

    # -- forward

    def forward(self, start: Where = None, end: Where = None) -> float:
        """Run the layers from `start` to `end`, inclusive; returns their weighted loss."""
        self.warn_of_missing_statistics()
        return float(self.run(start, end))

    def run(self, start: Where = None, end: Where = None) -> Tensor:
        """Run `forward` without waiting for a device: the loss is a tensor of one element, read by
        float()."""
        first = 0 if start is None else self.index(start)
        last = len(self.layers) - 1 if end is None else self.index(end)
        loss, is_first = self.engine.tensor(1), True
        unseen = not (self.before_forward or self.after_forward)  # if no callback hears of each
        for i in self.plan.run(self.layers, first, last, self.forward_layer, unseen):
            is_first = add_loss(self.layers[i], self.tops[i], loss, is_first)
        return loss

    def forward_layer(self, i: int) -> None:
        """Run one layer forward, after reshaping its tops to fit its bottoms."""
        self.check_memory()
        step = self.steps[i]
        for callback in self.before_forward:
            callback(i)
        try:
            self.plan.forward(i, step)
        except EngineError as error:
            raise layer_error(step.layer.param, str(error)) from error
        for callback in self.after_forward:
            callback(i)

    def reshape(self) -> None:
        """Propagate new input shapes through all layers, without computing."""
        for layer, bottom, top in self.steps:
            layer.reshape(bottom, top)
        self._put_loss_weights()

    # -- backward

    def backward(self, start: Where = None, end: Where = None) -> None:
        """Run backward from `start` down to `end`, inclusive; diffs of parameters accumulate."""
        self._check_backward('share_memory')
        first = len(self.layers) - 1 if start is None else self.index(start)
        last = 0 if end is None else self.index(end)
        for i in range(first, last - 1, -1):
            if self.runs_backward[i]:
                self._backward_layer(i, self.propagate_down[i])

    def backward_from(self, diffs: Mapping[str, np.ndarray], accumulate: bool = True) -> None:
        """Run backward from the named blobs, with these gradients, instead of from the losses.

        Diffs of parameters accumulate, or stay unchanged if `accumulate` is False. Only layers
        between these blobs and learned parameters run. No named blob may be below another: its
        gradient would be overwritten. The other blobs are treated as having no loss above them, so
        their own gradients start at zero. Raises NetError for an unknown blob.
        """
        self._check_backward('share_memory', 'share_diffs')
        for name, diff in diffs.items():
            self.blob(name).diff = diff
        runs, down = backward_flags(self.steps, False, list(diffs))
        learning = self.learning()
        for param in learning:
            param.learns = accumulate
        try:
            self._backward_where(runs, down, set(diffs))
        finally:
            for param in learning:
                param.learns = True

    def _backward_where(self, runs: list[bool], down: list[list[bool]], known: set[str]) -> None:
        """Run backward through the layers in `runs`; `known`: blobs whose diffs are already set."""
        for i in reversed(range(len(self.layers))):
            if not runs[i]:
                continue
            for blob in self.tops[i]:
                if blob.name not in known:
                    self.engine.fill(0, out=blob.diffs)
            self._backward_layer(i, down[i])
            for blob, wanted in zip(self.bottoms[i], down[i], strict=True):
                if wanted:
                    known.add(blob.name)

    def _backward_layer(self, i: int, propagate_down: list[bool]) -> None:
        step = self.steps[i]
        for callback in self.before_backward:
            callback(i)
        try:
            self.plan.backward(i, step, propagate_down)
        except EngineError as error:
            raise layer_error(step.layer.param, str(error)) from error
        for callback in self.after_backward:
            callback(i)

    def _check_backward(self, *refused: str) -> None:
        made_by = self.plan.made_by
        if made_by in refused:
            raise NetError(
                f"net '{self.name}' cannot run backward: its blobs share memory (Net.{made_by})"
            )

    def _put_loss_weights(self) -> None:
        for layer, _, top in self.steps:
            put_loss_weights(layer, top)

    def clear_param_diffs(self) -> None:
        for param in self.all_params():
            self.engine.fill(0, out=param.diffs)

    # -- memory

    def share_memory(self, keep: Collection[str] = ()) -> None:
        """Save memory in a net that only runs forward: after a pass, only its inputs, its outputs
        and the blobs named in `keep` hold their values. Blobs that later outgrow their current
        shapes get their own memory again."""
        fixed = [*self._fixed(), *(self.blobs[name] for name in keep)]
        share_values(self.plan, self.steps, fixed, self.engine.dtype, self.param.debug_info)

    def share_diffs(self) -> None:
        """Save memory in training: after `backward`, only the diffs of parameters, inputs and
        outputs are valid. Backward must start from the losses; `backward_from` is refused."""
        wanted = []
        for runs, down in zip(self.runs_backward, self.propagate_down, strict=True):
            wanted.append(down if runs else [])
        watched = self.param.debug_info
        share_diffs(self.plan, self.steps, self._fixed(), self.engine.dtype, watched, wanted)

    def _fixed(self) -> list[Blob]:
        """The blobs that do not share their memory."""
        outputs = [self.blobs[name] for name in self.outputs]
        return outputs + list(self.all_params())
