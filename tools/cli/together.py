"""A tool on several ranks: only the first one speaks, and what ends one rank ends all."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout

from ...netlib.ranks import Ranks, launched

PATIENCE = 2.0  # seconds in which the first rank may say itself what went wrong, and be heard:
DELIVERY = 0.5  # mpiexec drops what it has not passed on when a rank ends all


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
        print(
            f'{prog}: rank {ranks.rank}: {" ".join(str(error).split())}',
            file=sys.stderr,
            flush=True,
        )
        time.sleep(DELIVERY)
        ranks.abort()


@contextmanager
def silence() -> Iterator[None]:
    """Nothing that is printed within the block is seen."""
    with open(os.devnull, 'w') as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
