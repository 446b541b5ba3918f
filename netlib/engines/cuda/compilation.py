"""Compiling a source of kernels by nvcc, once for all processes that share PyCUDA's cache."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from ...errors import EngineError, import_extra

LOCK = 'goodinit.lock'


def compile_source(name: str, source: str) -> Any:
    """The compiled module of a source, which errors call `name`. Raises EngineError without nvcc,
    or if it refuses the source."""
    compiler: Any = import_extra('pycuda.compiler', 'cuda')
    from pycuda.driver import CompileError

    try:
        with one_process() as cache:
            return compiler.SourceModule(source, cache_dir=cache)
    except CompileError as error:
        said = (error.stderr or error.msg).strip().splitlines() or ['']
        raise EngineError(
            f"engine 'cuda': nvcc cannot compile the kernels of {name}.cu: {said[0]}. Needed: a "
            'CUDA toolkit that knows this GPU'
        ) from error
    except OSError as error:
        raise EngineError(
            f"engine 'cuda' needs nvcc to compile its kernels: {error}. "
            'Install the CUDA toolkit, or put its folder bin on the PATH'
        ) from error


@contextmanager
def one_process() -> Iterator[str | bool]:
    """A context for one process at a time, with the folder of PyCUDA's cache. PyCUDA writes there
    in place, so another process could read half a file.

    False stands for no cache: it is switched off, or the folder cannot be written to.
    """
    lock = None
    if 'PYCUDA_DISABLE_CACHE' not in os.environ:
        lock = open_lock(cache_folder() / LOCK)
    if lock is None:
        yield False
        return
    try:
        if fcntl is not None:
            take(lock)
        yield str(cache_folder())
    finally:
        os.close(lock)


def cache_folder() -> Path:
    """Where PyCUDA keeps what it has compiled."""
    given = os.environ.get('PYCUDA_CACHE_DIR')
    if given:
        return Path(given)
    platformdirs: Any = import_extra('platformdirs', 'cuda')
    return Path(platformdirs.user_cache_dir('pycuda', 'pycuda'), 'compiler-cache-v1')


def open_lock(path: Path) -> int | None:
    """The file, made if need be; None where it cannot be written to, which costs the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return None


def take(lock: int) -> None:
    """Wait for the lock, which closing the file gives back."""
    with suppress(OSError):  # of a file system without locks
        fcntl.flock(lock, fcntl.LOCK_EX)
