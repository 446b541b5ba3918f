"""LayerGraph: the layers of a prototxt, built and connected by blobs, with lookup by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import chain

from ..proto.caffe_pb2 import TEST, NetParameter
from .blob import Blob, Param
from .building import Builder
from .engines import Engine
from .errors import NetError, did_you_mean
from .layers import Layer
from .need import check_need
from .plan import Plan, Step
from .ranks import Ranks
from .shapes import dimensions
from .statistics import MEANINGLESS, missing_statistics
from .tables import Table


class LayerGraph:
    """Layers in the order in which they run, each with the blobs it reads and writes.

    `layers`, `layer_names` and the blobs of each layer (`bottoms`, `tops`) share one index; `blobs`
    and `params` are looked up by name.
    """

    def __init__(self, param: NetParameter, engine: Engine, ranks: Ranks, seed: int):
        self.param, self.engine, self.ranks, self.seed = param, engine, ranks, seed
        self.name, self.phase = param.name, param.state.phase
        self.plan = Plan()
        builder = Builder(self.phase, engine, ranks, seed, self.plan)
        self.steps: list[Step] = list(builder.steps(param))
        self.blobs: dict[str, Blob] = builder.blobs
        self.layers: list[Layer] = [step.layer for step in self.steps]
        self.bottoms: list[list[Blob]] = [step.bottom for step in self.steps]
        self.tops: list[list[Blob]] = [step.top for step in self.steps]
        self._checks_memory = not engine.on_device
        self.params: dict[str, list[Param]] = {}
        self.looked_for_statistics = False
        for layer in self.layers:
            if layer.params:
                self.params[layer.name] = layer.params

    def check_memory(self) -> None:
        """Raises NetError if a forward pass needs more memory than is free, before it takes any.
        Only the first call looks; on a device, the device says so."""
        if self._checks_memory:
            self._checks_memory = False
            check_need(self.name, [*self._params(), *self.blobs.values()])

    def table(self) -> Table:
        """A line for each layer: its name and type, the shape of its first top, and how many
        numbers it learns that no other layer owns. Splits are left out."""
        rows = [['layer', 'type', 'top', 'parameters']]
        total = 0
        for layer, _, top in self.steps:
            if layer.type == 'Split':
                continue
            shape = dimensions(top[0].shape) if top else ''
            own = sum(param.count for param in layer.params if param.owner is param)
            total += own
            rows.append([layer.name, layer.type, shape, f'{own:,}' if own else ''])
        phase = 'TEST' if self.phase == TEST else 'TRAIN'
        title = f"Net '{self.name}' in {phase}: {len(rows) - 1} layers, {total:,} parameters"
        return Table(title, rows, left=(0, 1, 2))

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().html()

    @property
    def layer_names(self) -> list[str]:
        return [layer.name for layer in self.layers]

    @property
    def inputs(self) -> list[str]:
        """Names of the blobs that Input layers produce."""
        tops = [step.top for step in self.steps if step.layer.type == 'Input']
        return [blob.name for blob in chain.from_iterable(tops)]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer reads, in alphabetical order as in Caffe."""
        unread: set[str] = set()
        for _, bottom, top in self.steps:
            unread.difference_update(blob.name for blob in bottom)
            unread.update(blob.name for blob in top)
        return sorted(unread)

    def index(self, layer: str | int) -> int:
        """The index of a layer given by name or index. Raises NetError for an unknown name."""
        if isinstance(layer, int):
            return range(len(self.layers))[layer]
        names = self.layer_names
        if layer not in names:
            raise NetError(f"net '{self.name}' has no layer '{layer}'{did_you_mean(layer, names)}")
        return names.index(layer)

    def blob(self, name: str) -> Blob:
        """The blob with this name. Raises NetError for an unknown name."""
        if name not in self.blobs:
            guess = did_you_mean(name, self.blobs)
            raise NetError(f"net '{self.name}' has no blob '{name}'{guess}")
        return self.blobs[name]

    def all_params(self) -> list[Param]:
        """Every parameter blob in the order of the layers, including those that share memory with
        an earlier one."""
        return list(self._params())

    def learning(self) -> list[Param]:
        """The parameters whose diffs backward computes."""
        return [param for param in self._params() if param.learns]

    def _params(self) -> Iterator[Param]:
        for layer in self.layers:
            yield from layer.params

    def warn_of_missing_statistics(self) -> None:
        """Warn, the first time only, of layers that run on statistics which nothing has stored."""
        if self.looked_for_statistics:
            return
        self.looked_for_statistics = True
        for note in missing_statistics(self.layers, MEANINGLESS):
            warnings.warn(note, stacklevel=3)
