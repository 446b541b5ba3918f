"""Pieces of Python source."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .batch import dims

# Arguments that are left out where they say what PyTorch takes anyway.
DEFAULTS = {
    'bias': True,
    'dilation': 1,
    'end_dim': -1,
    'groups': 1,
    'pad': 0,
    'padding': 0,
    'stride': 1,
}


def plain(values: Sequence[Any]) -> Any:
    """The one value of all axes where they agree, else a tuple of them."""
    return values[0] if len(set(values)) == 1 else tuple(values)


def arguments(*given: Any, **named: Any) -> str:
    """What stands between the parentheses of a call."""
    parts = [str(value) for value in given]
    for name, value in named.items():
        if name not in DEFAULTS or value != DEFAULTS[name]:
            parts.append(f'{name}={value}')
    return ', '.join(parts)


def number(value: float) -> str:
    """A number of a prototxt, which keeps it as float32, in as few digits as that needs."""
    for digits in range(1, 10):
        text = f'{value:.{digits}g}'
        if np.float32(text) == np.float32(value):
            break
    return text if any(mark in text for mark in '.en') else f'{text}.0'


def reshaped(text: str, shape: Sequence[int], wanted: Sequence[int]) -> str:
    """A tensor of a shape under another one, as Reshape takes it (`batch.dims`)."""
    if dims(shape) == list(wanted):
        return text
    return f'{text}.reshape({", ".join(map(str, wanted)) or "()"})'
