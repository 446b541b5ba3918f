"""What becomes of each layer type, as a table for people."""

from __future__ import annotations

from ..netlib.registry import LAYERS
from . import layers  # noqa: F401 - registers what every layer becomes
from .registry import CUT, UNLESS, WIRING, reason_against

TARGETS = ('ONNX', 'PyTorch')


def rows() -> list[tuple[str, str, str]]:
    """Layer type, what ONNX has of it, and what PyTorch has, for every registered type."""
    found = []
    for type in sorted(LAYERS):
        onnx, torch = [said(target, type) for target in TARGETS]
        found.append((type, onnx, torch))
    return found


def said(target: str, type: str) -> str:
    """What a target makes of a layer type, in a few words."""
    if type in WIRING:
        return WIRING[type]
    reason = reason_against(target, type)
    if not reason:
        exception = UNLESS.get((target, type))
        return f'exact, unless {exception}' if exception else 'exact'
    return f'cut: {reason}' if type in CUT else f'cannot: {reason}'


def as_text() -> str:
    """The table with aligned columns."""
    lines = [('layer', *TARGETS), *rows()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    out = []
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        out.append('  '.join(cells).rstrip())
    return '\n'.join(out)


def as_markdown() -> str:
    """The table as a guide has it."""
    lines = ['| layer | ONNX | PyTorch |', '|---|---|---|']
    lines += [f'| {type} | {onnx} | {torch} |' for type, onnx, torch in rows()]
    return '\n'.join(lines)
