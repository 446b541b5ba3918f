"""The exercises of the book: tasks, recorded cases, and the check of a reader's solution.

exercise.py says what an exercise is. exercises/ has two for each page of docs/learn, with our own
solutions and the mistakes that people make; cases/ has what our solutions gave, recorded by `python
-m goodinit.learn.record`. judging.py compares a reader's results with them, trial.py does it in a
process of its own, with a limit of time.
"""

from .catalog import EXERCISES, find_exercise
from .exercise import PAGES, Exercise, Mistake, Wrong, page_of
from .trial import Verdict, try_solution

__all__ = [
    'EXERCISES',
    'PAGES',
    'Exercise',
    'Mistake',
    'Verdict',
    'Wrong',
    'find_exercise',
    'page_of',
    'try_solution',
]
