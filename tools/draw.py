#!/usr/bin/env python3
"""Draw a net, the filters of a layer, or what a layer makes of an image.

    goodinit draw lenet lenet.svg
    goodinit draw lenet filters.png --filters conv1 --weights lenet.caffemodel
    goodinit draw lenet conv2.pdf --activations conv2 --data digit.png --weights lenet.caffemodel
    goodinit draw train_val.prototxt net.png --rankdir LR --phase ALL --display_lrm

The output's extension names the format: .svg, .png or .pdf. A net is drawn from top to bottom: a
box for each layer, with the shape of its output. With --rankdir, --display_lrm or --phase ALL it is
drawn as Caffe's draw_net.py does, with an octagon for each blob, by the program `dot` of Graphviz;
so are other formats, of which .dot, the graph's text, needs no `dot`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goodinit.tools.cli.console import Parser, UsageError, run, say

import numpy as np
from goodinit.caffe.draw import draw_net_to_file
from goodinit.feeding.bundled import find_model
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.filled_net import PHASES, filled_net
from goodinit.feeding.net_file import NetFile, read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.netlib import Net
from goodinit.netlib.errors import DataError
from goodinit.netlib.shapes import dimensions
from goodinit.proto import atomic_write, read_net
from goodinit.proto.caffe_pb2 import Phase
from goodinit.tools.cli.arguments import DATA, add_input_shape, add_unknown_fields, option
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.values import one_of
from goodinit.tools.plots import figures
from goodinit.tools.plots.filters import (
    about_filters,
    activation_figure,
    filter_figure,
    layer_of_filters,
    named_layer,
)
from goodinit.tools.report_page.charts import picture
from goodinit.tools.report_page.net_graph import graph_rows
from goodinit.tools.report_page.numbers import layers_of_net
from goodinit.tools.report_page.plots import graph_chart


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(draw, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit draw', __doc__ or '')
    add = parser.add_argument
    net = "the net's prototxt, or the name of a bundled model"
    parser.add_first(parser, '--proto', 'net', net)
    add('output_image_file', metavar='OUT', help='the picture to write')
    option(parser, '--filters LAYER', 'draw the filters of this layer')
    option(parser, '--activations LAYER', 'draw the outputs of this layer for an image')
    option(
        parser, '--weights F', 'a caffemodel or .h5 (default: what the fillers give)', default=''
    )
    option(parser, '--data PATH', f'the image: the first of {DATA}')
    add_input_shape(parser)
    rankdir = 'by Graphviz: LR from left to right, TB from top to bottom, and RL, BT'
    option(parser, '--rankdir D', rankdir, one_of(['LR', 'RL', 'TB', 'BT']))
    phase = 'the layers of TRAIN, the default, of TEST, or by Graphviz ALL'
    option(parser, '--phase P', phase, one_of(['TRAIN', 'TEST', 'ALL']))
    multipliers = "by Graphviz: write each layer's multipliers of the learning rate"
    add('--display_lrm', action='store_true', help=multipliers)
    add_unknown_fields(parser)
    return parser


def draw(args: argparse.Namespace) -> None:
    check_options(args)
    out = Path(args.output_image_file)
    check_output(out, force=True)
    if args.filters:
        draw_filters(args, out)
    elif args.activations:
        draw_activations(args, out)
    elif by_graphviz(args, out):
        draw_by_graphviz(args, out)
    else:
        draw_boxes(args, out)


def check_options(args: argparse.Namespace) -> None:
    """Raises GoodinitError for options that exclude each other."""
    if args.filters and args.activations:
        raise UsageError('found --filters and --activations; needed: one of them')
    if args.data and not args.activations:
        raise UsageError('--data: found without --activations, which runs the net on it')
    if args.weights and not (args.filters or args.activations):
        raise UsageError('--weights: found without --filters or --activations, which show them')
    if args.filters or args.activations:
        try:
            figures.picture(args.output_image_file)
        except argparse.ArgumentTypeError as error:
            raise UsageError(f'argument OUT: {error}') from None


def net_file(args: argparse.Namespace) -> NetFile:
    phase = (args.phase or 'TRAIN').lower()
    if phase not in PHASES:
        raise UsageError(f'--phase {args.phase}: needed: TRAIN or TEST, one net to run')
    return read_net_file(args.net, PHASES[phase])


# -- the net


def by_graphviz(args: argparse.Namespace, out: Path) -> bool:
    """Whether options or the format ask for the picture that Caffe makes."""
    asked = args.rankdir or args.display_lrm or args.phase == 'ALL'
    return bool(asked) or out.suffix.lower() not in figures.FORMATS


def draw_by_graphviz(args: argparse.Namespace, out: Path) -> None:
    net = read_net(find_model(args.net))
    phase = None if args.phase in (None, 'ALL') else Phase.Value(args.phase)
    say(f'Drawing net to {out}')
    draw_net_to_file(net, out, args.rankdir or 'LR', phase, args.display_lrm)


def draw_boxes(args: argparse.Namespace, out: Path) -> None:
    """Boxes from top to bottom, with the shapes of outputs."""
    file = net_file(args)
    net = Net(shaped(file, DataOptions(input_shape=args.input_shape)))
    rows = graph_rows(layers_of_net(file.param, net), {})
    made = picture(graph_chart(rows), out.suffix.lower())
    with atomic_write(out) as target:
        target.write(made)
    say(f'{out}: {len(rows["boxes"])} boxes, from the input at the top to the outputs')


# -- its layers


def draw_filters(args: argparse.Namespace, out: Path) -> None:
    param = shaped(net_file(args), DataOptions(input_shape=args.input_shape))
    net, notes = filled_net(param, weights=args.weights)
    layer = layer_of_filters(net, args.filters)
    for note in notes:
        say(f'note: {note}')
    figures.save(filter_figure(layer.name, layer.params[0].data), out)
    say(f'{out}: {about_filters(layer)}')


def draw_activations(args: argparse.Namespace, out: Path) -> None:
    options = DataOptions(data=args.data, batch_size=1, input_shape=args.input_shape)
    fed = feed_net(net_file(args), options, weights=args.weights)
    layer = named_layer(fed.net, args.activations)
    image, values = activations(fed.net, fed.data.batches[0], layer.name)
    figures.save(activation_figure(layer.name, image, values), out)
    say(
        f"{out}: the {len(values)} outputs of '{layer.name}' for the first of {fed.data.describe}; "
        'red is above 0, blue below, white 0'
    )


def activations(net: Net, batch: dict[str, Any], name: str) -> tuple[Any, Any]:
    """The first image of a batch and the outputs of a layer, (C, H, W) each; (C, 1, 1) for a layer
    without positions. Raises DataError for a net that reads no images."""
    images = [values for values in batch.values() if values.ndim == 4]
    if not images:
        raise DataError(f"net '{net.name}' reads no images; --activations needs one")
    for blob, values in batch.items():
        net.blobs[blob].reshape(*values.shape)
        net.blobs[blob].data = values
    net.run(end=name)
    tops = net.tops[net.index(name)]
    values = tops[0].data if tops else np.zeros(())
    if values.ndim == 2:
        values = values.reshape(*values.shape, 1, 1)
    if values.ndim != 4:
        raise DataError(
            f"layer '{name}': its output is {dimensions(values.shape) or 'one number'}; needed to "
            'draw it: samples, channels and positions'
        )
    return images[0][0], values[0]


if __name__ == '__main__':
    sys.exit(main())
