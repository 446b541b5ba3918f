"""Train a net as its solver says, from its fillers, an initialization, weights, or where a snapshot
left off.

    goodinit train --solver solver.prototxt --init lsuv
    goodinit train --solver solver.prototxt --snapshot auto
    goodinit train --solver lenet --iterations 50
    mpiexec -n 4 goodinit train --solver solver.prototxt

Ctrl-C and SIGTERM stop after a snapshot; a run that was killed goes on from its last one as if it
had not been. A bundled solver whose data are not there trains on scikit-learn's digits, and says
so. Under mpiexec each process takes batches of its own share of the data, as the prototxt sizes
them, and all take the same step by their mean gradient. `goodinit caffe train` does the same with
BVLC's flags and log.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType

import numpy as np
from goodinit.feeding.bundled import find_model
from goodinit.feeding.inputs import DataOptions
from goodinit.feeding.net_file import find_net, open_net
from goodinit.feeding.stand_in import feed, use_digits
from goodinit.initializers import PRESETS, Recipe, fill
from goodinit.netlib import Net
from goodinit.netlib.engines import Engine, make_engine
from goodinit.netlib.errors import import_extra
from goodinit.netlib.ranks import Ranks
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import (
    Clipped,
    Displayed,
    Event,
    NotFinite,
    Snapshotted,
    Solver,
    Tested,
    snapshots,
)
from goodinit.solvers.events import Magnitude
from goodinit.solvers.log.caffe_log import output_lines
from goodinit.solvers.log.glog import number
from goodinit.solvers.solver import read
from goodinit.tools.cli.arguments import add_engine, add_python_layers, add_sharing, one_of, whole
from goodinit.tools.cli.console import Parser, UsageError, run, say
from goodinit.tools.cli.initialize_and_report import check_output, initialize_and_report
from goodinit.tools.cli.prepare import prepare
from goodinit.tools.cli.signals import Signals
from goodinit.tools.cli.together import together
from goodinit.tools.plots.figures import picture
from goodinit.tools.plots.monitor import EVERY, Monitor


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    parser = Parser('goodinit train', __doc__ or '')
    add = parser.add_argument
    add('--solver', metavar='S', required=True, help="a solver prototxt, or a bundled model's name")
    add(
        '--init',
        metavar='M',
        type=one_of(PRESETS),
        help=f"initialize from the net's own data, by {', '.join(PRESETS)}",
    )
    add('--dropout', action='store_true', help='keep dropout on while --init looks at activations')
    add('--weights', metavar='F', default='', help='start from a caffemodel')
    add(
        '--snapshot',
        metavar='F',
        default='',
        help="resume from a .solverstate; 'auto': from the last that is complete, if there is one",
    )
    add(
        '--iterations',
        metavar='N',
        type=whole(0),
        help="train to this iteration (default: the solver's max_iter)",
    )
    add(
        '--on-nan',
        metavar='DO',
        type=one_of(['stop', 'warn']),
        default='stop',
        help='what to do when the loss is no longer finite: stop, or warn and go on (default: %(default)s)',
    )
    add(
        '--monitor',
        metavar='P',
        type=picture,
        help='draw the change rate of each layer, as it trains, in P (.png, .svg or .pdf), with its numbers as .json',
    )
    add(
        '--monitor-every',
        metavar='N',
        type=whole(1),
        help=f"measure it every N iterations (default: the solver's display, or {EVERY})",
    )
    add_engine(parser, together=True)
    add(
        '--deterministic',
        action='store_true',
        help='on a GPU, only algorithms that give the same bits each time; the CPU does in any case',
    )
    add_sharing(parser)
    add_python_layers(parser)
    return run(tool, parser, argv)


def tool(args: argparse.Namespace) -> None:
    """Train to the solver's max_iter, perhaps on several ranks, and say what comes of it."""
    check(args)
    with together('goodinit train') as ranks:
        run_solver(args, ranks)


def run_solver(args: argparse.Namespace, ranks: Ranks) -> None:
    engine = make_engine(args.engine, deterministic=args.deterministic)
    path = find_model(args.solver, 'solver')
    param = read(path)
    digits = use_digits(param, path)
    for found in digits:
        say(f'note: {found.note}')
    find_nets(param, path)
    if args.iterations is not None:
        param.max_iter = args.iterations
    elif digits:
        say(f'note: to iteration {param.max_iter}; --iterations says otherwise')
    if param.snapshot or param.snapshot_after_train:
        snapshots.check(param)
    if not ranks.rank:
        snapshots.clean(param.snapshot_prefix)
    snapshot = last_snapshot(param.snapshot_prefix) if args.snapshot == 'auto' else args.snapshot
    if args.weights:
        param.weights[:] = [args.weights]
    start = (
        None
        if snapshot or not args.init
        else cache(
            lambda: initialized(
                path,
                replace(PRESETS[args.init], dropout=args.dropout),
                engine,
                max(param.random_seed, 0),
                ranks,
            )
        )
    )
    solver = Solver(
        param,
        engine=engine,
        fill=filler(param, start),
        on_nan=args.on_nan,
        ranks=ranks,
        share_memory=args.share,
    )
    feed(solver, digits)
    if snapshot:
        solver.restore(snapshot)
    say(
        f'net: {solver.net.name}; {"resumed from " + snapshot if snapshot else args.init or args.weights or "fillers"}'
        + (f'; {ranks.size} ranks' if ranks.size > 1 else '')
    )
    monitored = args.monitor and not ranks.rank
    train(
        solver,
        Monitor(solver, args.monitor, args.monitor_every or param.display or EVERY)
        if monitored
        else None,
    )
    if solver.stopped:
        say(f'stopped at iteration {solver.iter}; --snapshot auto goes on from there')


