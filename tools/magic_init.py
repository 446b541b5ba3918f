#!/usr/bin/env python3
"""Initialize a net with the command line of magic_init (Krähenbühl et al. 2016).

    tools/magic_init.py train_val.prototxt initialized.caffemodel -t kmeans -cs
    tools/magic_init.py train_val.prototxt initialized.caffemodel -d 'images/*.jpg' -bs 16 -nit 10

Layers whose weights are all zero are initialized; layers with a filler or with loaded weights only
if -z is given. -cs evens the change rates, with the same outputs, on any net; the published script
iterates on chains of layers. `goodinit init` does the same, and more.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

import numpy as np
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import Recipe
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.tools.cli.arguments import option, switch
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.initialize_and_report import initialize_and_report
from goodinit.tools.cli.magic_options import add_magic_options, magic_data
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.values import one_of, real, whole

KINDS = ('elwise', 'pca', 'zca', 'kmeans', 'rand')
TYPES = (*KINDS, *(f'fast_{kind}' for kind in KINDS))
BALANCE = Recipe('keep', 'none', 'exact')
ZERO = 1e-10  # weights whose absolute values sum to less are zero
DEFAULT = '(default: %(default)s)'
OUT = 'the caffemodel to write, or HDF5 if it is called .h5; an existing one is overwritten'
TYPE = (
    'elwise (Gaussian), pca, zca, kmeans, rand; '
    'fast_ before one of them changes nothing: all are fast'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(magic_init, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('magic_init.py', __doc__ or '')
    add_magic_options(parser)
    parser.add_argument('out', metavar='OUT', help=OUT)
    add = partial(option, parser)
    add('-b/--bias V', f'the mean of every output {DEFAULT}', real(), 0.1)
    add('-t/--type T', TYPE, one_of(TYPES), 'elwise')
    switch(parser, '-z', 'initialize every layer, not only those whose weights are zero')
    switch(parser, '-cs', 'balance the change rates of all layers')
    switch(parser, '-q', 'print nothing but errors')
    add('--mem-limit MB', f'samples held at once {DEFAULT}', whole(1), 500)
    return parser


def magic_init(args: argparse.Namespace) -> None:
    file = read_net_file(args.prototxt)
    out = Path(args.out)
    check_output(out, force=True)
    fed = feed_net(file, magic_data(args), engine_for(args), args.load)
    fed.check_save(out)
    recipes = recipes_of(args, fed.net)
    if not recipes and not args.q:
        say('no layer has weights that are all zero; nothing to do (-z initializes every layer)')
    outcome = initialize_and_report(fed, recipes, args.q)
    fed.save(out)
    if not args.q:
        outcome.show(fed)
        say(f'weights written to {out}')


def recipes_of(args: argparse.Namespace, net: Net) -> list[Recipe]:
    """First the layers that have no weights yet, then the balance between all."""
    names = '|'.join(map(re.escape, layers_to_fill(net, args.z)))
    kind = args.type.removeprefix('fast_')
    fresh = Recipe(
        weights_from='unit_gaussian' if kind == 'elwise' else kind,
        normalize='within',
        beta=args.bias,
        all_layers=True,
        layers=f'^({names})$',
        memory=args.mem_limit << 20,
    )
    recipes = [fresh] if names else []
    if args.cs:
        recipes.append(BALANCE)
    return recipes


def layers_to_fill(net: Net, everyone: bool) -> list[str]:
    """The names of the layers whose weights are zero, or of all layers with weights."""
    names = []
    for layer in net.layers:
        if isinstance(layer, Affine) and (everyone or is_zero(layer)):
            names.append(layer.name)
    return names


def is_zero(layer: Affine) -> bool:
    return np.abs(layer.weight.data).sum() < ZERO


if __name__ == '__main__':
    sys.exit(main())
