"""The options of RegionData: JSON in the layer's param_str."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..netlib.errors import DataError, did_you_mean
from .region_sampler import Sampling


@dataclass(frozen=True)
class Where:
    """Where the photographs and their regions are.

    devkit   the folder VOCdevkit
    split    train, val, trainval or test
    regions  a folder, .mat or .npz, as regions.open_regions takes it
    year     of the devkit
    first    take only so many photographs of the split; 0: all
    """

    devkit: str
    split: str
    regions: str
    year: int = 2007
    first: int = 0


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_count(value: Any) -> bool:
    return is_whole(value) and value > 0


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_share, value))


def is_scales(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_count, value))


def is_mean(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(is_number, value))


def is_switch(value: Any) -> bool:
    return isinstance(value, bool)


TEXT = (is_text, 'a text')
COUNT = (is_count, 'a whole number above 0')
# What each option may be, and how messages say it.
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    'devkit': TEXT,
    'split': TEXT,
    'regions': TEXT,
    'year': COUNT,
    'first': (is_whole, 'a whole number, 0 for all'),
    'images': COUNT,
    'regions_per_image': COUNT,
    'foreground': (is_share, 'a share from 0 to 1'),
    'background': (is_range, 'two overlaps from 0 to 1, such as [0.1, 0.5]'),
    'mirror': (is_switch, 'true or false'),
    'scales': (is_scales, 'pixels of the short side, such as [480, 600]'),
    'longest': COUNT,
    'mean': (is_mean, 'three numbers: blue, green, red'),
}
NEEDED = ('devkit', 'split', 'regions')


def read_options(text: str) -> tuple[Where, Sampling]:
    """The options in a param_str. Raises DataError."""
    given = read_json(text)
    for name, value in given.items():
        check_option(name, value)
    for name in NEEDED:
        if name not in given:
            raise DataError(f'param_str: has no "{name}"')
    return Where(**chosen(given, Where)), Sampling(**chosen(given, Sampling))


def read_json(text: str) -> dict[str, Any]:
    example = '{"devkit": "VOCdevkit", "split": "trainval", "regions": "regions"}'
    try:
        given = json.loads(text)
    except ValueError as error:
        raise DataError(f'param_str: is not JSON ({error}); needed: such as {example}') from error
    if not isinstance(given, dict):
        raise DataError(f'param_str: found {text}, needed: such as {example}')
    return given


def check_option(name: str, value: Any) -> None:
    """Raises DataError for an unknown option, or a value that it cannot have."""
    if name not in KINDS:
        raise DataError(f"param_str: unknown '{name}'{did_you_mean(name, KINDS)}")
    is_valid, needed = KINDS[name]
    if not is_valid(value):
        raise DataError(f'param_str: {name}: found {json.dumps(value)}, needed: {needed}')


def chosen(given: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Of the options those that are fields of a dataclass; lists as tuples."""
    names = {each.name for each in fields(kind)}
    found = {name: value for name, value in given.items() if name in names}
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = tuple(value)
    return found
