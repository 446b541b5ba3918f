"""python -m goodinit.learn.record: run our solutions, and write cases/*.json."""

from __future__ import annotations

from copy import deepcopy

from .catalog import EXERCISES
from .exercise import Exercise
from .judging import parts_of
from .recorded import Recorded, write_cases


def record(exercise: Exercise) -> list[Recorded]:
    """What our solution of an exercise makes of its cases."""
    found = []
    for case in exercise.cases:
        result = exercise.run(exercise.solution, deepcopy(dict(case)))
        found.append(Recorded(case, parts_of(result, exercise.returns)))
    return found


def main() -> None:
    for exercise in EXERCISES.values():
        write_cases(exercise, record(exercise))


if __name__ == '__main__':
    main()
