"""SIGINT, SIGHUP and SIGTERM as requests to a solver, which reads them between two iterations."""

from __future__ import annotations

import signal
from types import TracebackType

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
