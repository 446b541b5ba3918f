#!/usr/bin/env python3
"""Train a net as its solver says, starting from its fillers, an initialization, weights, or a
snapshot.

    goodinit train solver.prototxt --init lsuv
    goodinit train solver.prototxt --snapshot auto
    goodinit train lenet --iterations 50
    mpiexec -n 4 goodinit train solver.prototxt

Ctrl-C and SIGTERM stop after a snapshot. A run that was killed resumes from its last snapshot, and
ends as if it had not been killed. A bundled solver whose data do not exist trains on scikit-learn's
digits, and says so. Under mpiexec each process takes batches of its own share of the data, of the
size that the prototxt says, and all take the same step by their mean gradient. `goodinit caffe
train` does the same with BVLC's flags and log.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from goodinit.tools.cli.console import Parser, UsageError, run, say, say_notes

from goodinit.feeding.advice import data_advice
from goodinit.feeding.bundled import find_model
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.digit_training import FedByDigits, could_use_digits, feed_digits, use_digits
from goodinit.feeding.digits import digits_note
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import find_net, read_net_file
from goodinit.initializers import PRESETS, fill
from goodinit.netlib import Net
from goodinit.netlib.engines import Engine, make_engine
from goodinit.netlib.errors import GoodinitError, import_extra
from goodinit.netlib.ranks import Ranks
from goodinit.netlib.rng import rng_of
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import Solver, snapshot_files
from goodinit.solvers.one_training import one_training
from goodinit.solvers.solver_nets import seed_of
from goodinit.solvers.solver_param import read_solver_param
from goodinit.tools.cli.arguments import (
    DIGITS,
    SOLVER,
    add_engine,
    add_force,
    add_report,
    add_sharing,
    add_strictness,
    check_report,
    option,
    switch,
)
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.initialize_and_report import initialize_and_report
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.solving import solve
from goodinit.tools.cli.together import together
from goodinit.tools.cli.values import one_of, whole
from goodinit.tools.plots.figures import picture
from goodinit.tools.plots.monitor import EVERY, Monitor
from goodinit.tools.report_page.training import TrainingReport

INIT = f"initialize from the net's own data, by {', '.join(PRESETS)}"
SNAPSHOT = "resume from a .solverstate; 'auto': from the last complete one, if there is one"
ON_NAN = (
    'what to do if the loss is no longer finite: stop, or warn and go on (default: %(default)s)'
)
MONITOR = (
    'plot the change rate of each layer during training to P (.png, .svg or .pdf), '
    'and write its numbers to a .json'
)
DETERMINISTIC = (
    'on a GPU, use only algorithms that give the same bits each time; the CPU does so in any case'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(train, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit train', __doc__ or '')
    parser.add_first(parser, '--solver', 'solver', SOLVER)
    add = partial(option, parser)
    add('--init M', INIT, one_of(PRESETS))
    switch(parser, '--dropout', 'keep dropout on while --init measures activations')
    add('--weights F', 'start from a caffemodel', default='')
    add('--snapshot F', SNAPSHOT, default='')
    iterations = "train to this iteration (default: the solver's max_iter)"
    add('--iterations N', iterations, whole(0))
    switch(parser, '--digits', DIGITS)
    add('--on-nan DO', ON_NAN, one_of(['stop', 'warn']), 'stop')
    add('--monitor P', MONITOR, picture)
    add_report(parser)
    every = f"measure it every N iterations (default: the solver's display, or {EVERY})"
    add('--monitor-every N', every, whole(1))
    add_engine(parser, together=True)
    switch(parser, '--deterministic', DETERMINISTIC)
    add_sharing(parser)
    add_strictness(parser)
    add_force(parser)
    return parser


def train(args: argparse.Namespace) -> None:
    """Train to the solver's max_iter, perhaps on several ranks, and say what comes of it."""
    check_options(args)
    with together('goodinit train') as ranks:
        train_rank(args, ranks)


def check_options(args: argparse.Namespace) -> None:
    """Raises GoodinitError for options that exclude each other, and for a picture that could not be
    drawn."""
    # '--snapshot auto' may find none; then the others say how to start.
    resumes = args.snapshot not in ('', 'auto')
    if [bool(args.init), bool(args.weights), resumes].count(True) > 1:
        raise UsageError(
            'found more than one of --init, --weights and --snapshot; needed: one, or none'
        )
    if args.dropout and not args.init:
        raise UsageError('--dropout: found without --init, which measures activations')
    if args.monitor:
        import_extra('matplotlib', 'plot')
        check_output(Path(args.monitor), force=True)
    check_report(args.report)
    if args.monitor_every and not (args.monitor or args.report):
        raise UsageError(
            '--monitor-every: found without --monitor or --report, which name what is written'
        )


