"""Every error in the text of a net or solver: after each one the text is mended and read again."""

import re
from contextlib import suppress
from math import inf
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.text_format import ParseError

from ...proto import ProtoError, unknown
from ...proto.caffe_pb2 import NetParameter, SolverParameter
from ...proto.scan import scan, set_origins
from ...proto.syntax import explain, missing
from ...proto.text import reached
from .mend import mended

M = TypeVar('M', bound=Message)
MOST = 100  # errors of one text
MOST_TEXT = 6 << 20  # characters that are read again because of errors
WHOLE = (inf, 0)  # further than any line and column


def parse_all(text: str, name: str) -> tuple[NetParameter | SolverParameter, list[ProtoError]]:
    """The net or solver that a text holds, not upgraded, and every error in it.

    It is the one as which the text can be read further; where both readings end at the same place,
    the one with fewer errors.
    """
    net, net_errors = parse_as(NetParameter(), text, name)
    net_reached = _reached(net_errors)
    if net_reached == WHOLE:
        return net, net_errors
    solver, solver_errors = parse_as(SolverParameter(), text, name)
    solver_reached = _reached(solver_errors)
    if solver_reached > net_reached:
        return solver, solver_errors
    if solver_reached == net_reached and len(solver_errors) < len(net_errors):
        return solver, solver_errors
    return net, net_errors


def _reached(errors: list[ProtoError]) -> tuple[float, int]:
    """The line and column up to which a text with these errors can be read."""
    return min(map(reached, errors), default=WHOLE)


def parse_as(message: M, text: str, name: str) -> tuple[M, list[ProtoError]]:
    """The message without the fields that cannot be read, each layer with its origin, and what is
    wrong with the text."""
    errors: list[ProtoError] = []
    lines = text.count('\n') + 1
    room = MOST_TEXT

    def mend(cause: ParseError, part: str) -> str | None:
        nonlocal room
        room -= len(part.lstrip())
        error = explain(cause, part, message, name)
        if len(errors) == MOST or _follows(error, cause, lines):
            return None
        error.__cause__ = cause
        errors.append(error)
        if room < 0:
            return None
        return mended(part, str(error), cause)

    with suppress(ParseError):
        text = unknown.parse(text, message, name, mend)
    set_origins(message, scan(text), name)
    return message, errors + _missing_fields(message, name)


def _follows(error: ProtoError, cause: ParseError, lines: int) -> bool:
    """Whether an error is about what mending put behind a text of so many lines."""
    return (cause.GetLine() or 1) > lines and 'is not closed' not in str(error)


def _missing_fields(message: Message, name: str) -> list[ProtoError]:
    """An error for each layer, or other part of a message, without its required fields; these get
    their defaults."""
    errors: list[ProtoError] = []
    while not message.IsInitialized():
        errors.append(missing(message, name))
        fields = message.FindInitializationErrors()
        part = fields[0].partition('.')[0]
        for field in fields:
            if field.partition('.')[0] == part:
                _set_default(message, field)
    return errors


def _set_default(message: Message, path: str) -> None:
    """Give a required field, by its path such as layer[1].clip_param.max, its default."""
    *outer, (field, _) = re.findall(r'(\w+)(?:\[(\d+)\])?', path)
    for name, index in outer:
        part = getattr(message, name)
        message = part[int(index)] if index else part
    setattr(message, field, getattr(message, field))
