"""Show the layers of a net: shapes, parameters, multiplications, memory.

goodinit show lenet
goodinit show train_val.prototxt --phase test
goodinit show deploy.prototxt --input-shape 3,224,224 --batch-size 1
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from goodinit.feeding.feed import shaped
from goodinit.feeding.inputs import DataOptions
from goodinit.feeding.net_file import open_net
from goodinit.netlib import Net
from goodinit.netlib.layers import Layer
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.netlib.shapes import Shape
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from goodinit.tools.cli.arguments import add_input_shape, add_python_layers, one_of, whole
from goodinit.tools.cli.console import Parser, run
from goodinit.tools.cli.report import amount, table

EPILOG = """parameters: the numbers that a layer learns, so not BatchNorm's statistics; those shared with an earlier
layer count there.

MACs: multiply-accumulates of convolutions and inner products, for one image.

memory: of the tops' values for the whole batch, 4 bytes each; what works in place or shares takes none.

The Split layers that a net inserts by itself are left out."""
LEARNED = {'BatchNorm': 0, 'BN': 2}  # so many of the first blobs; the others hold statistics


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(show, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit show', __doc__ or '', epilog=EPILOG)
    add = parser.add_argument
    add(
        'model',
        metavar='MODEL',
        help='a train_val, deploy or solver prototxt, or the name of a bundled model',
    )
    add(
        '--phase',
        type=one_of(['train', 'test']),
        default='train',
        metavar='train|test',
        help='(default: %(default)s)',
    )
    add('--batch-size', metavar='N', type=whole(1), help="(default: the net's own)")
    add_input_shape(parser)
    add('--json', action='store_true', help='print the table as JSON')
    add_python_layers(parser)
    return parser


def show(args: argparse.Namespace) -> None:
    file = open_net(args.model, TRAIN if args.phase == 'train' else TEST)
    net = Net(shaped(file, DataOptions(batch_size=args.batch_size, input_shape=args.input_shape)))
    own = {layer.name: layer.type for layer in file.param.layer}
    # A data layer's own type, not that of the Input in its place; and no Split but those of the
    # file.
    lines = [replace(line, type=own[line.layer]) for line in net_lines(net) if line.layer in own]
    totals = {
        name: sum(getattr(line, name) for line in lines)
        for name in ('parameters', 'macs', 'memory')
    }
    if args.json:
        layers = [asdict(line) for line in lines]
        print(
            json.dumps(
                {'name': net.name, 'proto': str(file.path), 'layers': layers, 'total': totals},
                indent=1,
            )
        )
    else:
        print(as_text(net, lines, totals))


def net_lines(net: Net) -> list[Line]:
    """A line for each layer, in the net's order."""
    images = net.tops[0][0].shape[0]
    seen: set[int] = set()
    lines = []
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        fresh = {id(blob.values.memory): blob for blob in top}
        memory = 4 * sum(blob.count for key, blob in fresh.items() if key not in seen)
        seen.update(fresh)
        parameters = sum(
            param.count for param in layer.params[: LEARNED.get(layer.type)] if param.owner is param
        )
        lines.append(
            Line(
                layer.name,
                layer.type,
                [blob.shape for blob in bottom],
                [blob.shape for blob in top],
                parameters,
                macs(layer, bottom, top) // images,
                memory,
            )
        )
    return lines


def macs(layer: Layer, bottom, top) -> int:
    """Multiply-accumulates of one forward pass: every output of a convolution or inner product
    costs its fan-in."""
    if not isinstance(layer, Affine):
        return 0
    transposed = layer.type == 'Deconvolution'
    fan = layer.weight.count // (layer.weight.shape[0] if transposed else layer.num_output)
    return sum(blob.count for blob in (bottom if transposed else top)) * fan


def as_text(net: Net, lines: Sequence[Line], totals: dict[str, int]) -> str:
    """The aligned table with its totals."""
    cells = [['layer', 'type', 'in', '', 'out', 'parameters', 'MACs/image', 'memory']]
    for line in lines:
        cells.append(
            [
                line.layer,
                line.type,
                shapes(line.bottoms),
                '->' if line.bottoms else '',
                shapes(line.tops),
                f'{line.parameters:,}' if line.parameters else '',
                amount(line.macs) if line.macs else '',
                amount(line.memory, 'B') if line.memory else '',
            ]
        )
    parameters, macs, memory = totals.values()
    cells.append(['total', *[''] * 4, f'{parameters:,}', amount(macs), amount(memory, 'B')])
    return f'{net.name or "net"}\n{table(cells, left=range(5))}'


def shapes(blobs: Sequence[Shape]) -> str:
    """The extents of blobs, of many only the first."""
    texts = [' '.join(map(str, blob)) or '1' for blob in blobs]
    if len(set(texts)) == 1 and len(texts) > 1:
        return f'{len(texts)} x ({texts[0]})'
    return f'{texts[0]} + {len(texts) - 1} more' if len(texts) > 2 else ', '.join(texts)


if __name__ == '__main__':
    sys.exit(main())