def train_rank(args: argparse.Namespace, ranks: Ranks) -> None:
    """What each rank does."""
    engine = make_engine(engine_for(args), deterministic=args.deterministic)
    path = find_model(args.solver, 'solver')
    param = read_solver_param(path)
    digits = use_digits(param, path, args.digits)
    if digits:
        say_notes([digits_note(*digits)])
    find_nets(param, path)
    set_options(args, param, bool(digits))
    try:
        with one_training(param, ranks.rank):
            train_as(args, path, param, engine, ranks, digits)
    except GoodinitError as error:
        if digits or not could_use_digits(path):
            raise
        raise GoodinitError(
            f"{error} (--digits trains on scikit-learn's digits instead)"
        ) from error


def train_as(
    args: argparse.Namespace,
    path: Path,
    param: SolverParameter,
    engine: Engine,
    ranks: Ranks,
    digits: list[FedByDigits],
) -> None:
    """Train as the solver says, with its options in it."""
    snapshot = open_snapshots(args, param, ranks)
    start = None
    if args.init and not snapshot:
        start = initialization(args, path, param, engine, ranks)
    solver = Solver(
        param,
        engine=engine,
        fill=filler(param, start),
        on_nan=args.on_nan,
        ranks=ranks,
        share_memory=args.share,
    )
    feed_digits(solver, digits)
    if snapshot:
        solver.restore(snapshot)
    say_start(args, solver, snapshot)
    solve(solver, monitors_of(args, solver, start_of(args, snapshot)))
    if solver.stopped:
        say(f'stopped at iteration {solver.iter}; --snapshot auto resumes from there')


def find_nets(param: SolverParameter, path: Path) -> None:
    """Let the solver's fields name the files of its nets as they are found."""
    for field in ('net', 'train_net'):
        if param.HasField(field):
            setattr(param, field, str(find_net(getattr(param, field), path)))
    param.test_net[:] = [str(find_net(name, path)) for name in param.test_net]


def set_options(args: argparse.Namespace, param: SolverParameter, on_digits: bool) -> None:
    """Put what the options say into the solver."""
    if args.iterations is not None:
        param.max_iter = args.iterations
    elif on_digits:
        say(f'note: training to iteration {param.max_iter}; --iterations changes it')
    if args.weights:
        param.weights[:] = [args.weights]


def open_snapshots(args: argparse.Namespace, param: SolverParameter, ranks: Ranks) -> str:
    """Make sure that snapshots can be written, and remove abandoned ones.

    Returns the snapshot to resume from, '' for none. Raises GoodinitError.
    """
    if param.snapshot or param.snapshot_after_train:
        snapshot_files.check_prefix(param)
    if not ranks.rank:
        snapshot_files.remove_unfinished(param.snapshot_prefix)
    if args.snapshot != 'auto':
        return args.snapshot
    last, passed = snapshot_files.find_last(param.snapshot_prefix)
    say_notes(passed)
    return last


def initialization(
    args: argparse.Namespace, solver: Path, param: SolverParameter, engine: Engine, ranks: Ranks
) -> Callable[[], NetParameter]:
    """A function that returns the weights that `goodinit init` gives the solver's net, from what
    all ranks read; it computes them once."""
    recipe = replace(PRESETS[args.init], dropout=args.dropout)

    @cache
    def weights() -> NetParameter:
        options = DataOptions(seed=max(param.random_seed, 0))
        fed = feed_net(read_net_file(solver), options, engine, ranks=ranks)
        fed.notes += data_advice(fed.net, fed.data, recipe)
        outcome = initialize_and_report(fed, [recipe])
        say_notes(outcome.notes)
        return fed.weights()

    return weights


def filler(
    param: SolverParameter, weights: Callable[[], NetParameter] | None
) -> Callable[[Net], None]:
    """What fills a net once all nets are built: its fillers, then what `weights` returns."""
    rng = rng_of(seed_of(param))

    def start(net):
        fill(net, rng)
        if weights is not None:
            net.copy_from(weights())

    return start


def say_start(args: argparse.Namespace, solver: Solver, snapshot: str) -> None:
    """Say which net is trained, from what, and on how many ranks."""
    parts = [f'net: {solver.net.name}', start_of(args, snapshot)]
    if solver.ranks.size > 1:
        parts.append(f'{solver.ranks.size} ranks')
    say('; '.join(parts))


def start_of(args: argparse.Namespace, snapshot: str) -> str:
    """From what the weights are."""
    if snapshot:
        return f'resumed from {snapshot}'
    return args.init or args.weights or 'fillers'


def monitors_of(args: argparse.Namespace, solver: Solver, start: str) -> list[Monitor]:
    """What draws change rates and what writes the report, on the first rank, if they are asked
    for."""
    if solver.ranks.rank:
        return []
    every = args.monitor_every or solver.param.display or EVERY
    found = []
    if args.monitor:
        found.append(Monitor(solver, args.monitor, every))
    if args.report:
        found.append(TrainingReport(solver, args.report, every, args.command, start))
    return found


if __name__ == '__main__':
    sys.exit(main())
