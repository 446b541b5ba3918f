"""SIGINT, SIGHUP and SIGTERM: as requests to a solver, which reads them between two iterations, and
as exceptions that end a command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

ENDING = ('SIGTERM', 'SIGHUP')


class Ended(BaseException):
    """A signal that ends the process, as an exception: files that are half written are removed."""

    def __init__(self, number: int):
        super().__init__(f'ended by {signal.Signals(number).name}')
        self.number = number


@contextmanager
def ending_signals() -> Iterator[None]:
    """A context in which SIGTERM and SIGHUP raise Ended where they would end the process. The first
    of them counts; what cleans up then is not disturbed."""
    taken = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
        taken = [n for n in numbers if signal.getsignal(n) == signal.SIG_DFL]

    def end(number: int, frame: FrameType | None) -> None:
        for n in taken:
            signal.signal(n, signal.SIG_IGN)
        raise Ended(number)

    for n in taken:
        signal.signal(n, end)
    try:
        yield
    finally:
        for n in taken:
            signal.signal(n, signal.SIG_DFL)


EFFECTS = ('snapshot', 'stop', 'none')


class Signals:
    """A context in which a signal becomes a request, 'snapshot' or 'stop'; with 'none' it is
    ignored.

    SIGTERM, with which a cluster takes its machines back, ends the process as usual if no effect is
    given. A second SIGINT after one that asked to stop interrupts at once. Only the main thread may
    enter the context.
    """

    def __init__(self, sigint: str = 'stop', sighup: str = 'snapshot', sigterm: str | None = None):
        wanted = {'SIGINT': sigint, 'SIGHUP': sighup, 'SIGTERM': sigterm}
        self.effects: dict[int, str] = {}
        for name, effect in wanted.items():
            if effect and hasattr(signal, name):  # Windows has no SIGHUP
                self.effects[getattr(signal, name)] = effect
        self.pending: str | None = None

    def request(self) -> str | None:
        """What was asked for since the last call; a snapshot does not replace a stop."""
        pending = self.pending
        self.pending = None
        return pending

    def __enter__(self) -> Signals:
        self.before = {n: signal.signal(n, self._receive) for n in self.effects}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for n, handler in self.before.items():
            signal.signal(n, handler)

    def _receive(self, n, frame):
        effect = self.effects[n]
        if effect == 'none' or self.pending == 'stop':
            return
        self.pending = effect
        if effect == 'stop' and n == signal.SIGINT:
            signal.signal(n, signal.default_int_handler)
