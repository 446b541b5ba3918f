#!/usr/bin/env python3
"""Draw a net: a box for each layer, an octagon for each blob.

    goodinit draw lenet lenet.png
    goodinit draw train_val.prototxt net.svg --rankdir TB --phase TRAIN --display_lrm

The output's extension names the format: .png, .svg, .pdf, or .dot for the graph's text. Pictures
need the program `dot` of Graphviz.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

from goodinit.caffe.draw import draw_net_to_file
from goodinit.feeding.bundled import find_model
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import Phase
from goodinit.tools.cli.arguments import add_unknown_fields
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.values import one_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(draw, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit draw', __doc__ or '')
    add = parser.add_argument
    net = "the net's prototxt, or the name of a bundled model"
    parser.add_first(parser, '--proto', 'net', net)
    add('output_image_file', metavar='OUT', help='the picture to write')
    direction = one_of(['LR', 'RL', 'TB', 'BT'])
    rankdir = 'LR from left to right, TB from top to bottom, and RL, BT (default: %(default)s)'
    add('--rankdir', metavar='D', type=direction, default='LR', help=rankdir)
    phases = one_of(['TRAIN', 'TEST', 'ALL'])
    phase = 'the layers of TRAIN, of TEST, or ALL (default: %(default)s)'
    add('--phase', metavar='P', type=phases, default='ALL', help=phase)
    multipliers = "write each layer's multipliers of the learning rate"
    add('--display_lrm', action='store_true', help=multipliers)
    add_unknown_fields(parser)
    return parser


def draw(args: argparse.Namespace) -> None:
    net = read_net(find_model(args.net))
    phase = None if args.phase == 'ALL' else Phase.Value(args.phase)
    check_output(Path(args.output_image_file), force=True)
    say(f'Drawing net to {args.output_image_file}')
    draw_net_to_file(net, args.output_image_file, args.rankdir, phase, args.display_lrm)


if __name__ == '__main__':
    sys.exit(main())
