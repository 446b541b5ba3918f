"""Fields that the schema lacks: an error, or a warning where others replace what they are part of.

Data layers and the settings of a solver say nothing of what a net computes, so `unknown_fields`
may pass over what they have of a fork that is not known here. A net's other layers are strict.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf import text_format
from google.protobuf.message import Message

from .caffe_pb2 import NetParameter, SolverParameter
from .resume import Mend, parse_mending
from .scan import Block, blocks_around, offset_of, scan

NO_FIELD = re.compile(r'Message type "caffe\.(\w+)" has no field named "(\w+)"')
HINT = "; with unknown_fields('warn') it is passed over"
# A field's value other than a message.
SCALAR = re.compile(
    r"""\s*:\s*( \[[^]]*\]
               | (?: \s* (?: "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' ) )+
               | [^\s\#{}<>;,]+ )""",
    re.VERBOSE,
)
OPENING = re.compile(r'\s*:?\s*[{<]')
MODES = ('error', 'warn')
_mode = 'error'


@contextmanager
def unknown_fields(mode: str) -> Iterator[None]:
    """Within the block, an unknown field of a data layer or a solver is an 'error' (the default),
    or passed over with a warning ('warn')."""
    global _mode
    before, _mode = _mode, mode
    try:
        yield
    finally:
        _mode = before


def parse(text: str, message: Message, name: str, mend: Mend | None = None) -> str:
    """Parse a text into an empty message; one warning tells of what is passed over. Other errors
    are left to `mend` (see parse_mending); None raises them. Returns the text that was read.
    Raises text_format.ParseError."""
    found: list[str] = []

    def pass_over(error: text_format.ParseError, part: str) -> str | None:
        field = may_be_passed_over(error, part, message) if _mode == 'warn' else None
        if field is None:
            return mend(error, part) if mend else None
        found.append(f'line {error.GetLine()} {field[0]}')
        return without(part, *field[1])

    text = parse_mending(text, message, pass_over)
    if found:
        warnings.warn(f'{name}: unknown fields were passed over: {", ".join(found)}', stacklevel=2)
    return text


def may_be_passed_over(
    error: text_format.ParseError, text: str, root: Message
) -> tuple[str, tuple[int, int]] | None:
    """The unknown field that an error is about, with its messages, and where it begins and ends;
    None for other errors and in other places."""
    match = NO_FIELD.search(str(error))
    if not match or not error.GetLine() or not error.GetColumn():
        return None
    start = offset_of(error, text)
    blocks = scan(text)
    path = blocks_around(blocks, start)
    if not _is_replaced(path, match[2], root):
        return None
    end = _end(text, start + len(match[2]), blocks)
    if end is None:
        return None
    inner = [block.field for block in path if not block.field.startswith('layer')]
    return '.'.join([*inner, match[2]]), (start, end)


def _is_replaced(path: list[Block], field: str, root: Message) -> bool:
    """Whether a field at the end of a path belongs to a data layer, or to a solver itself."""
    layers = [block for block in path if block.field in ('layer', 'layers')]
    if layers:
        is_data = layers[-1].type.endswith('Data')
        return is_data or any(block.field == 'transform_param' for block in path)
    is_of_net = any(block.field.endswith('net_param') for block in path)
    is_of_net |= field in NetParameter.DESCRIPTOR.fields_by_name
    return isinstance(root, SolverParameter) and not is_of_net


def _end(text: str, start: int, blocks: list[Block]) -> int | None:
    """Where the value ends that follows a field's name; None where it does not."""
    opening = OPENING.match(text, start)
    if opening:
        brace = opening.end() - 1
        for block in blocks:
            if block.start == brace and block.end is not None:
                return block.end + 1
        return None
    scalar = SCALAR.match(text, start)
    return scalar.end() if scalar else None


def without(text: str, start: int, end: int) -> str:
    """The text with spaces instead of a part, so that lines and columns stay."""
    blank = re.sub(r'[^\n]', ' ', text[start:end])
    return text[:start] + blank + text[end:]
