"""python -m goodinit.learn.child NUMBER FILE ANSWER: run a reader's file, write the verdict on it.

Only trial.py calls it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .catalog import find_exercise
from .exercise import Exercise
from .judging import wrong_lines
from .recorded import read_cases
from .trial import Verdict, failed


def main(argv: Sequence[str]) -> None:
    number, file, answer = argv
    verdict = judge_file(find_exercise(number), Path(file))
    Path(answer).write_text(json.dumps(verdict._asdict()), encoding='utf-8')


def judge_file(exercise: Exercise, file: Path) -> Verdict:
    """The verdict on the solution in a file."""
    cases = read_cases(exercise)
    try:
        module = load(file)
        if not hasattr(module, exercise.name):
            return failed(f'it does not define `{exercise.name}`')
        lines = wrong_lines(exercise, getattr(module, exercise.name), cases)
    except Exception as error:
        return failed(blame(error, file))
    return Verdict(not lines, len(cases), lines)


def load(file: Path) -> ModuleType:
    """The reader's file as a module, which may import its neighbors."""
    sys.path.insert(0, str(file.parent.resolve()))
    module = ModuleType('solution')
    module.__file__ = str(file)
    code = compile(file.read_bytes(), str(file), 'exec')
    exec(code, module.__dict__)
    return module


def blame(error: Exception, file: Path) -> str:
    """What an exception says, with the last line of the reader's file that it passed through."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f'{file}:{error.lineno}: SyntaxError: {error.msg}'
    lines = [frame.lineno for frame in frames(error) if frame.filename == str(file)]
    where = f'{file}:{lines[-1]}' if lines else str(file)
    if isinstance(error, NotImplementedError) and lines:
        return f'{where}: still to be written'
    return f'{where}: {type(error).__name__}: {" ".join(str(error).split())}'


def frames(error: Exception) -> Any:
    return traceback.extract_tb(error.__traceback__)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)  # the command says so
