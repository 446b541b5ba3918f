"""One training at a time writes snapshots with a prefix."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from ..netlib.errors import SolverError
from ..proto.caffe_pb2 import SolverParameter


@contextmanager
def one_training(param: SolverParameter, rank: int = 0) -> Iterator[None]:
    """A context in which no other process enters it for the same snapshot_prefix, unless neither
    writes snapshots. Raises SolverError if one is in it.

    The lock is a hidden file beside the snapshots; a killed process leaves the file, unlocked.
    """
    writes = param.snapshot or param.snapshot_after_train
    if fcntl is None or rank or not writes:
        yield
        return
    folder, name = os.path.split(os.path.realpath(param.snapshot_prefix))
    path = os.path.join(folder, f'.{name}.training')
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # no such folder, or a read-only one: the snapshots will say so
        yield
        return
    try:
        _take(lock, param.snapshot_prefix)
        try:
            yield
        finally:
            with suppress(OSError):
                os.remove(path)
    finally:
        os.close(lock)


def _take(lock: int, prefix: str) -> None:
    """Lock the file and write the number of this process into it. Raises SolverError."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(lock, 20).decode('ascii', 'replace') or '?'
        raise SolverError(
            f"process {other} is training with the snapshot_prefix '{prefix}': wait for it, or "
            'give this training another prefix'
        ) from None
    except OSError:  # a file system without locks
        return
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
