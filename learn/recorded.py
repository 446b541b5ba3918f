"""The recorded cases of an exercise: arguments and results, as JSON.

An array is {"array": nested lists, "dtype": its type}; all else is as JSON has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..proto.files import atomic_write
from .exercise import Case, Exercise

FOLDER = Path(__file__).with_name('cases')

Parts = Mapping[str, np.ndarray]


class Recorded(NamedTuple):
    """A case and what our solution made of it, part by part."""

    case: Case
    expected: Parts


def path_of(exercise: Exercise) -> Path:
    return FOLDER / f'{exercise.number}.json'


def read_cases(exercise: Exercise) -> list[Recorded]:
    """The recorded cases of an exercise."""
    text = path_of(exercise).read_text(encoding='utf-8')
    found = json.loads(text, object_hook=decoded)
    return [Recorded(each['case'], each['expected']) for each in found]


def write_cases(exercise: Exercise, cases: Iterable[Recorded]) -> None:
    """Record cases: one a line."""
    lines = [json.dumps(each._asdict(), default=encoded) for each in cases]
    with atomic_write(path_of(exercise), 'w') as file:
        file.write('[\n' + ',\n'.join(lines) + '\n]\n')


def encoded(value: Any) -> Any:
    """An array, or a number of NumPy's, for JSON."""
    if isinstance(value, np.ndarray):
        return {'array': value.tolist(), 'dtype': value.dtype.name, 'shape': list(value.shape)}
    return value.item()


def decoded(found: dict[str, Any]) -> Any:
    """The array again."""
    if 'array' not in found:
        return found
    return np.array(found['array'], found['dtype']).reshape(found['shape'])
