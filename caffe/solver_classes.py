"""The solvers as pycaffe shows them, one class for each update rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import solvers
from ..initializers import fill
from ..proto.caffe_pb2 import SolverParameter
from ..solvers.log.caffe_log import SolverLog
from ..solvers.solver_param import read_solver_param
from .common import common, set_random_seed
from .pycaffe import Net


class Solver:
    """Trains the net of a solver prototxt, its parameters filled by their fillers.

    `net` and `test_nets` are Nets, `param` is the SolverParameter, `iter` counts the updates, `lr`
    is the rate of the next. What happens is written to BVLC's log. `solver` is the goodinit.Solver
    that does the work. Raises GoodinitError.
    """

    type = ''

    def __init__(self, solver_file: str | SolverParameter):
        param = read_solver_param(solver_file)
        param.type = self.type or param.type
        if param.random_seed >= 0:
            set_random_seed(param.random_seed + common.solver_rank)
        self.solver = solvers.Solver(
            param,
            engine=common.engine,
            seed=common.seed(),
            fill=lambda net: fill(net, common.rng),
            report=SolverLog(param.display),
        )
        self.net = Net.of(self.solver.net)
        self.test_nets = [Net.of(net) for net in self.solver.test_nets]

    @property
    def param(self) -> SolverParameter:
        return self.solver.param

    @property
    def iter(self) -> int:
        return self.solver.iter

    @property
    def lr(self) -> float:
        return self.solver.lr

    def solve(self, resume_file: str | None = None) -> None:
        """Train to max_iter, perhaps from a .solverstate."""
        self.solver.solve(resume_file)

    def step(self, n: int) -> None:
        """Train n iterations."""
        self.solver.step(n)

    def restore(self, path: str) -> None:
        """Continue from a .solverstate."""
        self.solver.restore(path)

    def snapshot(self) -> None:
        """Write the weights and the state."""
        self.solver.snapshot()

    def apply_update(self) -> None:
        """Update the parameters by their diffs."""
        self.solver.apply_update()

    def share_weights(self, net: Net) -> None:
        """Let another net compute with this solver's parameters."""
        self.solver.share_weights(net.net)

    def add_callback(
        self, on_start: Callable[[], Any], on_gradients_ready: Callable[[], Any]
    ) -> None:
        """Have these called in each iteration, before the gradients are computed and after."""
        self.solver.callbacks.append((on_start, on_gradients_ready))


class SGDSolver(Solver):
    type = 'SGD'


class NesterovSolver(Solver):
    type = 'Nesterov'


class AdaGradSolver(Solver):
    type = 'AdaGrad'


class RMSPropSolver(Solver):
    type = 'RMSProp'


class AdaDeltaSolver(Solver):
    type = 'AdaDelta'


class AdamSolver(Solver):
    type = 'Adam'


SOLVERS: dict[str, type[Solver]] = {
    'SGD': SGDSolver,
    'Nesterov': NesterovSolver,
    'AdaGrad': AdaGradSolver,
    'RMSProp': RMSPropSolver,
    'AdaDelta': AdaDeltaSolver,
    'Adam': AdamSolver,
}


def get_solver(solver_file: str) -> Solver:
    """The solver whose type the file names. Raises GoodinitError."""
    param = read_solver_param(solver_file)
    solver_class = SOLVERS.get(param.type, Solver)
    return solver_class(param)
