"""A training on a terminal, from its start to its end."""

from collections.abc import Sequence
from contextlib import ExitStack

from ...solvers import Event, Solver
from ..plots.monitor import Monitor
from .progress import Progress
from .signals import Signals


def solve(solver: Solver, monitors: Sequence[Monitor] = ()) -> None:
    """Train to the end, with a line for each event and a progress bar; signals stop it after a
    snapshot."""
    with Signals(sigterm='stop') as signals, Progress(solver) as progress, ExitStack() as watching:
        listeners: list[Progress | Monitor] = [progress]
        for monitor in monitors:
            listeners.append(watching.enter_context(monitor))

        def report(event: Event) -> None:
            for each in listeners:
                each.tell(event)

        def request() -> str | None:
            for each in listeners:
                each.advance()
            return signals.request()

        solver.report, solver.request = report, request
        solver.solve()
