"""All exercises, by number."""

import importlib
import pkgutil

from ..netlib.errors import GoodinitError
from . import exercises
from .exercise import Exercise


def _found() -> dict[str, Exercise]:
    known: dict[str, Exercise] = {}
    for module in pkgutil.iter_modules(exercises.__path__, exercises.__name__ + '.'):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, Exercise):
                known[each.number] = each
    return dict(sorted(known.items(), key=lambda item: place(item[0])))


def place(number: str) -> tuple[int, int]:
    """Page and place of '10.2': (10, 2)."""
    page, _, rank = number.partition('.')
    return int(page), int(rank)


EXERCISES = _found()


def find_exercise(number: str) -> Exercise:
    """The exercise with this number. Raises GoodinitError."""
    if number in EXERCISES:
        return EXERCISES[number]
    raise GoodinitError(
        f"there is no exercise '{number}'; there are {min(EXERCISES, key=place)} to "
        f'{max(EXERCISES, key=place)}, two a page (`goodinit learn` lists them)'
    )


def next_number(number: str) -> str:
    """The number of the exercise after this one; '' after the last."""
    later = [each for each in EXERCISES if place(each) > place(number)]
    return later[0] if later else ''
