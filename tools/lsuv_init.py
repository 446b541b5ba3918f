#!/usr/bin/env python3
"""Initialize a net with the command line of LSUVinit's tools/extra/lsuv_init.py (Mishkin & Matas
2016).

    tools/lsuv_init.py solver.prototxt initialized.caffemodel OrthonormalLSUV
    tools/lsuv_init.py solver.prototxt initialized.caffemodel LSUV noFetch gpu

If OUT already exists, its weights are loaded, changed and overwritten. Layers are chosen by their
types, whatever their names, and dropout is off while activations are measured. `goodinit init` does
the same, and more.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import Recipe
from goodinit.tools.cli.arguments import add_engine, add_input_shape, add_strictness
from goodinit.tools.cli.gpu import engine_for, use_gpu
from goodinit.tools.cli.initialize_and_report import initialize_and_report
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.values import one_of

# The published script stops after the twenty-first trial.
MODES = {
    'Orthonormal': Recipe('orthonormal', 'none'),
    'LSUV': Recipe('keep', 'lsuv', max_trials=21),
    'OrthonormalLSUV': Recipe('orthonormal', 'lsuv', max_trials=21),
}
WORDS = ['noFetch', 'gpu']


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(lsuv_init, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('lsuv_init.py', __doc__ or '')
    add = parser.add_argument
    add('solver', metavar='SOLVER', help='a solver or net prototxt, or a bundled model')
    add('out', metavar='OUT', help='the caffemodel to write, or HDF5 if it is called .h5')
    add('mode', metavar='MODE', type=one_of(MODES), help=', '.join(MODES))
    words = 'noFetch: do not load an OUT that exists; gpu: same as --gpu 0'
    add('words', metavar='noFetch|gpu', type=one_of(WORDS), nargs='*', default=[], help=words)
    add_input_shape(parser)
    add_engine(parser)
    add_strictness(parser)
    return parser


def lsuv_init(args: argparse.Namespace) -> None:
    file = read_net_file(args.solver)
    out = Path(args.out)
    check_output(out, force=True)
    loaded = out.is_file() and 'noFetch' not in args.words
    weights = args.out if loaded else ''
    engine = engine_for(args, use_gpu(0) if 'gpu' in args.words else '')
    fed = feed_net(file, DataOptions(input_shape=args.input_shape), engine, weights)
    if loaded:
        say(f'weights loaded from {out}')
    fed.check_save(out)
    outcome = initialize_and_report(fed, [MODES[args.mode]])
    fed.save(out)
    outcome.show(fed)
    say(f'weights written to {out}')


if __name__ == '__main__':
    sys.exit(main())
