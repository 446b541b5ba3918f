"""Score a net with its weights: each of its outputs, the mean over some batches of its own test
data.

    goodinit test --model train_val.prototxt --weights trained.caffemodel --iterations 100
    goodinit test --model lenet --weights lenet_iter_50.caffemodel

A bundled net whose data are not there is scored on scikit-learn's digits, and this is said.
`goodinit caffe test` does the same with BVLC's flags and log.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from goodinit.feeding.net_file import open_net
from goodinit.feeding.stand_in import Feeder, stand_in
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.solvers.events import mean_outputs
from goodinit.solvers.log.caffe_log import output_lines
from goodinit.tools.cli.arguments import add_engine, add_python_layers, add_sharing, whole
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.prepare import copy_weights

ITERATIONS = 50  # as `caffe test`


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    parser = Parser('goodinit test', __doc__ or '')
    add = parser.add_argument
    add('--model', metavar='P', required=True, help="a prototxt, or a bundled model's name")
    add('--weights', metavar='F', required=True, help='a caffemodel or .h5')
    add(
        '--iterations',
        metavar='N',
        type=whole(1),
        help=f'how many batches (default: {ITERATIONS}, or all of the digits)',
    )
    add_engine(parser)
    add_sharing(parser)
    add_python_layers(parser)
    return run(test, parser, argv)


def test(args: argparse.Namespace) -> None:
    """Print a line for each number of each output."""
    from tqdm import tqdm

    file = open_net(args.model, TEST)
    digits = stand_in(file)
    net = Net(digits.param if digits else file.param, engine=args.engine)
    fill(net, np.random.default_rng(0))
    notes = copy_weights(net, args.weights)
    if args.share:
        net.share_memory()
    if digits:
        Feeder(net, digits.batches)
        notes.insert(0, digits.note)
    for note in notes:
        say(f'note: {note}')
    batches = args.iterations or (len(digits.batches) if digits else ITERATIONS)
    with tqdm(
        total=batches, unit='batch', leave=False, file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:

        def forward(net: Net) -> float:
            bar.update()
            return net.forward()

        outputs, _ = mean_outputs(net, batches, forward)
    for line in output_lines(outputs):
        print(line.partition(': ')[2])


if __name__ == '__main__':
    sys.exit(main())
