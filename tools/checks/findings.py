"""Findings: what is wrong with a file, or odd about it, each with its line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...netlib.errors import GoodinitError

# How errors name the layer that they are about, and its place.
ABOUT = re.compile(
    r"layer '(?P<layer>.*?)' \((?P<type>.*?)\)(?:, (?P<file>.+?):(?P<line>\d+))?: (?P<text>.*)"
)


@dataclass(frozen=True)
class Finding:
    """One line of a report.

    line, column   0 for a finding about the file as a whole, or about the line as a whole
    layer, type    the layer that it is about, if any
    """

    file: str
    line: int
    message: str
    column: int = 0
    layer: str = ''
    type: str = ''
    warning: bool = False

    def __str__(self) -> str:
        text = self.message
        if self.type or self.layer:
            text = f"layer '{self.layer}' ({self.type}): {text}"
        if self.warning:
            text = f'warning: {text}'
        numbers = [f':{number}' for number in (self.line, self.column) if number]
        return f'{self.file}{"".join(numbers)}: {text}'


def found(error: GoodinitError, file: str, warning: bool = False) -> Finding:
    """The finding for an error raised on a file, at the place that the error names."""
    text = ' '.join(str(error).split())
    about = ABOUT.search(text)
    if about:
        return Finding(
            file=about['file'] or file,
            line=int(about['line'] or 0),
            message=about['text'],
            layer=about['layer'],
            type=about['type'],
            warning=warning,
        )
    place = re.match(rf'{re.escape(file)}:(\d+)(?::(\d+))?: (.*)', text)
    if place:
        line, column, message = place.groups()
        return Finding(file, int(line), message, int(column or 0), warning=warning)
    return Finding(file, 0, text.removeprefix(f'{file}: '), warning=warning)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once: file by file in the order given, then by line, the errors of a line before
    its warnings."""
    unique = list(dict.fromkeys(findings))
    files = list(dict.fromkeys(finding.file for finding in unique))

    def place(finding: Finding) -> tuple[int, int, bool, int]:
        return files.index(finding.file), finding.line, finding.warning, finding.column

    return sorted(unique, key=place)
