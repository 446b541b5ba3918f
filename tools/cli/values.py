"""The kinds of values that options take: functions from text to value, for argparse's `type`."""

import argparse
import math
import re
from collections.abc import Callable, Iterable

from ...netlib.engines import ENGINES
from ...netlib.errors import did_you_mean
from ...netlib.shapes import Shape
from .gpu import gpu_if_any, use_all_gpus, use_gpu

# The greatest values of Caffe's fields, and INT_MAX of the numbers in a blob.
INT_MAX, FLOAT_MAX = 2**31 - 1, 3.4028234e38
ANY_GPU = 'any'
UNITS = {'': 1, 'K': 10**3, 'M': 10**6, 'G': 10**9}


def mistake(text: str, needed: str) -> argparse.ArgumentTypeError:
    """The error for a text that is not what is needed."""
    return argparse.ArgumentTypeError(f"found '{text}', needed: {needed}")


def whole(least: int, most: int = INT_MAX) -> Callable[[str], int]:
    """A type of whole numbers from `least` to `most`."""

    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r'[+-]?\d{1,99}', text) else None
        if number is None or number < least:
            raise mistake(text, f'a whole number, {least} or more')
        if number > most:
            raise mistake(text, f'a whole number, at most {most}')
        return number

    return convert


def real(above: float = -math.inf) -> Callable[[str], float]:
    """A type of numbers that a float32 holds, greater than `above` if it is given."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if abs(value) <= FLOAT_MAX and value > above:
            return value
        needed = 'a number'
        if above > -math.inf:
            needed += f' greater than {above:g}'
        if FLOAT_MAX < abs(value) < math.inf:
            needed += f' of at most {FLOAT_MAX:g}'
        raise mistake(text, needed)

    return convert


class one_of:
    """A type of words, with a guess at what a misspelled one means."""

    def __init__(self, names: Iterable[str]):
        self.known = list(names)

    def __call__(self, text: str) -> str:
        if text not in self.known:
            hint = did_you_mean(text, self.known)
            raise argparse.ArgumentTypeError(
                f"unknown '{text}'{hint} (known: {', '.join(self.known)})"
            )
        return text


def size(text: str) -> int:
    """Bytes, from '500MB', '2GB' or a plain number; a small one lacks its unit."""
    found = re.fullmatch(r'(\d{1,99}(?:\.\d+)?) ?([KMG]?)B?', text.upper())
    value = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if value < UNITS['M']:
        raise mistake(text, 'an amount of memory such as 500MB or 2GB, 1MB or more')
    return value


def shape(text: str) -> Shape:
    """Extents, from '3,227,227' or '3x227x227'."""
    parts = re.split('[,x ]+', text.strip())
    if not all(re.fullmatch(r'\d{1,99}', part) and int(part) for part in parts):
        raise mistake(text, 'positive extents such as 3,227,227')
    found = tuple(map(int, parts))
    if math.prod(found) > INT_MAX:
        raise mistake(text, f'at most {INT_MAX} numbers in all')
    return found


def pattern(text: str) -> str:
    """A regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        problem = f"found '{text}', which is not a regular expression: {error}"
        raise argparse.ArgumentTypeError(problem) from None
    return text


def engine(text: str) -> str:
    """The name of an engine, perhaps with 'checked:' before it."""
    prefix, _, name = text.rpartition(':')
    if prefix not in ('', 'checked'):
        known = ', '.join(ENGINES)
        raise argparse.ArgumentTypeError(f"unknown '{text}' (known: {known}, and checked:NAME)")
    one_of(ENGINES)(name)
    return text


def gpu(text: str, together: bool = False) -> str:
    """The engine that computes on the GPU of this number, or on this process's share of all GPUs;
    the GPU is opened. Raises EngineError if there is none; for ANY_GPU the CPU then computes."""
    if text == ANY_GPU:
        return gpu_if_any(0)
    if text == 'all':
        return use_all_gpus(together)
    if not text.isdecimal():
        raise mistake(text, 'the number of one GPU, such as 0, or all')
    return use_gpu(int(text))
