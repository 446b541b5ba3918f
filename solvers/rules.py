"""The update rules, in order of complexity: how the gradient of a parameter becomes the step that
is subtracted from it.

In all of them w is a parameter, g its gradient (clipped, averaged and regularized), a (alpha) its
learning rate, and t counts the iterations from 1. Each rule is written once, in ops, for every
engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from ..netlib.engines import Engine
from ..netlib.engines.block import Block
from ..netlib.errors import SolverError, did_you_mean
from ..netlib.memory import Tensor
from ..proto.caffe_pb2 import SolverParameter


class Rule:
    """What all rules share: the engine, the solver's fields, and two steps that several of them
    take."""

    histories = 1  # tensors like w that the rule keeps per parameter
    takes_momentum = True
    counts = False  # a step depends on its number t

    def __init__(self, engine: Engine, solver: SolverParameter):
        self.engine = engine
        self.solver = solver

    @classmethod
    def check(cls, solver: SolverParameter) -> None:
        """Raises SolverError for fields that the rule does not allow."""
        if solver.momentum and not cls.takes_momentum:
            raise SolverError(
                f'Momentum cannot be used with {solver.type}. Found momentum: {solver.momentum:g}; '
                'remove it'
            )

    def __call__(
        self,
        block: Block,
        g: Tensor,
        rate: float,
        t: int,
        history: Sequence[Tensor],
        scratch: Tensor,
    ) -> None:
        """Turn the gradient in `g` into the step, in place, and update `history`, with ops of
        `block`. `scratch` may be used freely."""
        raise NotImplementedError

    def add_square(
        self, block: Block, g: Tensor, weight: float, keep: float, h: Tensor, scratch: Tensor
    ) -> None:
        """h = keep h + weight g^2"""
        block.binary('mul', g, g, out=scratch)
        block.axpby(weight, scratch, keep, out=h)

    def divide_by_root(
        self, block: Block, g: Tensor, rate: float, h: Tensor, scratch: Tensor
    ) -> None:
        """g = rate g / (sqrt(h) + delta)"""
        block.unary('power', h, 0.5, 1, 0, out=scratch)
        block.unary('power', scratch, 1, 1, self.solver.delta, out=scratch)
        block.binary('div', g, scratch, out=g)
        block.axpby(rate, g, 0, out=g)


class SGD(Rule):
    """Stochastic gradient descent with momentum m: h = m h + a g; w -= h

    h sums steps, not gradients, so a new rate does not change the steps already in it.
    Source: Polyak, Some methods of speeding up the convergence of iteration methods, 1964; Caffe's
    form of it.
    """

    def __call__(self, block, g, rate, t, history, scratch):
        (h,) = history
        block.axpby(rate, g, self.solver.momentum, out=h)
        block.copy(h, out=g)


class Nesterov(Rule):
    """Nesterov's accelerated gradient: h' = m h + a g; w -= (1 + m) h' - m h, which is a g + m h'

    Source: Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum in
    deep learning, 2013.
    """

    def __call__(self, block, g, rate, t, history, scratch):
        (h,) = history
        block.axpby(rate, g, self.solver.momentum, out=h)
        block.axpby(self.solver.momentum, h, rate, out=g)


class AdaGrad(Rule):
    """Steps shrink where gradients were large: h += g^2; w -= a g / (sqrt(h) + delta)

    Source: Duchi, Hazan, Singer, Adaptive subgradient methods for online learning and stochastic
    optimization, 2011.
    """

    takes_momentum = False

    def __call__(self, block, g, rate, t, history, scratch):
        (h,) = history
        self.add_square(block, g, 1, 1, h, scratch)
        self.divide_by_root(block, g, rate, h, scratch)


class RMSProp(Rule):
    """AdaGrad that forgets: h = d h + (1 - d) g^2; w -= a g / (sqrt(h) + delta), with d = rms_decay

    Source: Tieleman, Hinton, Lecture 6.5 of Neural networks for machine learning, 2012.
    """

    takes_momentum = False

    @classmethod
    def check(cls, solver: SolverParameter) -> None:
        super().check(solver)
        if not 0 <= solver.rms_decay < 1:
            raise SolverError(f'rms_decay should lie between 0 and 1. Found {solver.rms_decay:g}')

    def __call__(self, block, g, rate, t, history, scratch):
        (h,) = history
        decay = self.solver.rms_decay
        self.add_square(block, g, 1 - decay, decay, h, scratch)
        self.divide_by_root(block, g, rate, h, scratch)


class AdaDelta(Rule):
    """Steps of the size of former steps: h = r h + (1 - r) g^2; s = g sqrt((x + delta) / (h +
    delta)); x = r x + (1 - r) s^2; w -= a s, with r = momentum

    Source: Zeiler, ADADELTA: an adaptive learning rate method, 2012, algorithm 1; Caffe adds the
    rate a.
    """

    histories = 2  # h of all parameters, then x of all

    def __call__(self, block, g, rate, t, history, scratch):
        h, x = history
        keep = self.solver.momentum
        delta = self.solver.delta
        self.add_square(block, g, 1 - keep, keep, h, scratch)
        for tensor, power in ((x, 0.5), (h, -0.5)):
            block.unary('power', tensor, power, 1, delta, out=scratch)
            block.binary('mul', g, scratch, out=g)
        self.add_square(block, g, 1 - keep, keep, x, scratch)
        block.axpby(rate, g, 0, out=g)


class Adam(Rule):
    """Both moments of the gradient: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    w -= a sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + delta), with b1 = momentum, b2 = momentum2

    Source: Kingma, Ba, Adam: a method for stochastic optimization, 2015, in the form at the end of
    its section 2.
    """

    histories = 2  # m of all parameters, then v of all
    counts = True

    @classmethod
    def check(cls, solver: SolverParameter) -> None:
        super().check(solver)
        for field in ('momentum', 'momentum2'):
            value = getattr(solver, field)
            if not 0 <= value < 1:
                raise SolverError(f'{field} must lie in [0, 1) for Adam, found {value:g}')

    def __call__(self, block, g, rate, t, history, scratch):
        m, v = history
        keep = self.solver.momentum
        keep2 = self.solver.momentum2
        block.axpby(1 - keep, g, keep, out=m)
        self.add_square(block, g, 1 - keep2, keep2, v, scratch)
        block.copy(m, out=g)
        corrected = rate * sqrt(1 - keep2**t) / (1 - keep**t)
        self.divide_by_root(block, g, corrected, v, scratch)


RULES: dict[str, type[Rule]] = {
    rule.__name__: rule for rule in (SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam)
}


def check_rule(solver: SolverParameter) -> None:
    """Raises SolverError for an unknown `type`, and for fields that its rule does not allow."""
    if solver.type not in RULES:
        raise SolverError(
            f'Unknown solver type: {solver.type}{did_you_mean(solver.type, RULES)} '
            f'(known types: {", ".join(sorted(RULES))})'
        )
    RULES[solver.type].check(solver)
