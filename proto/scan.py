"""Positions in a prototxt: a small scanner for braces, field names and strings.

It finds the line of each layer (its `origin`), and the layer that contains a syntax error.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

from google.protobuf.message import Message
from google.protobuf.text_format import ParseError

from .caffe_pb2 import LayerParameter, NetParameter, SolverParameter, V1LayerParameter

TOKEN = re.compile(
    r"""\#[^\n]*                      # a comment
                     | "(?:[^"\\\n]|\\.)*"           # a string
                     | '(?:[^'\\\n]|\\.)*'
                     | [A-Za-z_]\w*                  # a field or an enum value
                     | [{}<>]""",
    re.VERBOSE,
)


@dataclass(eq=False)
class Block:
    """A message in a text: `field {` ... `}`."""

    field: str
    line: int
    start: int
    parent: 'Block | None'
    end: int | None = None
    name: str = ''
    type: str = ''

    @property
    def label(self) -> str:
        """The field, or for a layer its name."""
        if self.name and self.field.startswith('layer'):
            return f"layer '{self.name}'"
        return self.field

    def note(self, field: str, string: str) -> None:
        """Keep the string after a field, if it is the first name or type."""
        if field == 'name':
            self.name = self.name or string
        elif field == 'type':
            self.type = self.type or string


def scan(text: str) -> list[Block]:
    """The messages of a text, by their opening braces; one that is never closed has end None."""
    lines = line_starts(text)
    blocks: list[Block] = []
    current: Block | None = None
    word = ''
    for match in TOKEN.finditer(text):
        token = match[0]
        place = match.start()
        if token in '{<':
            current = Block(word, bisect_right(lines, place), place, current)
            blocks.append(current)
        elif token in '}>' and current:
            current.end = place
            word = current.field
            current = current.parent
        elif token[0] in '"\'' and current:
            current.note(word, token[1:-1])
        elif token[0].isalpha() or token[0] == '_':
            word = token
    return blocks


def line_starts(text: str) -> list[int]:
    """The offset of the first character of each line."""
    lengths = [len(row) + 1 for row in text.split('\n')]
    return list(accumulate(lengths[:-1], initial=0))


def start_of_line(text: str, number: int) -> int:
    """The offset of the first character of a line; the first has the number 1."""
    rest = text.split('\n', number - 1)[-1]
    return len(text) - len(rest)


def offset_of(error: ParseError, text: str) -> int:
    """The position in a text that an error names by line and column, both from 1."""
    line = error.GetLine() or 1
    column = error.GetColumn() or 1
    return start_of_line(text, line) + column - 1


def blocks_around(blocks: list[Block], offset: int) -> list[Block]:
    """The blocks that enclose a position, from the outermost in."""
    begun = [block for block in blocks if block.start < offset]
    return [block for block in begun if block.end is None or offset <= block.end]


def blocks_of(blocks: list[Block], field: str, parent: Block | None = None) -> list[Block]:
    """The blocks of a field, such as `layer`, of the whole message or of the one in `parent`."""
    return [block for block in blocks if block.parent is parent and block.field == field]


def nets_in(message: Message) -> dict[str, list[NetParameter]]:
    """The nets of a message, by the field that holds them; for a net that is ''."""
    if isinstance(message, NetParameter):
        return {'': [message]}
    if isinstance(message, SolverParameter):
        return {
            'train_net_param': [message.train_net_param],
            'net_param': [message.net_param],
            'test_net_param': list(message.test_net_param),
        }
    return {}


def set_origins(message: Message, blocks: list[Block], name: str) -> None:
    """Gives each layer of a net, or of the nets inside a solver, its origin `name:line`."""
    # A path may contain bytes that are not UTF-8; a field must not.
    name = name.encode(errors='backslashreplace').decode()
    for where, nets in nets_in(message).items():
        owners: Sequence[Block | None] = blocks_of(blocks, where) if where else [None]
        for net, owner in zip(nets, owners, strict=False):
            for field in ('layer', 'layers'):
                places = blocks_of(blocks, field, owner)
                for layer, block in zip(getattr(net, field), places, strict=False):
                    layer.origin = f'{name}:{block.line}'


@contextmanager
def without_origins(message: Message) -> Iterator[None]:
    """Removes the origins while a message is written: they are our own, and not part of any
    format."""
    layers: list[LayerParameter | V1LayerParameter] = []
    for nets in nets_in(message).values():
        for net in nets:
            layers += [*net.layer, *net.layers]
    kept = [(layer, layer.origin) for layer in layers if layer.HasField('origin')]
    for layer, _ in kept:
        layer.ClearField('origin')
    try:
        yield
    finally:
        for layer, origin in kept:
            layer.origin = origin
