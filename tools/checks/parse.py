"""Every error in the text of a net or solver: after each one the text is mended and read again."""

import re
from math import inf
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.text_format import ParseError

from ...proto import ProtoError, parse_text
from ...proto.caffe_pb2 import NetParameter, SolverParameter
from ...proto.syntax import missing
from ...proto.text import reached
from .mend import mended

M = TypeVar('M', bound=Message)
MOST = 100  # errors of one text
WHOLE = (inf, 0)  # further than any line and column


def parse_all(text: str, name: str) -> tuple[NetParameter | SolverParameter, list[ProtoError]]:
    """The net or solver that a text holds, not upgraded, and every error in it.

    It is the one as which the text can be read further; where both readings end at the same place,
    the one with fewer errors.
    """
    net_reached = _reached(text, NetParameter(), name)
    solver_reached = _reached(text, SolverParameter(), name)
    if solver_reached > net_reached:
        return parse_as(SolverParameter(), text, name)
    net, net_errors = parse_as(NetParameter(), text, name)
    if net_reached > solver_reached or net_reached == WHOLE:
        return net, net_errors
    solver, solver_errors = parse_as(SolverParameter(), text, name)
    if len(solver_errors) < len(net_errors):
        return solver, solver_errors
    return net, net_errors


def _reached(text: str, message: Message, name: str) -> tuple[float, int]:
    """The line and column up to which the text can be read as a message."""
    try:
        parse_text(text, message, name)
        return WHOLE
    except ProtoError as error:
        return reached(error)


def parse_as(message: M, text: str, name: str) -> tuple[M, list[ProtoError]]:
    """The message without the fields that cannot be read, each layer with its origin, and what is
    wrong with the text."""
    errors: list[ProtoError] = []
    lines = text.count('\n') + 1
    while len(errors) < MOST:
        message.Clear()
        try:
            return parse_text(text, message, name), errors
        except ProtoError as error:
            cause = error.__cause__
            if not isinstance(cause, ParseError) or _follows(error, cause, lines):
                break
            errors.append(error)
            text = mended(text, str(error), cause)
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
