#!/usr/bin/env python3
"""Show the layers of a net: shapes, parameters, multiplications, memory.

    goodinit show lenet
    goodinit show train_val.prototxt --phase test
    goodinit show deploy.prototxt --input-shape 3,224,224 --batch-size 1

Only the prototxt is read, unless the shapes depend on existing data.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from goodinit.tools.cli.console import Parser, run

from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.filled_net import PHASES
from goodinit.feeding.net_file import NetFile, read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.netlib import Net
from goodinit.netlib.blob import Blob
from goodinit.netlib.layers import Layer
from goodinit.netlib.shapes import Shape
from goodinit.tools.cli.arguments import NET, add_input_shape, add_strictness, option, switch
from goodinit.tools.cli.macs import macs
from goodinit.tools.cli.report import amount, table
from goodinit.tools.cli.values import one_of, whole

EPILOG = """parameters: the numbers that a layer learns, so not the statistics of BatchNorm; those
shared with an earlier layer count there.

MACs: multiply-accumulates of convolutions and inner products, for one image.

memory: of the tops' values for the whole batch, 4 bytes each; a layer that works in place or shares
its memory takes none.

The Split layers that a net inserts by itself are left out."""
FLOAT = 4  # bytes
TITLES = ['layer', 'type', 'in', '', 'out', 'parameters', 'MACs/image', 'memory']


@dataclass
class Line:
    """What a layer is and costs. bottoms, tops: the shapes of its blobs. memory: bytes of its tops'
    values."""

    layer: str
    type: str
    bottoms: list[Shape]
    tops: list[Shape]
    parameters: int
    macs: int
    memory: int

    def cells(self) -> list[str]:
        """The cells of its row in a table; a zero leaves its cell empty."""
        return [
            self.layer,
            self.type,
            extents(self.bottoms),
            '->' if self.bottoms else '',
            extents(self.tops),
            unless_zero(self.parameters, f'{self.parameters:,}'),
            unless_zero(self.macs, amount(self.macs)),
            unless_zero(self.memory, amount(self.memory, 'B')),
        ]


def unless_zero(value: int, text: str) -> str:
    return text if value else ''


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(show, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit show', __doc__ or '', epilog=EPILOG)
    parser.add_first(parser, '--proto', 'net', NET)
    option(parser, '--phase train|test', '(default: %(default)s)', one_of(PHASES), 'train')
    option(parser, '--batch-size N', "(default: the net's own)", whole(1))
    add_input_shape(parser)
    switch(parser, '--json', 'print the table as JSON')
    add_strictness(parser)
    return parser


def show(args: argparse.Namespace) -> None:
    file = read_net_file(args.net, PHASES[args.phase])
    options = DataOptions(batch_size=args.batch_size, input_shape=args.input_shape)
    net = Net(shaped(file, options))
    lines = lines_of_file(file, net)
    if args.json:
        print(json.dumps(as_json(file, net, lines), indent=1))
    else:
        print(as_text(net, lines))


def lines_of_file(file: NetFile, net: Net) -> list[Line]:
    """A line for each layer of the file, with its own type: data layers run as Input layers."""
    types = {layer.name: layer.type for layer in file.param.layer}
    lines = []
    for line in net_lines(net):
        if line.layer in types:
            lines.append(replace(line, type=types[line.layer]))
    return lines


def net_lines(net: Net) -> Iterator[Line]:
    """A line for each layer, in the net's order."""
    images = net.tops[0][0].shape[0]
    seen: set[int] = set()
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        fresh = {id(blob.values.memory): blob.count for blob in top}
        memory = sum(count for key, count in fresh.items() if key not in seen)
        seen.update(fresh)
        yield Line(
            layer=layer.name,
            type=layer.type,
            bottoms=shapes_of(bottom),
            tops=shapes_of(top),
            parameters=parameters(layer),
            macs=macs(layer, bottom, top) // max(images, 1),
            memory=FLOAT * memory,
        )


def shapes_of(blobs: Sequence[Blob]) -> list[Shape]:
    return [blob.shape for blob in blobs]


def parameters(layer: Layer) -> int:
    """How many numbers a layer learns that no earlier layer shares with it."""
    learned = [param for param in layer.params if not param.is_statistic]
    return sum(param.count for param in learned if param.owner is param)


def total(lines: Sequence[Line]) -> dict[str, int]:
    """The costs of all layers together."""
    costs = dict.fromkeys(('parameters', 'macs', 'memory'), 0)
    for line in lines:
        costs['parameters'] += line.parameters
        costs['macs'] += line.macs
        costs['memory'] += line.memory
    return costs


def as_json(file: NetFile, net: Net, lines: Sequence[Line]) -> dict:
    layers = [asdict(line) for line in lines]
    return {'name': net.name, 'proto': str(file.path), 'layers': layers, 'total': total(lines)}


def as_text(net: Net, lines: Sequence[Line]) -> str:
    """The aligned table with its totals."""
    costs = total(lines)
    sums = [f'{costs["parameters"]:,}', amount(costs['macs']), amount(costs['memory'], 'B')]
    cells = [TITLES]
    for line in lines:
        cells.append(line.cells())
    cells.append(['total', '', '', '', '', *sums])
    return f'{net.name or "net"}\n{table(cells, left=range(5))}'


def extents(blobs: Sequence[Shape]) -> str:
    """The extents of blobs; of more than two only the first."""
    texts = [' '.join(map(str, blob)) or '1' for blob in blobs]
    if len(texts) > 1 and len(set(texts)) == 1:
        return f'{len(texts)} x ({texts[0]})'
    if len(texts) > 2:
        return f'{texts[0]} + {len(texts) - 1} more'
    return ', '.join(texts)


if __name__ == '__main__':
    sys.exit(main())
