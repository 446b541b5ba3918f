"""All errors in the text of a net or solver: after each one the text is mended, as little as that
takes, and read again."""

import re
from collections.abc import Iterable
from math import inf
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.text_format import ParseError

from ...proto import ProtoError, parse_text
from ...proto.caffe_pb2 import NetParameter, SolverParameter
from ...proto.scan import line_starts, scan
from ...proto.syntax import missing
from ...proto.text import reached

M = TypeVar('M', bound=Message)
MOST = 100  # errors of one text
PAST = inf, 0  # further than any place in a text
TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
                     | "(?:[^"\\\n]|\\.)*"(?=[^"\w]|$) | '(?:[^'\\\n]|\\.)*'(?=[^'\w]|$)    # a string
                     | (?P<word>[\w.+-]+)
                     | \S""",
    re.VERBOSE | re.MULTILINE,
)
OPEN, CLOSE = ('{', '<'), ('}', '>')


def parse_all(text: str, name: str) -> tuple[NetParameter | SolverParameter, list[ProtoError]]:
    """The net or the solver that a text holds, as which it is read further or, where both end
    alike, with fewer errors, not upgraded, and all errors in it."""
    net, solver = (_first_error(text, kind(), name) for kind in (NetParameter, SolverParameter))
    if net != solver or net == PAST:
        return parse_as(SolverParameter() if solver > net else NetParameter(), text, name)
    readings = [parse_as(kind(), text, name) for kind in (NetParameter, SolverParameter)]
    return min(readings, key=lambda reading: len(reading[1]))


def _first_error(text: str, message: Message, name: str) -> tuple[float, int]:
    """How far the text can be read as a message."""
    try:
        parse_text(text, message, name)
        return PAST
    except ProtoError as error:
        return reached(error)


def parse_as(message: M, text: str, name: str) -> tuple[M, list[ProtoError]]:
    """The message without what cannot be read, each layer with its origin, and what is wrong with
    the text."""
    errors: list[ProtoError] = []
    while len(errors) < MOST:
        message.Clear()
        try:
            return parse_text(text, message, name), errors
        except ProtoError as error:
            cause = error.__cause__
            if not isinstance(cause, ParseError):
                break
            errors.append(error)
            text = mended(text, str(error), cause)
    while not message.IsInitialized():
        errors.append(missing(message, name))
        fields = message.FindInitializationErrors()
        for field in fields:
            if field.partition('.')[0] == fields[0].partition('.')[0]:
                _set_default(message, field)
    return message, errors


def mended(text: str, error: str, cause: ParseError) -> str:
    """The text without the field that an error is about, or with the brace that it lacks; all lines
    stay."""
    offset = line_starts(text)[(cause.GetLine() or 1) - 1] + (cause.GetColumn() or 1) - 1
    tokens = _tokens(text)
    at = max((i for i, token in enumerate(tokens) if token.start() <= offset), default=0)
    before = tokens[at - 1].end()
    if 'is not closed' in error:
        return f'{text}\n}}'
    if "is a '}' missing before it" in error and any(block.end is None for block in scan(text)):
        return _with(text, before, '}')
    if 'Expected "{"' in str(cause) and tokens[at]['word'] and tokens[at - 1]['word']:
        return _with(text, before, '{')
    start, end = _statement(text, tokens, at, str(cause))
    return text[:start] + re.sub(r'[^\n]', ' ', text[start:end]) + text[end:]


def _with(text: str, offset: int, brace: str) -> str:
    """The text with a brace at a position, in the place of a space where there is one, so that
    columns stay."""
    return text[:offset] + brace + text[offset + (text[offset : offset + 1] == ' ') :]


def _tokens(text: str) -> list[re.Match[str]]:
    return [match for match in TOKEN.finditer(text) if match['comment'] is None]


def _statement(text: str, tokens: list[re.Match[str]], at: int, what: str) -> tuple[int, int]:
    """Where the field around token `at` begins and ends."""
    first = at
    if re.search(r'Expected "[:{]"', what) and tokens[at - 1][0] != ':':
        first = at - 1
        if tokens[at]['word'] or tokens[at][0][1:]:
            return tokens[first].start(), tokens[at].end()
    elif (
        tokens[at - 1][0] in (':', '[', ',', '-')
        or tokens[at][0][0] in '"\''
        or 'Expected ","' in what
    ):
        line, _ = _line(text, tokens[at].start())
        colons = [i for i in range(at) if tokens[i][0] == ':' and tokens[i].start() > line]
        first = colons[-1] - 1 if colons else at
    if text.count('"', *_line(text, tokens[first].start())) % 2:
        return tokens[first].start(), _rest_of_line(text, tokens[first])
    return tokens[first].start(), _end(text, tokens, first)


def _line(text: str, offset: int) -> tuple[int, int]:
    """Where the line of a position begins and ends."""
    end = text.find('\n', offset)
    return text.rfind('\n', 0, offset) + 1, len(text) if end < 0 else end


def _rest_of_line(text: str, token: re.Match[str]) -> int:
    """Where the line of a token ends, but for braces, which are taken to be in their place."""
    start, (_, end) = token.start(), _line(text, token.start())
    return max(start + len(text[start:end].rstrip(' \t\r}>')), token.end())


def _end(text: str, tokens: list[re.Match[str]], first: int) -> int:
    """Where the field ends that token `first` names."""
    value = first + 1
    if value < len(tokens) and tokens[value][0] == ':':
        value += 1
    token = tokens[value][0] if value < len(tokens) else ''
    if token in OPEN:
        return _closing(text, tokens, value)
    if token in CLOSE and value == first + 2:
        return tokens[first + 1].end()
    if token == '[':
        behind = next(
            (after for after in tokens[value + 1 :] if not (after['word'] or after[0] in ',-')),
            tokens[-1],
        )
        return behind.end() if behind[0] == ']' else behind.start()
    if value == first + 1 or token in ('', '"', "'"):
        return _rest_of_line(text, tokens[first])
    end = tokens[value].end()
    return end + len(re.split(r'[\s}>]', text[end:], maxsplit=1)[0])


def _closing(text: str, tokens: list[re.Match[str]], at: int) -> int:
    """Where the block that opens at a token ends: behind its brace, or at the text's end."""
    depth = 0
    for token in tokens[at:]:
        depth += (token[0] in OPEN) - (token[0] in CLOSE)
        if not depth:
            return token.end()
    return len(text)


def _set_default(message: Message, path: str) -> None:
    """Give a required field, by its path such as layer[1].clip_param.max, its default."""
    *outer, (field, _) = re.findall(r'(\w+)(?:\[(\d+)\])?', path)
    for name, index in outer:
        message = getattr(message, name)[int(index)] if index else getattr(message, name)
    setattr(message, field, getattr(message, field))


def words_on(text: str, lines: Iterable[int]) -> set[str]:
    """The words and names on some lines of a text."""
    all_lines = text.split('\n')
    return {word for line in lines for word in re.findall(r'[\w/.-]+', all_lines[line - 1])}


def field_lines(text: str) -> dict[str, int]:
    """The line of the first of each of the outermost fields of a text."""
    tokens = _tokens(text)
    lines: dict[str, int] = {}
    depth = 0
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if not depth and token['word'] and after and after[0] in (':', *OPEN):
            lines.setdefault(token[0], text.count('\n', 0, token.start()) + 1)
        depth += (token[0] in OPEN) - (token[0] in CLOSE)
    return lines