def check(args: argparse.Namespace) -> None:
    """Raises GoodinitError for options that do not go together, and for a picture that could not be
    made."""
    # With 'auto' the others say how to start where there is no snapshot yet.
    if sum(map(bool, (args.init, args.weights, args.snapshot not in ('', 'auto')))) > 1:
        raise UsageError(
            'found more than one of --init, --weights and --snapshot; needed: one, or none'
        )
    if args.dropout and not args.init:
        raise UsageError('--dropout: found without --init, which looks at activations')
    if args.monitor:
        import_extra('matplotlib', 'plot')
        check_output(Path(args.monitor), force=True)
    elif args.monitor_every:
        raise UsageError('--monitor-every: found without --monitor, which names the picture')


def train(solver: Solver, monitor: Monitor | None = None) -> None:
    """Train to the end, with a line for each event and a progress bar; signals stop it after a
    snapshot."""
    with Signals(sigterm='stop') as signals, Progress(solver) as progress, monitor or nullcontext():
        listeners: list[Progress | Monitor] = [progress, monitor] if monitor else [progress]

        def report(event: Event) -> None:
            for each in listeners:
                each.tell(event)

        def request() -> str | None:
            for each in listeners:
                each.advance()
            return signals.request()

        solver.report, solver.request = report, request
        solver.solve()


def find_nets(param: SolverParameter, path: Path) -> None:
    """Let the solver's fields name the nets' files as they are found."""
    for field in ('net', 'train_net'):
        if param.HasField(field):
            setattr(param, field, str(find_net(getattr(param, field), path)))
    param.test_net[:] = [str(find_net(name, path)) for name in param.test_net]


def last_snapshot(prefix: str) -> str:
    """The last complete snapshot, or '' where there is none, with a word on those that are not
    complete."""
    found, passed = snapshots.find_last(prefix)
    for line in passed:
        say(f'note: {line}')
    return found


def initialized(
    solver: Path, recipe: Recipe, engine: Engine, seed: int, ranks: Ranks
) -> NetParameter:
    """The weights that `goodinit init` gives the solver's net, from what all ranks read."""
    prepared = prepare(open_net(str(solver)), DataOptions(seed=seed), engine, ranks=ranks)
    outcome = initialize_and_report(prepared, [recipe])
    for note in outcome.notes:
        say(f'note: {note}')
    return prepared.weights()


def filler(
    param: SolverParameter, weights: Callable[[], NetParameter] | None
) -> Callable[[Net], None]:
    """What fills a net once all nets are built: its fillers, then what `weights` gives."""
    rng = np.random.default_rng(param.random_seed if param.random_seed >= 0 else None)

    def start(net):
        fill(net, rng)
        if weights is not None:
            net.copy_from(weights())

    return start


class Progress:
    """A line for each event of a solver on stderr, and where that is a terminal a bar below them:
    the iteration, the loss, the rate, images per second, and the time that is left."""

    FORMAT = '{percentage:3.0f}%|{bar}| {n}/{total} [{elapsed}<{remaining}{postfix}]'

    def __init__(self, solver: Solver):
        from tqdm import tqdm

        self.solver = solver
        self.images = solver.net.tops[0][0].shape[0] * solver.param.iter_size
        self.bar = tqdm(
            total=solver.param.max_iter,
            initial=solver.iter,
            leave=False,
            file=sys.stderr,
            bar_format=self.FORMAT,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> 'Progress':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def advance(self) -> None:
        """An iteration is done."""
        if not self.bar.disable:
            speed = (self.bar.format_dict['rate'] or 0) * self.images
            self.bar.set_postfix_str(
                f'loss {number(self.solver.smoothed_loss)}, rate {number(self.solver.lr)}, '
                f'{speed:.0f} images/s',
                refresh=False,
            )
            self.bar.update()

    def tell(self, event: Event) -> None:
        """A line for the event, if it is worth one."""
        text = self.text(event)
        if text:
            self.bar.write(f'iteration {self.solver.iter}: {text}', file=sys.stderr)

    def text(self, event: Event) -> str:
        """What the event tells."""
        match event:
            case Displayed(_, loss, outputs):
                return f'loss {number(loss)}' + (
                    f', rate {number(self.solver.lr)}' if outputs is not None else ''
                )
            case Tested(_, net, outputs):
                lines = (
                    line.partition(': ')[2].partition(' (')[0] for line in output_lines(outputs)
                )
                return f'test net {net}: {", ".join(lines)}'
            case Clipped(_, norm):
                return f'gradients clipped from norm {number(norm)}'
            case Snapshotted():
                return f'snapshot {event.state}'
            case NotFinite():
                return f'warning: {event.message}'
            case Magnitude(direction, layer, blob, half, mean):
                return f'{direction.lower()}, {layer}, {blob}, mean absolute {half} {number(mean)}'
        return ''


if __name__ == '__main__':
    sys.exit(main())
