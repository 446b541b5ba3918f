"""Initialize a net with the command line of LSUVinit's tools/extra/lsuv_init.py (Mishkin & Matas
2016).

    tools/lsuv_init.py solver.prototxt initialized.caffemodel OrthonormalLSUV
    tools/lsuv_init.py solver.prototxt initialized.caffemodel LSUV noFetch gpu

An OUT that is there already is loaded, worked on and overwritten. Layers are chosen by their types,
whatever their names, and dropout is off while activations are measured. `goodinit init` does the
same, and more.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.feeding.inputs import DataOptions
from goodinit.feeding.net_file import open_net
from goodinit.initializers import Recipe
from goodinit.tools.cli.arguments import add_engine, add_input_shape, add_python_layers, one_of
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.gpu import use_gpu
from goodinit.tools.cli.initialize_and_report import check_output, initialize_and_report
from goodinit.tools.cli.prepare import prepare

# The published script stops when the twenty-first trial has failed.
MODES = {
    'Orthonormal': Recipe('orthonormal', 'none'),
    'LSUV': Recipe('keep', 'lsuv', max_trials=21),
    'OrthonormalLSUV': Recipe('orthonormal', 'lsuv', max_trials=21),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(lsuv_init, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('lsuv_init.py', __doc__ or '')
    add = parser.add_argument
    add('solver', metavar='SOLVER', help='a solver or net prototxt, or a bundled model')
    add('out', metavar='OUT', help='the caffemodel to write, or as .h5 HDF5')
    add('mode', metavar='MODE', type=one_of(MODES), help=', '.join(MODES))
    add(
        'words',
        metavar='noFetch|gpu',
        type=one_of(['noFetch', 'gpu']),
        nargs='*',
        default=[],
        help='noFetch: do not load an OUT that is there; gpu: as --gpu 0',
    )
    add_input_shape(parser)
    add_engine(parser)
    add_python_layers(parser)
    return parser


def lsuv_init(args: argparse.Namespace) -> None:
    file, out = open_net(args.solver), Path(args.out)
    check_output(out, force=True)
    fetched = out.is_file() and 'noFetch' not in args.words
    engine = use_gpu(0) if 'gpu' in args.words else args.engine
    prepared = prepare(
        file, DataOptions(input_shape=args.input_shape), engine, args.out if fetched else ''
    )
    if fetched:
        say(f'weights are loaded from {out}')
    prepared.check_save(out)
    outcome = initialize_and_report(prepared, [MODES[args.mode]])
    prepared.save(out)
    outcome.show(prepared)
    say(f'weights written to {out}')


if __name__ == '__main__':
    sys.exit(main())
