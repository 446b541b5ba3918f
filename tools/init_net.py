"""Initialize the weights of a net from data, and say what came of it.

    goodinit init --proto lenet
    goodinit init --proto train_val.prototxt --data images/ --method kmeans --out init.caffemodel
    goodinit init --proto solver.prototxt --weights old.caffemodel --layers fc8 --weights-from orthonormal
"""
import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from goodinit.initializers import PRESETS, Recipe, Row, initialize
from goodinit.initializers.recipe import BETWEEN, NORMALIZE, WEIGHTS_FROM
from goodinit.netlib.errors import GoodinitError
from goodinit.tools import report
from goodinit.tools.arguments import (
    add_data,
    add_net,
    add_output,
    add_running,
    data_options,
    one_of,
    pattern,
    real,
    size,
    whole,
)
from goodinit.tools.console import Parser, run, say
from goodinit.tools.nets import NetFile, open_net
from goodinit.tools.picture import first_convolution, save_filters
from goodinit.tools.prepare import INITIALIZE, Prepared, prepare

METHODS = '\n'.join(f'  {name:12} {recipe.weights_from}, {recipe.normalize}, {recipe.between}'
                    for name, recipe in PRESETS.items())
EPILOG = f"""methods, by their parts (--weights-from, --normalize, --between):
{METHODS}

the table:
{report.LEGEND}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(initialize_net, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit init', __doc__ or '', epilog=EPILOG)
    add_net(parser)
    add_weights(parser)
    add_method(parser)
    add_data(parser)
    add_running(parser)
    add_output(parser, 'table')
    return parser


def add_weights(parser: Parser) -> None:
    add = parser.add_argument_group('weights in and out').add_argument
    add('--out', metavar='F', default='',
        help="the caffemodel to write (default: beside P; in the current directory for a bundled model)")
    add('--force', action='store_true', help='overwrite it')
    add('--weights', metavar='F', default='', help='start from a trained caffemodel; its weights are kept and only '
                                                   'rescaled, unless --weights-from says otherwise')
    add('--dry-run', action='store_true', help='do everything but write')
    add('--filters', metavar='F.png', default='', help="a picture of the first convolution's new filters")


def add_method(parser: Parser) -> None:
    add = parser.add_argument_group('the method', "A method is made of three parts; below are the methods' own.").add_argument
    add('--method', metavar='M', type=one_of(PRESETS), default='lsuv', help=f"{', '.join(PRESETS)} (default: %(default)s)")
    add('--weights-from', metavar='W', type=one_of(WEIGHTS_FROM), help=', '.join(WEIGHTS_FROM))
    add('--normalize', metavar='N', type=one_of(NORMALIZE), help=', '.join(NORMALIZE))
    add('--between', metavar='B', type=one_of(BETWEEN), help=f"equal change rates of all layers: {', '.join(BETWEEN)}")
    add('--layers', metavar='REGEX', type=pattern, default='', help='only layers whose name it matches somewhere')
    add('--all-layers', action='store_true', help='pca, zca, kmeans, rand: not only for convolutions')
    add('--zero-last', action='store_true', help='the weights of the last layers become zero')
    add('--strict', action='store_true', help='--between exact: nothing across layers that are homogeneous only nearly (LRN)')
    recipe = Recipe()
    add('--target', metavar='V', type=real(above=0), default=recipe.target, help='lsuv: the variance (default: %(default)s)')
    add('--margin', metavar='V', type=real(above=0), default=recipe.margin,
        help='lsuv: how near the variance must come to it (default: %(default)s)')
    add('--max-trials', metavar='N', type=whole(1), default=recipe.max_trials, help='lsuv: (default: %(default)s)')
    add('--beta', metavar='V', type=real(), default=recipe.beta,
        help='within: the mean of every output (default: %(default)s)')
    add('--memory', metavar='SIZE', type=size, default=recipe.memory,
        help='pca, zca, kmeans, rand: samples to hold at once (default: 500MB)')


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The method with the parts and numbers that the options say; trained weights are kept unless they say otherwise."""
    recipe = PRESETS[args.method]
    return replace(
        recipe, weights_from=args.weights_from or ('keep' if args.weights else recipe.weights_from),
        normalize=args.normalize or recipe.normalize, between=args.between or recipe.between, target=args.target,
        margin=args.margin, max_trials=args.max_trials, beta=args.beta, layers=args.layers, all_layers=args.all_layers,
        zero_last=args.zero_last, dropout=args.dropout, strict=args.strict, memory=args.memory)


