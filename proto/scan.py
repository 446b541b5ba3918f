"""Where things stand in a prototxt: a small scanner for braces, field names and strings.

It notes the line of each layer (its `origin`), and tells error messages which layer they fall in.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.message import Message

from .caffe_pb2 import NetParameter, SolverParameter

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
        """The field, and for a layer its name."""
        return (
            f"layer '{self.name}'" if self.name and self.field.startswith('layer') else self.field
        )


def scan(text: str) -> list[Block]:
    """The messages of a text in the order of their opening braces; one never closed has end None."""
    lines = line_starts(text)
    blocks: list[Block] = []
    current, word = None, ''
    for match in TOKEN.finditer(text):
        token = match[0]
        if token in '{<':
            current = Block(word, bisect_right(lines, match.start()), match.start(), current)
            blocks.append(current)
        elif token in '}>':
            if current:
                current.end, word, current = match.start(), current.field, current.parent
        elif token[0] in '"\'':
            if current and word in ('name', 'type'):
                setattr(current, word, getattr(current, word) or token[1:-1])
        elif token[0] != '#':
            word = token
    return blocks


def line_starts(text: str) -> list[int]:
    """The offset of the first character of each line."""
    return [0] + [match.end() for match in re.finditer('\n', text)]


def blocks_around(blocks: list[Block], offset: int) -> list[Block]:
    """The blocks that enclose a position, from the outermost in."""
    return [b for b in blocks if b.start < offset and (b.end is None or offset <= b.end)]


def layer_blocks(blocks: list[Block], field: str, parent: Block | None = None) -> list[Block]:
    """The `layer` (or `layers`) of the net itself, or of the net inside `parent`."""
    return [b for b in blocks if b.parent is parent and b.field == field]


def nets_in(message: Message) -> dict[str, list[NetParameter]]:
    """The nets of a message by the field they stand in; a net itself stands in ''."""
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
    name = name.encode(
        errors='backslashreplace'
    ).decode()  # a path may hold bytes that are no UTF-8
    for where, nets in nets_in(message).items():
        owners = [b for b in blocks if b.parent is None and b.field == where] if where else [None]
        for net, owner in zip(nets, owners, strict=False):
            for field in ('layer', 'layers'):
                places = layer_blocks(blocks, field, owner)
                for layer, block in zip(getattr(net, field), places, strict=False):
                    layer.origin = f'{name}:{block.line}'


@contextmanager
def without_origins(message: Message) -> Iterator[None]:
    """Takes the origins away while a message is being written: they are ours, and no part of any
    format."""
    nets = [net for nets in nets_in(message).values() for net in nets]
    layers = [layer for net in nets for layer in (*net.layer, *net.layers)]
    kept = [(layer, layer.origin) for layer in layers if layer.HasField('origin')]
    for layer, _ in kept:
        layer.ClearField('origin')
    try:
        yield
    finally:
        for layer, origin in kept:
            layer.origin = origin
