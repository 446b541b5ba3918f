"""Findings: what is wrong with a file, or odd about it, each at its line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...netlib.errors import GoodinitError

# How errors say which layer they are about, and where it stands.
ABOUT = re.compile(
    r"layer '(?P<layer>.*?)' \((?P<type>.*?)\)(?:, (?P<file>.+?):(?P<line>\d+))?: (?P<text>.*)"
)


@dataclass(frozen=True)
class Finding:
    """One line of a report. line, column: 0 where it is about the file as a whole, or about the
    whole line."""

    file: str
    line: int
    message: str
    column: int = 0
    layer: str = ''
    type: str = ''
    warning: bool = False

    def __str__(self) -> str:
        place = ':'.join(
            [self.file, *(str(number) for number in (self.line, self.column) if number)]
        )
        layer = f"layer '{self.layer}' ({self.type}): " if self.type or self.layer else ''
        return f'{place}: {"warning: " if self.warning else ""}{layer}{self.message}'


def found(error: GoodinitError, file: str, warning: bool = False) -> Finding:
    """What an error says, at the place that it tells."""
    text = ' '.join(str(error).split())
    if about := ABOUT.search(text):
        return Finding(
            about['file'] or file,
            int(about['line'] or 0),
            about['text'],
            0,
            about['layer'],
            about['type'],
            warning,
        )
    if place := re.match(rf'{re.escape(file)}:(\d+)(?::(\d+))?: (.*)', text):
        return Finding(file, int(place[1]), place[3], int(place[2] or 0), warning=warning)
    return Finding(file, 0, text.removeprefix(f'{file}: '), warning=warning)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, file by file as they come, by line, the errors of a line before its
    warnings."""
    once = list(dict.fromkeys(findings))
    files = list(dict.fromkeys(finding.file for finding in once))
    return sorted(once, key=lambda it: (files.index(it.file), it.line, it.warning, it.column))
