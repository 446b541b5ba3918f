"""Parsing a text that has errors: each outermost field that has one is mended by itself, and no
other part of the text is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from .scan import TOKEN, offset_of

M = TypeVar('M', bound=Message)
# From an error, and the text up to the end of the field that has it with all before that field
# blank, to the same text without the error; None to end with the error.
Mend = Callable[[text_format.ParseError, str], str | None]


def parse_mending(text: str, message: Message, mend: Mend) -> str:
    """Parse a text into an empty message; returns the text that was read, as `mend` left it.
    Raises text_format.ParseError where `mend` returns None; the message then holds what stands
    before the field that has the error."""
    begin = 0
    while True:
        trial = copy_of(message)
        try:
            text_format.Parse(blank(text[:begin]) + text[begin:], trial)
        except text_format.ParseError as error:
            start, end = field_at(text, begin, offset_of(error, text))
            before = blank(text[:start])
            text_format.Parse(text[begin:start], message)
            mended = mend(error, before + text[start:end])
            if mended is None:
                raise
            text = text[:start] + mended[len(before) :] + text[end:]
            begin = start
        else:
            message.CopyFrom(trial)
            return text


def copy_of(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def blank(text: str) -> str:
    """What keeps the lines and columns of all that follows a text."""
    return '\n' * text.count('\n') + ' ' * (len(text) - text.rfind('\n') - 1)


def field_at(text: str, begin: int, offset: int) -> tuple[int, int]:
    """Where the outermost field around an offset begins, or the values before it, and where the
    line ends on which it is closed; `begin` is between two fields."""
    depth = 0
    for match in TOKEN.finditer(text, begin):
        if match[0] in '{<':
            depth += 1
        elif match[0] in '}>':
            depth = max(depth - 1, 0)
            if depth == 0 and match.end() > offset:
                line_end = text.find('\n', match.end())
                return begin, line_end if line_end >= 0 else len(text)
            if depth == 0:
                begin = match.end()
    return begin, len(text)
