"""Compares what a solution returns with what was recorded, and says what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from ..netlib.shapes import dimensions
from .exercise import Case, Exercise, Mistake, Wrong
from .recorded import Parts, Recorded

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # solutions may compute in float32
LONG = 60  # characters of an argument that are shown
FEW = 6  # numbers of an array


def wrong_lines(exercise: Exercise, found: Any, cases: Sequence[Recorded]) -> list[str]:
    """What is wrong with a solution, for people; an empty list if nothing is.

    An exception that the solution raises passes through.
    """
    results = []
    wrong = []
    for each in cases:
        result = outcome(exercise, found, each)
        results.append(result)
        text = problem(result, each)
        if text:
            wrong.append((text, result, each))
    if not wrong:
        return []
    text, result, first = wrong[0]
    explanation = explained(exercise, results, cases) or relation(result, first.expected)
    lines = [
        call_text(exercise, first.case),
        text,
        explanation,
        f'wrong in {len(wrong)} of {len(cases)} cases',
    ]
    return [line for line in lines if line]


def outcome(exercise: Exercise, found: Any, recorded: Recorded) -> Parts | Wrong:
    """What a solution makes of a case."""
    case = deepcopy(dict(recorded.case))
    try:
        return parts_of(exercise.run(found, case), exercise.returns)
    except Wrong as wrong:
        return wrong


def parts_of(result: Any, names: Sequence[str]) -> Parts:
    """A result as arrays with names. Raises Wrong for one that has other parts."""
    if result is None:
        raise Wrong('it returned None: is there a `return`?')
    if len(names) == 1:
        return {names[0]: array_of(names[0], result)}
    if not isinstance(result, tuple | list) or len(result) != len(names):
        raise Wrong(
            f'it returned {kind_of(result)}; needed: a tuple of {len(names)}, ({", ".join(names)})'
        )
    return {name: array_of(name, part) for name, part in zip(names, result, strict=True)}


def kind_of(result: Any) -> str:
    if isinstance(result, tuple | list):
        return f'a {type(result).__name__} of {len(result)}'
    return f'one {type(result).__name__}'


def array_of(name: str, part: Any) -> np.ndarray:
    """A part as an array of numbers. Raises Wrong for anything else."""
    try:
        array = np.asarray(part)
    except ValueError:
        raise Wrong(f'{name} is no array: its rows have different lengths') from None
    if array.dtype.kind not in 'biuf':
        raise Wrong(f'{name} is {type(part).__name__}; needed: numbers')
    return array


def problem(result: Parts | Wrong, recorded: Recorded) -> str:
    """What is wrong with a result; '' for nothing."""
    if isinstance(result, Wrong):
        return str(result)
    for name, part in result.items():
        text = difference(name, part, recorded.expected[name])
        if text:
            return text
    return ''


def difference(name: str, found: np.ndarray, expected: np.ndarray) -> str:
    """How a part differs from what is needed; '' if it does not."""
    if found.shape != expected.shape:
        return f'{name} has the shape {shape_text(found)}; needed: {shape_text(expected)}'
    off = ~np.isclose(found, expected, RELATIVE, ABSOLUTE)
    if not off.any():
        return ''
    at = tuple(np.argwhere(off)[0].tolist())
    values = f'{found[at]:.6g}; needed: {expected[at]:.6g}'
    if not at:
        return f'{name} is {values}'
    count = f'{off.sum()} of {off.size} numbers differ'
    return f'{name} at {list(at)} is {values} ({count})'


def shape_text(array: np.ndarray) -> str:
    return dimensions(array.shape) if array.ndim else 'of a single number'


def agrees(result: Parts | Wrong, other: Parts | Wrong) -> bool:
    """Whether two results are the same."""
    if isinstance(result, Wrong) or isinstance(other, Wrong):
        return str(result) == str(other)
    return not any(difference(name, part, other[name]) for name, part in result.items())


def explained(
    exercise: Exercise, results: Sequence[Parts | Wrong], cases: Sequence[Recorded]
) -> str:
    """The sentence about the mistake that gives just these results; '' if none does."""
    for mistake in exercise.mistakes:
        made = made_by(exercise, mistake, cases)
        if len(made) == len(results) and all(map(agrees, results, made)):
            return mistake.sentence
    return ''


def made_by(exercise: Exercise, mistake: Mistake, cases: Sequence[Recorded]) -> list[Parts | Wrong]:
    return [outcome(exercise, mistake.solution, each) for each in cases]


def relation(result: Parts | Wrong, expected: Parts) -> str:
    """A simple relation between a wrong result and the right one; '' if there is none."""
    if isinstance(result, Wrong):
        return ''
    for name, found in result.items():
        if difference(name, found, expected[name]):
            return next(relations(name, found, expected[name]), '')
    return ''


def relations(name: str, found: np.ndarray, expected: np.ndarray) -> Iterator[str]:
    """What a wrong part is of the right one."""
    if found.ndim == 2 and not difference(name, found.T, expected):
        yield f'{name} is the transpose of what is needed'
    if found.shape != expected.shape or not np.isfinite(found).all() or not expected.any():
        return
    factor = float((found * expected).sum() / (expected * expected).sum())
    if factor and not difference(name, found / factor, expected):
        yield f'every number of {name} is {factor:.4g} times what is needed'


def call_text(exercise: Exercise, case: Case) -> str:
    """The call, as a reader would type it, with arrays as their shapes."""
    arguments = [f'{name}={value_text(value)}' for name, value in case.items()]
    return f'{exercise.name}({", ".join(arguments)})'


def value_text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        small = value.ndim and value.size <= FEW
        return str(value.tolist()) if small else f'<{dimensions(value.shape)}>'
    text = ' '.join(repr(value).split())
    return text if len(text) <= LONG else f'{text[:LONG]}...'
