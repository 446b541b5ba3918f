"""The fields of a data layer here: param_str of a Python layer, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from ..netlib.errors import DataError, did_you_mean

Fields = TypeVar('Fields')
KINDS: Mapping[Any, str] = {
    str: 'a text',
    int: 'a whole number',
    float: 'a number',
    bool: 'true or false',
    tuple[int, ...]: 'a list of whole numbers',
    tuple[float, float]: 'a list of 2 numbers',
    tuple[float, float, float]: 'a list of 3 numbers',
}


def read_fields(kind: type[Fields], text: str) -> Fields:
    """A dataclass from JSON, such as '{"batch_size": 10}'. Raises DataError for text that is not,
    and for a field that is unknown, missing or of another type."""
    try:
        given = json.loads(text or '{}')
    except ValueError as error:
        raise DataError(f'param_str: not JSON ({error}): {text!r}') from error
    if not isinstance(given, dict):
        raise DataError(f'param_str: found {text!r}, needed: fields, {{"name": value, ...}}')
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise DataError(f"param_str: no field '{name}'{did_you_mean(name, known)}")
    found = {}
    for name, field in known.items():
        if name in given:
            found[name] = _value(given[name], field.type, name)
        elif field.default is MISSING:
            raise DataError(f'param_str: {name} is missing; needed: {KINDS[field.type]}')
    return kind(**found)


def _value(given: Any, kind: Any, name: str) -> Any:
    """A JSON value as a field's type."""
    if kind in (str, int, bool) and type(given) is kind:
        return given
    if kind == tuple[int, ...] and isinstance(given, list):
        are_whole = all(type(each) is int for each in given)
        if given and are_whole:
            return tuple(given)
    if kind is float and _is_number(given):
        return float(given)
    length = len(getattr(kind, '__args__', ()))  # of a tuple
    if length and isinstance(given, list) and len(given) == length:
        are_numbers = all(map(_is_number, given))
        if are_numbers:
            return tuple(map(float, given))
    raise DataError(f'param_str: {name}: found {json.dumps(given)}, needed: {KINDS[kind]}')


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)
