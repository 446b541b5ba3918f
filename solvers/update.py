"""One update of the parameters: from the gradients that an iteration has summed to the step that a
rule takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ..netlib.blob import Blob, Param
from ..netlib.errors import SolverError, did_you_mean
from ..netlib.memory import Arena, Memory, Tensor, join
from ..proto.caffe_pb2 import SolverParameter
from .rules import Rule

REGULARIZATIONS = ('L2', 'L1')
LARGEST = 3.4e38  # a float32


class Update:
    """Clip the gradients, average them over iter_size, add the regularization's, step as the rule
    says: in this order.

    `history` holds the blobs of the rule as a .solverstate orders them: one for each parameter, for
    AdaDelta and Adam followed by a second group.

    The parameters, their gradients and their histories are moved side by side in memory, those with
    equal multipliers of rate and decay together. So most ops compute on many parameters at once.
    """

    def __init__(self, rule: Rule, params: list[Param]):
        self.rule, self.engine, self.solver, self.params = rule, rule.engine, rule.solver, params
        self.history = [
            Blob(p.name, p.shape, self.engine.dtype) for _ in range(rule.histories) for p in params
        ]
        self.order = sorted(range(len(params)), key=lambda i: multipliers(params[i]))
        wholes = [
            Arena(column, self.engine.dtype)
            for column in zip(*map(self._memories, self.order), strict=True)
        ]
        self.scratch = Memory(max((whole.size for whole in wholes), default=0), self.engine.dtype)

    def _tensors(self, i):
        param = self.params[i]
        return (
            param.values,
            param.diffs,
            *(blob.values for blob in self.history[i :: len(self.params)]),
        )

    def _memories(self, i):
        return [tensor.memory for tensor in self._tensors(i)]

    def clear(self) -> None:
        """Set all gradients to zero."""
        for g in self._gradients():
            self.engine.fill(0, out=g)

    def clip(self) -> Tensor | None:
        """Scale the summed gradients down to the norm clip_gradients, taken over all parameters
        together; returns the norm that they had, of one element. Without clip_gradients nothing is
        computed, and the result is None."""
        if self.solver.clip_gradients < 0:
            return None
        e, limit = self.engine, self.solver.clip_gradients
        norm, factor, bound = e.tensor(1), e.tensor(1), e.tensor(1)
        for g in self._gradients():
            e.dot(g, g, out=norm, accumulate=True)
        e.unary('power', norm, 0.5, 1, 0, out=norm)
        e.unary('clip', norm, max(limit, 1 / LARGEST), LARGEST, out=factor)
        e.fill(limit, out=bound)
        e.binary('div', bound, factor, out=factor)
        for g in self._gradients():
            e.binary('mul', g, factor, out=g)
        return norm

    def __call__(self, rate: float, t: int) -> None:
        """Take the step number t, counted from 1, of the gradients as `clip` left them."""
        with self.engine.blockwise() as block:
            for (lr_mult, decay_mult), (w, g, *history) in self._runs():
                scratch = Tensor(g.shape, self.scratch)
                if self.solver.iter_size > 1:
                    block.axpby(1 / self.solver.iter_size, g, 0, out=g)
                self._regularize(block, w, g, decay_mult, scratch)
                self.rule(block, g, rate * lr_mult, t, history, scratch)
                block.axpby(-1, g, 1, out=w)

    def _regularize(self, block, w, g, decay_mult, scratch):
        """Add the gradient of decay / 2 |w|^2 (L2) or decay |w| (L1)."""
        decay = self.solver.weight_decay * decay_mult
        if not decay:
            return
        term = w
        if self.solver.regularization_type == 'L1':
            block.unary('sign', w, out=scratch)
            term = scratch
        block.axpby(decay, term, 1, out=g)

    def _runs(self) -> Iterator[tuple[tuple[float, float], list[Tensor]]]:
        """Parameters that can be updated as one: their multipliers, and values, gradients and
        histories."""
        for both, run in groupby(self.order, lambda i: multipliers(self.params[i])):
            for tensors in join(map(self._tensors, run)):
                yield both, tensors

    def _gradients(self) -> list[Tensor]:
        return [g.reshape(-1) for (g,) in join([self.params[i].diffs] for i in self.order)]


def multipliers(param: Param) -> tuple[float, float]:
    return param.lr_mult, param.decay_mult


def check(solver: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words, for an unknown regularization."""
    kind = solver.regularization_type
    if kind not in REGULARIZATIONS:
        raise SolverError(
            f'Unknown regularization type: {kind}{did_you_mean(kind, REGULARIZATIONS)} '
            f'(known types: {", ".join(REGULARIZATIONS)})'
        )
