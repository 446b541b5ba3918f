#!/usr/bin/env python3
"""Measure the running mean and variance of every BatchNorm and BN layer on data, and write them
with the weights.

    goodinit bn_statistics train_val.prototxt trained.caffemodel --data images/ --batches 50
    goodinit bn_statistics segnet_train.prototxt segnet.caffemodel --out segnet_test.caffemodel

One pass, layer by layer: each layer gets the statistics of everything that reaches it, while the
layers below already run on theirs, as they will in TEST. SegNet's BN, which stores none, takes them
into its scale and shift, for a net with bn_mode: INFERENCE.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goodinit.tools.cli.console import Parser, run, say, say_notes

from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.filled_net import PHASES
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers.moments import Moments
from goodinit.initializers.statistics import fill_statistics
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.netlib.layers.shared.normalizing import Normalizing
from goodinit.tools.cli.arguments import (
    NET,
    add_data,
    add_output,
    add_phase,
    add_running,
    add_strictness,
    data_options,
    option,
    switch,
)
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.report import about, number, table

OUT = 'the file to write (default: beside WEIGHTS, with _bn in its name)'
FOLDED = 'the file is for a net with bn_mode: INFERENCE in its BN layers'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(bn_statistics, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit bn_statistics', __doc__ or '')
    parser.add_first(parser, '--proto', 'net', NET)
    parser.add_argument('weights', metavar='WEIGHTS', help='a caffemodel or .h5')
    option(parser, '--out F', OUT, default='')
    switch(parser, '--force', 'overwrite it')
    add_phase(parser)
    add_strictness(parser)
    add_data(parser)
    add_running(parser)
    add_output(parser, 'print nothing but errors')
    return parser


def bn_statistics(args: argparse.Namespace) -> None:
    out = output_of(args)
    file = read_net_file(args.net, PHASES[args.phase])
    fed = feed_net(file, data_options(args), engine_for(args), args.weights, complete=False)
    fed.check_save(out)
    layers = normalizing(fed.net)
    found = fill_statistics(fed.net, fed.data.batches, layers, args.dropout)
    fed.save(out)
    rows = [summary(layer, found[layer.name]) for layer in layers if layer.name in found]
    if not all(layer.keeps_statistics for layer in layers):
        fed.notes.append(FOLDED)
    if args.json:
        print(json.dumps({**about(fed), 'out': str(out), 'layers': rows, 'notes': fed.notes}))
    elif not args.quiet:
        show(fed, rows)
        say(f'weights with the statistics of {len(rows)} layers written to {out}')


def output_of(args: argparse.Namespace) -> Path:
    """The file to write. Raises GoodinitError if it cannot be written."""
    weights = Path(args.weights)
    out = Path(args.out or weights.with_stem(f'{weights.stem}_bn'))
    check_output(out, args.force)
    return out


def normalizing(net: Net) -> list[Normalizing]:
    """The layers to measure: those that store statistics or use the batch's. Raises NetError if
    there are none."""
    found = []
    for layer in net.layers:
        if isinstance(layer, Normalizing) and (layer.keeps_statistics or layer.from_batch):
            found.append(layer)
    if not found:
        raise NetError(
            f"net '{net.name}' has no layer that normalizes by the batch: needed: BatchNorm, or BN "
            'that is not in bn_mode: INFERENCE'
        )
    return found


def summary(layer: Normalizing, found: Moments) -> dict[str, Any]:
    """What was measured at a layer, over all its channels."""
    return {
        'layer': layer.name,
        'type': layer.type,
        'channels': layer.channels,
        'mean': found.total_mean,
        'std': found.total_var**0.5,
    }


def show(fed: FedNet, rows: Sequence[dict[str, Any]]) -> None:
    """Print the table on stdout, everything else on stderr."""
    say(f'net:  {fed.file.path}')
    say(f'data: {fed.data}\n')
    cells = [list(rows[0])]
    for row in rows:
        cells.append([value if isinstance(value, str) else number(value) for value in row.values()])
    print(table(cells, left=(0, 1)), flush=True)
    say('')
    say_notes(fed.notes)


if __name__ == '__main__':
    sys.exit(main())
