"""One update of the parameters: from the summed gradients of an iteration to the step of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ..netlib.blob import Blob, Param
from ..netlib.engines.block import Block
from ..netlib.errors import SolverError, did_you_mean
from ..netlib.memory import Arena, Memory, Places, Tensor, join
from ..proto.caffe_pb2 import SolverParameter
from .rules import Rule

REGULARIZATIONS = ('L2', 'L1')
LARGEST = 3.4e38  # a float32
# The solver's fields that a step depends on, besides the rate.
SETTINGS = (
    *('iter_size', 'weight_decay', 'regularization_type', 'momentum', 'momentum2'),
    *('delta', 'rms_decay'),
)


class Run(NamedTuple):
    """Parameters that are updated together: their rate and decay multipliers, then values,
    gradients and histories, each as one tensor."""

    lr_mult: float
    decay_mult: float
    w: Tensor
    g: Tensor
    history: Sequence[Tensor]


class Layout(NamedTuple):
    """The runs of all parameters, and their gradients, joined where they are side by side. It holds
    for these multipliers, and for this version of Places."""

    places: int
    multipliers: list[tuple[float, float]]
    runs: list[Run]
    gradients: list[Tensor]


class Last(NamedTuple):
    """The last step: what it depended on, and the calls of the engine that take it again."""

    layout: Layout
    facts: list[Any]
    calls: list[Callable[[], None]]


class Update:
    """Clip the gradients, average them over iter_size, add the regularization's, and take the
    rule's step, in this order.

    `history` holds the blobs of the rule in the order of a .solverstate: one for each parameter,
    followed by a second group for AdaDelta and Adam.
    """

    def __init__(self, rule: Rule, params: list[Param]):
        self.rule = rule
        self.counts = rule.counts
        self.engine = rule.engine
        self.solver = rule.solver
        self.params = params
        self.history: list[Blob] = []
        for param in params * rule.histories:
            self.history.append(Blob(param.name, param.shape, self.engine.dtype))
        # Parameters with equal multipliers are grouped.
        self.order = sorted(range(len(params)), key=self._multipliers)
        self.scratch = self._new_scratch()
        self.layout: Layout | None = None
        self.last: Last | None = None

    def lay_side_by_side(self) -> None:
        """Move the parameters, their gradients and their histories side by side in memory.

        Then a run is as long as its multipliers allow, and most ops compute on many parameters at
        once. Values do not change, and existing Tensors of them stay valid.
        """
        rows = [self._tensors(i) for i in self.order]
        for column in zip(*rows, strict=True):
            memories = [tensor.memory for tensor in column]
            Arena(memories, self.engine.dtype)  # its parts keep it alive
        self.scratch = self._new_scratch()

    def clear(self) -> None:
        """Set all gradients to zero."""
        for g in self._layout().gradients:
            self.engine.fill(0, out=g)

    def clip(self) -> Tensor | None:
        """Scale the summed gradients down to the norm clip_gradients, computed over all parameters
        together.

        Returns the norm before scaling, a tensor of one element. Without clip_gradients nothing is
        computed, and the result is None.
        """
        limit = self.solver.clip_gradients
        if limit < 0:
            return None
        e = self.engine
        norm = e.tensor(1)
        for g in self._layout().gradients:
            e.dot(g, g, out=norm, accumulate=True)
        e.unary('power', norm, 0.5, 1, 0, out=norm)
        # factor = limit / max(norm, limit)
        larger = e.tensor(1)
        factor = e.tensor(1)
        e.unary('clip', norm, max(limit, 1 / LARGEST), LARGEST, out=larger)
        e.fill(limit, out=factor)
        e.binary('div', factor, larger, out=factor)
        for g in self._layout().gradients:
            e.binary('mul', g, factor, out=g)
        return norm

    def __call__(self, rate: float, t: int) -> None:
        """Take step number t, counted from 1, along the gradients from `clip`.

        One like the last step, at the same rate, runs the ops of that again (Recordings, in netlib,
        says why).
        """
        layout = self._layout()
        facts = [rate, t if self.counts else 0, *(getattr(self.solver, n) for n in SETTINGS)]
        if self.last and self.last.layout is layout and self.last.facts == facts:
            for call in self.last.calls:
                call()
            return
        calls: list[Callable[[], None]] = []
        self.engine.recorder = calls if self.engine.can_record else None
        try:
            with self.engine.blockwise() as block:
                for run in layout.runs:
                    self._step(block, run, rate, t)
        finally:
            self.engine.recorder = None
        self.last = Last(layout, facts, calls) if self.engine.can_record else None

    def _step(self, block: Block, run: Run, rate: float, t: int) -> None:
        passes = self.solver.iter_size
        scratch = Tensor(run.g.shape, self.scratch)
        if passes > 1:
            block.axpby(1 / passes, run.g, 0, out=run.g)
        self._regularize(block, run, scratch)
        self.rule(block, run.g, rate * run.lr_mult, t, run.history, scratch)
        block.axpby(-1, run.g, 1, out=run.w)

    def _regularize(self, block: Block, run: Run, scratch: Tensor) -> None:
        """Add the gradient of decay / 2 |w|^2 (L2) or decay |w| (L1)."""
        decay = self.solver.weight_decay * run.decay_mult
        if not decay:
            return
        term = run.w
        if self.solver.regularization_type == 'L1':
            block.unary('sign', run.w, out=scratch)
            term = scratch
        block.axpby(decay, term, 1, out=run.g)

    def _layout(self) -> Layout:
        """Where the parameters are, found anew only if memories have moved."""
        multipliers = [self._multipliers(i) for i in self.order]
        known = self.layout
        if known and (known.places, known.multipliers) == (Places.version, multipliers):
            return known
        found = Layout(Places.version, multipliers, list(self._runs()), self._gradients())
        self.layout = found
        return found

    def _runs(self) -> Iterator[Run]:
        for both, indices in groupby(self.order, self._multipliers):
            for w, g, *history in join(map(self._tensors, indices)):
                yield Run(*both, w, g, history)

    def _multipliers(self, i: int) -> tuple[float, float]:
        """The rate and decay multipliers of parameter i."""
        return self.params[i].lr_mult, self.params[i].decay_mult

    def _tensors(self, i: int) -> list[Tensor]:
        """The values, the gradient and the histories of parameter i."""
        param = self.params[i]
        history = self.history[i :: len(self.params)]
        return [param.values, param.diffs, *(blob.values for blob in history)]

    def _gradients(self) -> list[Tensor]:
        """All gradients, joined if they are side by side, each flat."""
        joined = join([self.params[i].diffs] for i in self.order)
        return [g.reshape(-1) for (g,) in joined]

    def _new_scratch(self) -> Memory:
        """Scratch memory for a rule, for one run at a time."""
        sizes = [run.g.size for run in self._runs()]
        return Memory(max(sizes, default=0), self.engine.dtype)


def check_regularization(solver: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words, for an unknown regularization."""
    kind = solver.regularization_type
    if kind not in REGULARIZATIONS:
        raise SolverError(
            f'Unknown regularization type: {kind}{did_you_mean(kind, REGULARIZATIONS)} '
            f'(known types: {", ".join(REGULARIZATIONS)})'
        )
