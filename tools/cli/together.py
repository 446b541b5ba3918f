"""A tool on several ranks: only the first one prints, and an error on one rank ends all."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout

from ...netlib.ranks import Ranks, launched

PATIENCE = 2.0  # seconds that the other ranks wait: the first may report the error itself
DELIVERY = 0.5  # seconds for mpiexec to pass a message on: it drops the rest when a rank ends all


@contextmanager
def together(prog: str) -> Iterator[Ranks]:
    """The processes that `mpiexec` started with this one, or this one alone. Raises GoodinitError
    without mpi4py."""
    ranks = launched()
    if ranks.size == 1:
        yield ranks
        return
    try:
        with silence() if ranks.rank else nullcontext():
            yield ranks
    except Exception as error:
        time.sleep(PATIENCE if ranks.rank else 0)
        message = ' '.join(str(error).split())
        print(f'{prog}: rank {ranks.rank}: {message}', file=sys.stderr, flush=True)
        time.sleep(DELIVERY)
        ranks.abort()


@contextmanager
def silence() -> Iterator[None]:
    """Discard all that is printed within the block."""
    with open(os.devnull, 'w') as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
