"""List files: each line has the path of an image, optionally followed by a label."""

import re
from pathlib import Path

from ..errors import DataError

LABELLED = re.compile(r'(.+)\s+(-?[0-9]{1,300})')


def read_lines(path: str | Path) -> list[str]:
    """The nonempty lines of a list file."""
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except (OSError, ValueError) as error:
        raise DataError(f'data {path}: cannot be read as a list of images ({error})') from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_list(path: str | Path) -> tuple[list[str], list[int] | None]:
    """The paths of a list file ('path' or 'path label' per line), and the labels, if any.

    Raises DataError if only some of the lines have a label.
    """
    lines = read_lines(path)
    names: list[str] = []
    labels: list[int] = []
    unlabelled: list[str] = []
    for line in lines:
        match = LABELLED.fullmatch(line)
        if match:
            names.append(match[1])
            labels.append(int(match[2]))
        else:
            unlabelled.append(line)
    if not unlabelled:
        return names, labels
    if labels:
        raise DataError(
            f"data {path}: '{unlabelled[0]}' has no label, but other lines have one: "
            'give every line a label, or none'
        )
    return lines, None
