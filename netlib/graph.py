"""Passes over a net before it becomes a Net: which layers a state admits, where a blob splits,
which layers run backward.

Most passes map a NetParameter to a new NetParameter; `backward_flags` maps plain lists to plain
lists. No pass computes numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..proto import caffe_pb2 as pb
from .errors import LayerError, NetError, did_you_mean, layer_error

Version = tuple[int, int]  # of a blob: (index of the layer that wrote it, which of its tops)


def prepare_net(
    param: pb.NetParameter, phase: int | None = None, level: int = 0, stages: Sequence[str] = ()
) -> pb.NetParameter:
    """The net for a state: its layers are filtered, and Split layers are inserted.

    `phase` and `level` override the file's state; `stages` are added to it. A `phase` of None is
    the file's own, or TRAIN if the file has none.
    """
    return insert_splits(filter_net(param, net_state(param, phase, level, stages)))


def net_state(
    param: pb.NetParameter, phase: int | None, level: int, stages: Sequence[str]
) -> pb.NetState:
    state = pb.NetState()
    state.CopyFrom(param.state)
    if phase is not None:
        state.MergeFrom(pb.NetState(phase=pb.Phase.Name(phase), level=level))
    elif not param.state.HasField('phase'):
        state.phase = pb.TRAIN
    state.stage.extend(stages)
    return state


def filter_net(param: pb.NetParameter, state: pb.NetState) -> pb.NetParameter:
    """Only the layers whose include and exclude rules admit the state."""
    out = pb.NetParameter()
    out.CopyFrom(param)
    out.state.CopyFrom(state)
    del out.layer[:]
    for layer in param.layer:
        if layer.include and layer.exclude:
            raise layer_error(layer, 'Specify either include rules or exclude rules; not both.')
        if admits(layer, state):
            out.layer.add().CopyFrom(layer)
    return out


def admits(layer: pb.LayerParameter, state: pb.NetState) -> bool:
    """Whether the layer is in the net in this state: an include rule holds, or no exclude rule."""
    if layer.include:
        return any(meets(state, rule) for rule in layer.include)
    return not any(meets(state, rule) for rule in layer.exclude)


def meets(state: pb.NetState, rule: pb.NetStateRule) -> bool:
    """Whether the state satisfies every condition of the rule (an empty rule always holds)."""
    if rule.HasField('phase') and rule.phase != state.phase:
        return False
    if rule.HasField('min_level') and state.level < rule.min_level:
        return False
    if rule.HasField('max_level') and state.level > rule.max_level:
        return False
    stages = set(state.stage)
    return stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage)


def insert_splits(param: pb.NetParameter) -> pb.NetParameter:
    """Insert a Split layer after every top with several readers; a loss weight counts as a reader.

    Layers and tops are named as in BVLC Caffe: `<blob>_<layer>_<top index>_split` and the same with
    `_<k>`. A top written in place is a new version of the blob, named after the layer that wrote
    it.
    """
    for error in unknown_bottoms(param):
        raise error
    versions = Versions.of(param)
    out = pb.NetParameter()
    out.CopyFrom(param)
    del out.layer[:]
    used: Counter[Version] = Counter()
    for i, layer in enumerate(param.layer):
        new = out.layer.add()
        new.CopyFrom(layer)
        for j, blob in enumerate(layer.bottom):
            source = versions.source[i, j]
            if versions.readers[source] > 1:
                writer, top = source
                name = param.layer[writer].name
                new.bottom[j] = split_name(blob, name, top, used[source])
                used[source] += 1
        for j in range(len(layer.top)):
            readers = versions.readers[i, j]
            if readers > 1:
                add_split(out, new, j, readers)
                used[i, j] += versions.weight[i, j] != 0
    return out


def without_splits(param: pb.NetParameter) -> pb.NetParameter:
    """The net without the Split layers that `insert_splits` put in: its inverse."""
    out = pb.NetParameter()
    out.CopyFrom(param)
    del out.layer[:]
    source: dict[str, str] = {}
    for layer in param.layer:
        bottoms = [source.get(blob, blob) for blob in layer.bottom]
        if layer.type == 'Split' and layer.name.endswith('_split'):
            source.update(dict.fromkeys(layer.top, bottoms[0]))
            continue
        new = out.layer.add()
        new.CopyFrom(layer)
        new.bottom[:] = bottoms
    return out


def unknown_bottoms(param: pb.NetParameter) -> Iterator[LayerError]:
    """An error for each bottom that is not the top of an earlier layer."""
    written: dict[str, None] = {}
    for layer in param.layer:
        for j, blob in enumerate(layer.bottom):
            if blob not in written:
                guess = did_you_mean(blob, written) or '; it must be the top of an earlier layer'
                place = f"(layer '{layer.name}', bottom index {j})"
                yield layer_error(layer, f"Unknown bottom blob '{blob}' {place}{guess}")
        written.update(dict.fromkeys(layer.top))


def split_name(blob: str, layer: str, top: int, k: int | None = None) -> str:
    name = f'{blob}_{layer}_{top}_split'
    return name if k is None else f'{name}_{k}'


@dataclass
class Versions:
    """Which layers read which version of each blob."""

    source: dict[tuple[int, int], Version] = field(default_factory=dict)  # of (layer, bottom)
    readers: Counter[Version] = field(default_factory=Counter)  # a loss weight counts as a reader
    weight: dict[Version, float] = field(default_factory=dict)  # the loss weight of each

    @classmethod
    def of(cls, param: pb.NetParameter) -> Versions:
        out = cls()
        written: dict[str, Version] = {}
        for i, layer in enumerate(param.layer):
            for j, blob in enumerate(layer.bottom):
                out.source[i, j] = written[blob]
                out.readers[written[blob]] += 1
            for j, blob in enumerate(layer.top):
                written[blob] = i, j
                out.weight[i, j] = layer.loss_weight[j] if j < len(layer.loss_weight) else 0
        for version, weight in out.weight.items():
            if weight and out.readers[version]:
                out.readers[version] += 1
        return out


def add_split(out: pb.NetParameter, writer: pb.LayerParameter, j: int, readers: int) -> None:
    """Append the Split of the writer's top j. The top's loss weight moves to the split's first
    top."""
    blob = writer.top[j]
    name = split_name(blob, writer.name, j)
    split = out.layer.add(name=name, type='Split', bottom=[blob], origin=writer.origin)
    for k in range(readers):
        split.top.append(split_name(blob, writer.name, j, k))
    if j < len(writer.loss_weight) and writer.loss_weight[j]:
        split.loss_weight.extend([writer.loss_weight[j]] + [0] * (readers - 1))
        writer.loss_weight[j] = 0


@dataclass
class Wiring:
    """What `backward_flags` needs to know about one layer: its blobs' names, and whether its
    parameters and tops need gradients."""

    bottoms: list[str]
    tops: list[str]
    learns: bool  # a parameter has a nonzero rate
    has_loss: list[bool]  # per top: it has a loss weight, or a gradient starts there
    propagate_down: list[bool]  # the prototxt's field: empty, or one flag per bottom
    forceable: list[bool]  # per bottom: force_backward applies to it


def backward_flags(layers: list[Wiring], force: bool) -> tuple[list[bool], list[list[bool]]]:
    """Which layers run backward, and which of their bottoms get a diff.

    A layer runs backward if (1) one of its parameters learns, or a bottom needs a diff because
    something below it learns, and (2) its tops contribute to a loss. `force` turns on all layers,
    and all bottoms that allow it.
    """
    runs, down = _wanted_from_below(layers)
    _cut_from_above(layers, runs, down)
    if force:
        runs = [True] * len(layers)
        for i, layer in enumerate(layers):
            pairs = zip(down[i], layer.forceable, strict=True)
            down[i] = [wanted or forced for wanted, forced in pairs]
    return runs, down


def _wanted_from_below(layers: list[Wiring]) -> tuple[list[bool], list[list[bool]]]:
    """Like `backward_flags`, by rule (1) alone."""
    needed: dict[str, bool] = {}
    runs: list[bool] = []
    down: list[list[bool]] = []
    for layer in layers:
        below = [needed.get(b, False) for b in layer.bottoms]
        down.append(list(layer.propagate_down) or below)
        runs.append(layer.learns or any(below))
        for top in layer.tops:
            in_place = top in layer.bottoms
            needed[top] = runs[-1] or (in_place and needed.get(top, False))
    return runs, down


def _cut_from_above(layers: list[Wiring], runs: list[bool], down: list[list[bool]]) -> None:
    """Turn off, in place, layers that no loss depends on and diffs that nothing then needs."""
    under_loss: set[str] = set()
    skipped: set[str] = set()
    for i in reversed(range(len(layers))):
        layer = layers[i]
        begins = [top for top, has in zip(layer.tops, layer.has_loss, strict=True) if has]
        contributes = bool(begins) or not under_loss.isdisjoint(layer.tops)
        asked = bool(begins) or not skipped.issuperset(layer.tops)
        if not contributes or not asked:
            runs[i], down[i] = False, [False] * len(layer.bottoms)
        if contributes:
            under_loss.update(layer.bottoms)
        for bottom, wanted in zip(layer.bottoms, down[i], strict=True):
            if not wanted:
                skipped.add(bottom)


def check_tops(param: pb.NetParameter) -> None:
    """Raises an error unless every top has a unique name or is its layer's bottom, in place."""
    for error in wrong_tops(param):
        raise error


def wrong_tops(param: pb.NetParameter) -> Iterator[NetError]:
    """An error for each top that reuses an earlier top's name but is not written in place, and an
    error for a net without layers."""
    known: set[str] = set()
    for layer in param.layer:
        for j, top in enumerate(layer.top):
            in_place = j < len(layer.bottom) and layer.bottom[j] == top
            if top in known and not in_place:
                yield layer_error(layer, f"Top blob '{top}' produced by multiple sources.")
            known.add(top)
    if not param.layer:
        yield NetError(f"net '{param.name}': no layer is left in this phase and state")
