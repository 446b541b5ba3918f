"""One update of the parameters: from the gradients that an iteration has summed to the step that a rule takes."""
from __future__ import annotations

from math import sqrt

from ..netlib.blob import Blob, Param
from ..netlib.errors import SolverError, meant
from ..netlib.memory import Memory, Tensor
from ..proto.caffe_pb2 import SolverParameter
from .rules import Rule

REGULARIZATIONS = ('L2', 'L1')


class Update:
    """Clip the gradients, average them over iter_size, add the regularization's, step as the rule says: in this order.

    `history` holds the blobs of the rule as a .solverstate orders them: one for each parameter, for AdaDelta and Adam
    followed by a second group.
    """

    def __init__(self, rule: Rule, params: list[Param]):
        self.rule, self.engine, self.solver, self.params = rule, rule.engine, rule.solver, params
        self.history = [Blob(p.name, p.shape, self.engine.dtype) for _ in range(rule.histories) for p in params]
        self.scratch = Memory(max((p.count for p in params), default=0), self.engine.dtype)

    def clip(self) -> float:
        """Scale the summed gradients down to the norm clip_gradients, taken over all parameters together; returns the
        norm that they had. Without clip_gradients nothing is computed, and the result is 0."""
        limit = self.solver.clip_gradients
        if limit < 0:
            return 0.0
        square = self.engine.tensor(1)
        for param in self.params:
            flat = param.diffs.reshape(-1)
            self.engine.dot(flat, flat, out=square, accumulate=True)
        norm = sqrt(square.item())
        if norm > limit:
            for param in self.params:
                self.engine.axpby(limit / norm, param.diffs, 0, out=param.diffs)
        return norm

    def __call__(self, rate: float, t: int) -> None:
        """Take the step number t, counted from 1, of the gradients as `clip` left them."""
        for i, param in enumerate(self.params):
            scratch = Tensor(param.shape, self.scratch)
            history = [blob.values for blob in self.history[i::len(self.params)]]
            if self.solver.iter_size > 1:
                self.engine.axpby(1 / self.solver.iter_size, param.diffs, 0, out=param.diffs)
            self._regularize(param, scratch)
            self.rule(param.diffs, rate * param.lr_mult, t, history, scratch)
            self.engine.axpby(-1, param.diffs, 1, out=param.values)

    def _regularize(self, param: Param, scratch: Tensor) -> None:
        """Add the gradient of decay / 2 |w|^2 (L2) or decay |w| (L1)."""
        decay = self.solver.weight_decay * param.decay_mult
        if not decay:
            return
        term = param.values
        if self.solver.regularization_type == 'L1':
            self.engine.unary('sign', term, out=scratch)
            term = scratch
        self.engine.axpby(decay, term, 1, out=param.diffs)


def check(solver: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words, for an unknown regularization."""
    kind = solver.regularization_type
    if kind not in REGULARIZATIONS:
        raise SolverError(f'Unknown regularization type: {kind}{meant(kind, REGULARIZATIONS)} '
                          f"(known types: {', '.join(REGULARIZATIONS)})")
