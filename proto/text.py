"""Text files: reading nets (train_val, deploy) and solvers into messages in the current format, and
writing them."""

import math
import re
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from . import forks, unknown
from .caffe_pb2 import NetParameter, SolverParameter
from .errors import ProtoError, about
from .files import Path, atomic_write, check_not_utf16, read_bytes
from .scan import TOKEN, nets_in, scan, set_origins, without_origins
from .syntax import explain, missing
from .upgrade import upgrade_net, upgrade_solver

M = TypeVar('M', bound=Message)
MOST_FIELDS = 1_000_000  # a net of 100,000 layers has fewer
LONG = 1 << 20
PUNCTUATION = re.compile(rb'[{}:,"\']')


def read_net(path: Path) -> NetParameter:
    """A net from a prototxt, upgraded; each layer knows its `origin` (file:line). Raises
    ProtoError, also for a file without layers."""
    net = parse_net(read_text(path), str(path))
    if not net.layer:
        raise ProtoError(f'{path}: found no layers, needed: the text of a net')
    return net


def read_solver(path: Path) -> SolverParameter:
    """A solver from a prototxt, upgraded. Raises ProtoError."""
    return parse_solver(read_text(path), str(path))


def read_any(path: Path) -> NetParameter | SolverParameter:
    """A net or a solver, whichever the file contains. Raises the ProtoError of the attempt that got
    further."""
    text = read_text(path)
    errors = []
    for parse in (parse_net, parse_solver):
        try:
            return parse(text, str(path))
        except ProtoError as error:
            errors.append(error)
    raise max(errors, key=reached)


def reached(error: ProtoError) -> tuple[float, int]:
    """How far an attempt got: to the syntax error, or past the end of the text without one."""
    cause = error.__cause__
    if isinstance(cause, text_format.ParseError):
        return cause.GetLine(), cause.GetColumn()
    return math.inf, 0


def parse_net(text: str, name: str = '<string>') -> NetParameter:
    """A net from its text, upgraded; `name` is the file's name in origins and errors. Raises
    ProtoError."""
    with about(name):
        net = upgrade_net(parse_text(text, NetParameter(), name))
        forks.rewrite(net)
    return net


def parse_solver(text: str, name: str = '<string>') -> SolverParameter:
    """A solver from its text, upgraded. Raises ProtoError."""
    with about(name):
        solver = upgrade_solver(parse_text(text, SolverParameter(), name))
        for nets in nets_in(solver).values():
            for net in nets:
                forks.rewrite(net)
    return solver


def parse_text(text: str, message: M, name: str = '<string>') -> M:
    """Parses the text into the empty message without upgrading it, and sets origins. Raises
    ProtoError."""
    try:
        text = unknown.parse(text, message, name)
    except text_format.ParseError as error:
        raise explain(error, text, message, name) from error
    set_origins(message, scan(text), name)
    if not message.IsInitialized():
        raise missing(message, name)
    return message


def read_text(path: Path) -> str:
    """The text of a prototxt. Raises ProtoError if it is missing, binary, or not UTF-8."""
    data = read_bytes(path)
    check_not_utf16(data, path)
    check_size(data, path)
    if b'\0' in data:
        raise ProtoError(f'{path}: a binary file; needed: the text of a net or solver (.prototxt)')
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError:
        return _decode_without_comments(data, str(path))


def check_size(data: bytes, path: Path) -> None:
    """Raises ProtoError for a text that takes too long to read, and more memory than there may
    be."""
    fields = data.count(b':') + data.count(b'{') + data.count(b'<')
    if fields > MOST_FIELDS:
        raise ProtoError(f'{path}: {fields:,} fields are too many; needed: at most {MOST_FIELDS:,}')
    lines = data.split(b'\n')
    for number, line in enumerate(lines, 1):
        if len(line) >= LONG and max(map(len, PUNCTUATION.split(line))) >= LONG:
            raise ProtoError(f'{path}:{number}: a string or word of more than {LONG:,} characters')


def _decode_without_comments(data: bytes, name: str) -> str:
    """The text of a file in which only comments are not UTF-8."""
    text = TOKEN.sub(_without_comment, data.decode('utf-8', 'surrogateescape'))
    for number, line in enumerate(text.split('\n'), 1):
        if any('\udc80' <= character <= '\udcff' for character in line):
            raise ProtoError(f'{name}:{number}: not UTF-8: save the file as UTF-8')
    return text


def _without_comment(token: re.Match[str]) -> str:
    return '' if token[0].startswith('#') else token[0]


def format_text(message: Message) -> str:
    """The message as a prototxt, without the layers' origins."""
    with without_origins(message):
        return text_format.MessageToString(message, as_utf8=True)


def write_text(message: Message, path: Path) -> None:
    """Writes the message as a whole prototxt, or nothing on an error. Raises ProtoError."""
    text = format_text(message)
    with atomic_write(path, 'w') as file:
        file.write(text)