def initialize_net(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    file = open_net(args.proto)
    out = None if args.dry_run else output_file(file, args.out, args.force)
    if args.filters:
        check_output(Path(args.filters), force=True)
    prepared = prepare(file, data_options(args), args.engine, args.weights)
    if args.filters:
        first_convolution(prepared.net)
    before = prepared.measure(args.dropout)
    recipe = recipe_of(args)
    notes = prepared.notes + run_recipe(prepared, recipe, args.quiet)
    after = prepared.measure(args.dropout)
    if out:
        prepared.save(out)
    if args.filters:
        save_filters(prepared.net, args.filters)
    notes = report.gathered(notes + remarks(prepared, after))
    if args.json:
        about = {'method': args.method, 'recipe': asdict(recipe), 'out': str(out) if out else None}
        print(json.dumps({**about, **as_json(prepared, before, after, notes)}, indent=1))
    elif not args.quiet:
        say(f'net:  {prepared.file.path}; method {args.method}: {recipe.weights_from}, {recipe.normalize}, {recipe.between}')
        print_report(prepared, before, after, notes)
        say(f"{f'written to {out}' if out else 'nothing is written (--dry-run)'}, {time.perf_counter() - start:.1f} s")


def output_file(file: NetFile, name: str, force: bool) -> Path:
    """Where to write the weights, checked before any work is done. Raises GoodinitError."""
    beside = Path(f'{file.model}.caffemodel') if file.bundled else file.path.with_suffix('.caffemodel')
    out = Path(name) if name else beside
    if out.suffix in ('.h5', '.hdf5'):
        raise GoodinitError(f'--out {out}: weights are written as .caffemodel, not yet as HDF5')
    check_output(out, force)
    return out


def check_output(out: Path, force: bool) -> None:
    """Raises GoodinitError where a file could not be written, or would be overwritten."""
    if out.is_dir():
        raise GoodinitError(f'{out}: is a folder; needed: the name of a file to write')
    if not out.parent.is_dir():
        raise GoodinitError(f'{out}: there is no folder {out.parent}')
    if not os.access(out if out.exists() and not out.is_file() else out.parent, os.W_OK):
        raise GoodinitError(f'{out}: the folder {out.parent} is not writable')
    if out.is_file() and not force:
        raise GoodinitError(f'{out}: is there already: --force overwrites it, --out writes elsewhere')


def run_recipe(prepared: Prepared, recipe: Recipe, quiet: bool = False) -> list[str]:
    """Initialize, with a progress bar on a terminal; returns notes."""
    from tqdm import tqdm
    with tqdm(total=len(prepared.net.layers), unit='layer', leave=False, file=sys.stderr,
              disable=quiet or not sys.stderr.isatty()) as bar:
        def advance(layer: str) -> None:
            bar.set_description(layer, refresh=False)
            bar.update()
        return initialize(prepared.net, prepared.feed.batches, recipe, prepared.rng(INITIALIZE), advance)


def remarks(prepared: Prepared, after: Sequence[Row]) -> list[str]:
    """Notes on what the numbers after initialization tell."""
    notes = [f"layer '{row.layer}': {row.dead:.0%} of its units are dead" for row in after if row.dead and row.dead > 0.1]
    if prepared.feed.images < 16:
        notes.append(f'{prepared.feed.images} samples are few: statistics are rough (--batch-size, --batches)')
    return notes


def print_report(prepared: Prepared, before: Sequence[Row], after: Sequence[Row], notes: Sequence[str]) -> None:
    say(f'data: {prepared.feed.describe} ({prepared.feed.images} used)\n')
    print(report.before_and_after(before, after), flush=True)
    say('')
    for note in notes:
        say(f'note: {note}')
    say(f'greatest change rate over the smallest: {report.number(report.spread(before))} before, '
        f'{report.number(report.spread(after))} after')


def as_json(prepared: Prepared, before: Sequence[Row], after: Sequence[Row], notes: Sequence[str]) -> dict:
    """What was measured, and on what."""
    layers = [{'layer': old.layer, 'type': old.type, 'before': report.measures(old), 'after': report.measures(new)}
              for old, new in zip(before, after, strict=True)]
    return {'proto': str(prepared.file.path), 'data': prepared.feed.describe, 'samples': prepared.feed.images,
            'seed': prepared.seed, 'layers': layers, 'notes': list(notes),
            'spread': {'before': report.finite(report.spread(before)), 'after': report.finite(report.spread(after))}}


if __name__ == '__main__':
    sys.exit(main())
