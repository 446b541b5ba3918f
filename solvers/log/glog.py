"""The format of Google's glog, which BVLC Caffe writes and scripts read.

    I1120 12:00:00.123456 25210 solver.cpp:239] Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 1

A head has the level, the month and day (two digits each, as parse_log.py expects), the time, the
process, and the file and line of BVLC's source that writes the message.
"""

import getpass
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from ...netlib.errors import DataError

LEVELS = 'IWEF'  # info, warning, error, fatal
SILENCE = 'GLOG_minloglevel'  # glog's own spelling


@dataclass
class Settings:
    """Where messages go: those of the level `minloglevel` and above to `file`, if there is one, and
    of these the ones of `stderrthreshold` and above to stderr. The variable GLOG_minloglevel of the
    environment stands for a minloglevel of None."""

    minloglevel: int | None = None
    stderrthreshold: int = 0
    log_prefix: bool = True
    file: TextIO | None = None

    @property
    def least(self) -> int:
        """The lowest level that is not silenced."""
        if self.minloglevel is not None:
            return self.minloglevel
        least = os.environ.get(SILENCE, '0')
        return int(least) if least.isdigit() else 0


_settings = Settings()


@contextmanager
def logging(settings: Settings) -> Iterator[None]:
    """Log with these settings within the block."""
    global _settings
    before, _settings = _settings, settings
    try:
        yield
    finally:
        _settings = before


def log(place: str, text: str, level: str = 'I') -> None:
    """Write a message to stderr. `place` is BVLC's file and line, such as 'solver.cpp:239'.

    Only the first line of a text gets a head. See Settings for what silences it.
    """
    rank = LEVELS.index(level)
    if rank < _settings.least:
        return
    time = datetime.now()
    head = f'{level}{time:%m%d %H:%M:%S.%f} {os.getpid():5d} {place}] '
    line = f'{head if _settings.log_prefix else ""}{text}\n'
    if rank >= _settings.stderrthreshold:
        sys.stderr.write(line)
    if _settings.file:
        _settings.file.write(line)
        _settings.file.flush()


@contextmanager
def log_file(folder: str, program: str) -> Iterator[TextIO]:
    """A new file in the folder, named as glog names it, and the link <program>.INFO to it. Raises
    DataError."""
    time = datetime.now()
    host = socket.gethostname()
    with suppress(KeyError, OSError):  # a container may not know its user
        host = f'{host}.{getpass.getuser()}'
    name = f'{program}.{host}.log.INFO.{time:%Y%m%d-%H%M%S}.{os.getpid()}'
    path = os.path.join(folder, name)
    link = os.path.join(folder, f'{program}.INFO')
    try:
        file = open(path, 'w', encoding='utf-8')  # noqa: SIM115 - closed below
    except OSError as error:
        raise DataError(f'--log_dir: cannot write {path}: {error.strerror}') from error
    with file:
        file.write(f'Log file created at: {time:%Y/%m/%d %H:%M:%S}\n')
        _link(name, link)
        yield file


def _link(name: str, link: str) -> None:
    """Let a link of glog's name lead to the file; a file of another's at its place stays."""
    with suppress(OSError):
        if os.path.islink(link):
            os.remove(link)
        os.symlink(name, link)


def number(value: float) -> str:
    """A number as C++ streams print it: six significant digits."""
    return f'{value:g}'
