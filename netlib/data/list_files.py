"""List files: each line has the path of an image, optionally followed by a label."""

import re
from pathlib import Path

from ...proto.files import read_utf8
from ..errors import DataError, ProtoError

LABELLED = re.compile(r'(.+)\s+(-?[0-9]{1,300})')


def read_lines(path: str | Path) -> list[str]:
    """The nonempty lines of a list file. Raises DataError."""
    try:
        text = read_utf8(path)
    except ProtoError as error:
        raise DataError(f'data {path}: cannot be read as a list of images ({error})') from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_pairs(path: str | Path) -> list[tuple[str, int | None]]:
    """The path and the label of each line ('path' or 'path label'); the label is None where there
    is none. Raises DataError."""
    pairs: list[tuple[str, int | None]] = []
    for line in read_lines(path):
        match = LABELLED.fullmatch(line)
        pairs.append((match[1], int(match[2])) if match else (line, None))
    return pairs


def read_list(path: str | Path) -> tuple[list[str], list[int] | None]:
    """The paths of a list file, and the labels, if any.

    Raises DataError if only some of the lines have a label.
    """
    pairs = read_pairs(path)
    names = [name for name, _ in pairs]
    labels = [label for _, label in pairs if label is not None]
    if not labels:
        return names, None
    for name, label in pairs:
        if label is None:
            raise DataError(
                f"data {path}: '{name}' has no label, but other lines have one: "
                'give every line a label, or none'
            )
    return names, labels


def without_label(pairs: list[tuple[str, int | None]]) -> str:
    """A note about the lines that have no label, which as in Caffe means 0; '' if all have one."""
    names = [name for name, label in pairs if label is None]
    if not names:
        return ''
    if len(names) == 1:
        return f"'{names[0]}' has no label: its label is 0"
    return f"'{names[0]}' and {len(names) - 1} more have no label: their label is 0"
