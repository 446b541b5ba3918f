"""The report of a training while it runs: the loss, the learning rate, what tests found, and how
fast each layer changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

from ...netlib.errors import DataError
from ...solvers import Event, Solver, Tested
from ..cli.report import finite
from ..plots.monitor import Monitor
from .curves import findings_of, updates_of_layers
from .mending import mending_training
from .numbers import Numbers, as_json, heading, layers_of_net
from .page import read_numbers, write_report

SHARE = 0.05  # of the time may go into the page
CURVES = ('iterations', 'losses', 'learning_rates')


class TrainingReport(Monitor):
    """A context that keeps the page of a training current, as Monitor does a picture. The numbers
    are in the page: a run that is resumed reads its curves from there."""

    option = '--report'
    share = SHARE

    def __init__(
        self, solver: Solver, path: str | Path, every: int, command: Sequence[str], start: str
    ):
        """start: from what the weights are, as 'lsuv' or 'fillers'."""
        super().__init__(solver, path, every)
        self.command = command
        self.start = start
        self.learning_rates: list[float | None] = []
        self.tests: list[Numbers] = []
        self.running = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.running = False
        super().__exit__(kind, error, trace)

    def tell(self, event: Event) -> None:
        """Keep what a test found: the means of its outputs of one element."""
        super().tell(event)
        if isinstance(event, Tested):
            for output in event.outputs:
                if output.values.size == 1:
                    value = finite(output.values.item())
                    about = {'iteration': event.iter, 'net': event.net}
                    self.tests.append({**about, 'output': output.name, 'value': value})

    def _record(self, i: int) -> None:
        super()._record(i)
        self.learning_rates.append(finite(self.solver.lr))

    # -- the page

    def _resume(self) -> None:
        """Take up the curves of an earlier run of the same net, up to the iteration reached."""
        if not self.solver.iter or not Path(self.path).exists():
            return
        try:
            found = read_numbers(self.path)['training']
        except (DataError, KeyError):
            return  # another report, which this one replaces
        if list(found['rates']) != list(self.rates):
            return
        kept = sum(i < self.solver.iter for i in found['iterations'])
        for name in CURVES:
            setattr(self, name, found[name][:kept])
        self.rates = {name: values[:kept] for name, values in found['rates'].items()}
        self.tests = [test for test in found['tests'] if test['iteration'] < self.solver.iter]

    def _write_files(self) -> None:
        write_report(self.path, self.page_numbers())

    def page_numbers(self) -> Numbers:
        """What the page shows, and carries."""
        solver = self.solver
        training = {name: getattr(self, name) for name in CURVES}
        training |= {'rates': self.rates, 'tests': self.tests, 'running': self.running}
        about = [
            ('start', self.start),
            ('iteration', f'{solver.iter} of {solver.param.max_iter}'),
            ('seed', str(max(solver.param.random_seed, 0))),
        ]
        types = {layer.name: layer.type for layer in solver.net.layers}
        findings = findings_of(training)
        if self.start != 'fillers':
            findings = [replace(each, flags=()) for each in findings]
        return {
            **heading(solver.net, 'training', about, self.command),
            'layers': updates_of_layers(self.rates, types),
            'net': layers_of_net(solver.net.param, solver.net),
            'findings': as_json(findings, partial(mending_training, self.command)),
            'notes': [],
            'training': training,
        }
