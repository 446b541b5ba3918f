"""What the numbers of a benchmark depend on besides its code, and the file that they go to."""

import argparse
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from goodinit.netlib.engines.fast import load
from goodinit.netlib.engines.fast.declarations import Kernels
from goodinit.netlib.engines.fast.native import NoKernels

RESULTS = Path(__file__).parent / 'results'


def dated_path(name: str, folder: Path | None = None) -> Path:
    """results/DATE-NAME, for a file that is written now."""
    folder = folder or RESULTS
    folder.mkdir(exist_ok=True)
    return folder / f'{datetime.now(UTC):%Y-%m-%d-%H%M}-{name}'


def write_numbers(name: str, numbers: Mapping[str, object], folder: Path | None = None) -> Path:
    """Write results/DATE-NAME.json, print its path and return it."""
    path = dated_path(f'{name}.json', folder)
    path.write_text(json.dumps(about() | dict(numbers), indent=1) + '\n', encoding='utf-8')
    print(path)
    return path


def about() -> dict[str, object]:
    """When and where numbers are written."""
    return {'date': f'{datetime.now(UTC):%Y-%m-%d %H:%M} UTC', 'machine': machine()}


def machine() -> dict[str, str | int | float | None]:
    """The processor, the system and the versions; `load` is that of other processes once the runs
    have ended."""
    return {
        'cpu': processor(),
        'cores': os.cpu_count(),
        'load': os.getloadavg()[0],
        'system': platform.platform(),
        'python': platform.python_version(),
        'numpy': version('numpy'),
        'scipy': version('scipy'),
        'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS'),
    }


def positive(text: str) -> int:
    """A type of an argument: a number of repeats, at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'found {number}, needed: at least 1')
    return number


def compiled_kernels() -> Kernels:
    """The kernels of the fast engine."""
    try:
        return load()
    except NoKernels as error:
        raise SystemExit(str(error)) from error


def processor() -> str:
    """The model's name, where Linux tells it."""
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor()


def environment() -> dict[str, str]:
    """The user's environment, with OpenBLAS free to choose its kernels for the processor."""
    return {name: value for name, value in os.environ.items() if name != 'OPENBLAS_CORETYPE'}
