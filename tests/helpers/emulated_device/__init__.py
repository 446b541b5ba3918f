"""A CUDA device for tests on machines that have none: PyCUDA runs on it unmodified (README.md)."""

import ctypes
import hashlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from .builder import HERE, LIBRARIES, build, sources


def install() -> str:
    """Give this process a CUDA device; call it before `pycuda.driver` is imported.

    Returns 'real' where the machine has NVIDIA's driver. Elsewhere loads the emulated device, which
    g++ builds at the first use, and returns 'emulated'; processes started from this one have it,
    too. Raises ModuleNotFoundError without PyCUDA, FileNotFoundError without g++ or CUDA's headers,
    RuntimeError if the device cannot be built.
    """
    if not importlib.util.find_spec('pycuda'):
        raise ModuleNotFoundError(f'PyCUDA is not installed: .ci/pycuda {sys.executable}')
    try:
        driver = ctypes.CDLL('libcuda.so.1')
    except OSError:
        load(built())
        return 'emulated'
    return 'emulated' if hasattr(driver, 'cuda_is_emulated') else 'real'


def built() -> Path:
    """Return the cached folder with the device, built now if its sources are new."""
    digest = hashlib.sha256(f'{sys.executable} {HERE}'.encode())
    for path in sources():
        digest.update(path.read_bytes())
    cache = Path(
        os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'goodinit-emulated-device'
    )
    folder = cache / digest.hexdigest()[:16]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as work:
            build(Path(work))
            publish(Path(work), folder)
    return folder


def publish(work: Path, folder: Path) -> None:
    """Give the finished folder its name, unless another process was faster."""
    try:
        work.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def load(folder: Path) -> None:
    """Load the device's libraries; PyCUDA, asking for them by name, gets these."""
    for library in LIBRARIES:
        ctypes.CDLL(str(folder / 'lib' / library), ctypes.RTLD_GLOBAL)
    for variable, path in ('PATH', folder / 'bin'), ('LD_LIBRARY_PATH', folder / 'lib'):
        os.environ[variable] = os.pathsep.join(filter(None, [str(path), os.environ.get(variable)]))
    os.environ['PYCUDA_DISABLE_CACHE'] = '1'  # its key does not know the device's sources
