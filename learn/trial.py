"""Tries a reader's solution in a process of its own: an endless loop, or an end of the process,
harms nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from ..netlib.errors import GoodinitError
from .exercise import Exercise

SECONDS = 20.0
MODULE = 'goodinit.learn.child'


class Verdict(NamedTuple):
    """Whether a solution is right, over how many cases, and lines that say what is wrong."""

    right: bool
    cases: int
    lines: list[str]


def try_solution(exercise: Exercise, file: Path, seconds: float = SECONDS) -> Verdict:
    """Check the solution in a file. What it prints goes where ours goes. Raises GoodinitError if
    there is no such file."""
    if not file.is_file():
        raise GoodinitError(f'{file}: there is no such file (`goodinit learn start` makes one)')
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, 'verdict.json')
        command = [sys.executable, '-m', MODULE, exercise.number, str(file), str(answer)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=seconds)
        except subprocess.TimeoutExpired:
            return failed(f'it ran longer than {seconds:g} seconds: is there a loop without end?')
        if not answer.is_file():
            status = done.returncode
            return failed(f'it ended the process, with status {status}, before it returned')
        return Verdict(**json.loads(answer.read_text(encoding='utf-8')))


def failed(line: str) -> Verdict:
    return Verdict(False, 0, [line])
