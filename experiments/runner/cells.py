"""Running the cells that are not finished, one after the other or several at a time."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from goodinit.proto.errors import GoodinitError

from .description import Cell, Experiment, Protocol
from .errors import ExperimentError
from .run import Advance, Run
from .store import Store

OFTEN = 0.5  # seconds between two reports of a process on its cell


@dataclass(frozen=True)
class Task:
    """Which protocol of which experiment is run, from which data, to which folder, by what."""

    name: str
    experiment: Experiment
    reduced: bool
    data: Path
    out: Path
    engine: str = 'fast'

    @property
    def protocol(self) -> Protocol:
        return self.experiment.protocol(self.reduced)

    @property
    def store(self) -> Store:
        reduced = self.reduced and self.experiment.reduced is not None
        return Store(self.out, self.name, self.protocol, reduced)

    def check_data(self) -> None:
        """Raises ExperimentError if a data set is missing."""
        for data_set in self.experiment.needs:
            data_set.find(self.data)


class Watcher:
    """What is told about cells while they run; this one does nothing about it."""

    def advance(self, cell: Cell, share: float) -> None:
        """This share of a cell is done, from 0 to 1."""

    def end(self, cell: Cell, seconds: float) -> None:
        """A cell is finished, and took so long."""


def run_cells(task: Task, cells: Sequence[Cell], jobs: int, watcher: Watcher) -> None:
    """Measure these cells, `jobs` at a time, and keep what they find."""
    if jobs > 1:
        run_beside(task, list(cells), jobs, watcher)
        return
    for cell in cells:
        seconds = run_cell(task, cell, partial(watcher.advance, cell))
        watcher.end(cell, seconds)


def run_cell(task: Task, cell: Cell, advance: Advance) -> float:
    """Measure a cell and keep what it finds; returns the seconds that it took, in this process."""
    store = task.store
    run = Run(
        settings={**task.protocol.numbers, **cell.settings},
        data=task.data,
        work=store.work(cell),
        engine=task.engine,
        advance=advance,
    )
    start = perf_counter()
    found = task.experiment.measure(run)
    seconds = perf_counter() - start
    store.keep(cell, found, seconds)
    return seconds


# -- several at a time


def run_beside(task: Task, waiting: list[Cell], jobs: int, watcher: Watcher) -> None:
    """A process for each cell, `jobs` of them at a time. What ends this process ends them too."""
    share_processors(jobs)
    running: dict[Any, Worker] = {}  # by its pipe
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                worker = Worker(task, waiting.pop(0))
                running[worker.events] = worker
            for events in wait(list(running)):
                if running[events].hear(watcher):
                    del running[events]
    finally:
        for worker in running.values():
            worker.process.terminate()
            worker.process.join()


def share_processors(jobs: int) -> None:
    """Let each of so many processes that start from now on compute on its share, unless
    OMP_NUM_THREADS is set."""
    share = (os.cpu_count() or 1) // jobs
    os.environ.setdefault('OMP_NUM_THREADS', str(max(share, 1)))


class Worker:
    """A process that measures one cell, and the pipe through which it tells how far it is."""

    def __init__(self, task: Task, cell: Cell):
        context = get_context('spawn')
        self.cell = cell
        self.events, telling = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(task, cell, telling))
        self.process.start()
        telling.close()

    def hear(self, watcher: Watcher) -> bool:
        """Pass on what the process says; returns whether it is done. Raises ExperimentError if it
        has failed."""
        try:
            kind, value = self.events.recv()
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            raise ExperimentError(f'cell {self.cell.name}: its process ended ({code})') from None
        if kind == 'advance':
            watcher.advance(self.cell, value)
            return False
        self.process.join()
        if kind == 'failed':
            raise ExperimentError(f'cell {self.cell.name}: {value}')
        watcher.end(self.cell, value)
        return True


def work(task: Task, cell: Cell, telling: Any) -> None:
    """What the process of a cell does. Ctrl-C is for the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    last = monotonic()

    def advance(share: float) -> None:
        nonlocal last
        if monotonic() - last > OFTEN:
            last = monotonic()
            telling.send(('advance', share))

    try:
        seconds = run_cell(task, cell, advance)
    except GoodinitError as error:
        telling.send(('failed', str(error)))
    else:
        telling.send(('end', seconds))
