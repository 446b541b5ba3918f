"""Train a net as its solver says, from its fillers, an initialization, weights, or where a snapshot left off.

    goodinit train --solver solver.prototxt --init lsuv
    goodinit train --solver solver.prototxt --snapshot auto
    goodinit train --solver solver.prototxt --weights trained.caffemodel

Ctrl-C stops after a snapshot. `goodinit caffe train` does the same with BVLC's flags and log.
"""
import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from goodinit.initializers import PRESETS, fill
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import Clipped, Displayed, Event, Solver, Tested
from goodinit.solvers.solver import read
from goodinit.tools.arguments import engine, one_of
from goodinit.tools.bundled import find_model
from goodinit.tools.carry_out import carry_out
from goodinit.tools.console import Parser, UsageError, run, say
from goodinit.tools.glog import number
from goodinit.tools.inputs import DataOptions
from goodinit.tools.nets import find_net, open_net
from goodinit.tools.prepare import CPU_ENGINE, prepare
from goodinit.tools.signals import Signals
from goodinit.tools.solver_log import output_lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    parser = Parser('goodinit train', __doc__ or '')
    add = parser.add_argument
    add('--solver', metavar='S', required=True, help="a solver prototxt, or a bundled model's name")
    add('--init', metavar='M', type=one_of(PRESETS),
        help=f"initialize from the net's own data, by {', '.join(PRESETS)}")
    add('--weights', metavar='F', default='', help='start from a caffemodel')
    add('--snapshot', metavar='F', default='',
        help="resume from a .solverstate; 'auto': from the last, if there is one")
    add('--engine', metavar='E', type=engine, default=CPU_ENGINE, help='what computes (default: %(default)s)')
    return run(tool, parser, argv)


def tool(args: argparse.Namespace) -> None:
    """Train to the solver's max_iter, and say what comes of it."""
    # With 'auto' the others say how to start where there is no snapshot yet.
    if sum(map(bool, (args.init, args.weights, args.snapshot not in ('', 'auto')))) > 1:
        raise UsageError('found more than one of --init, --weights and --snapshot; needed: one, or none')
    path = find_model(args.solver, 'solver')
    param = read(path)
    for field in ('net', 'train_net'):
        if param.HasField(field):
            setattr(param, field, str(find_net(getattr(param, field), path)))
    snapshot = last_snapshot(param) if args.snapshot == 'auto' else args.snapshot
    start = None if snapshot or not args.init else initialized(path, args.init, args.engine, max(param.random_seed, 0))
    if args.weights:
        param.weights[:] = [args.weights]
    solver = Solver(param, engine=args.engine, fill=filler(param, start))
    say(f"net: {solver.net.name}; {'resumed from ' + snapshot if snapshot else args.init or args.weights or 'fillers'}")
    with Signals() as signals, progress(solver) as bar:
        solver.report = Report(bar.write)

        def request() -> str | None:
            bar.update()
            return signals.request()
        solver.request = request
        if snapshot:
            solver.restore(snapshot)
            bar.update(solver.iter)
        solver.solve()
    if solver.stopped:
        say(f'stopped at iteration {solver.iter}; --snapshot auto goes on from there')


def last_snapshot(param: SolverParameter) -> str:
    """The .solverstate of the solver's prefix with the highest iteration, or '' where there is none."""
    prefix = Path(param.snapshot_prefix)
    name = re.compile(re.escape(prefix.name) + r'_iter_(\d+)\.solverstate(\.h5)?')
    found = {int(match[1]): path for path in prefix.parent.glob('*') if (match := name.fullmatch(path.name))}
    return str(found[max(found)]) if found else ''


def initialized(solver: Path, method: str, engine: str, seed: int) -> NetParameter:
    """The weights that `goodinit init` gives the solver's net."""
    prepared = prepare(open_net(str(solver)), DataOptions(seed=seed), engine)
    outcome = carry_out(prepared, [PRESETS[method]])
    for note in outcome.notes:
        say(f'note: {note}')
    return prepared.weights()


def filler(param: SolverParameter, weights: NetParameter | None) -> Callable[[Net], None]:
    """What fills a net that was just built: its fillers, then `weights`."""
    rng = np.random.default_rng(param.random_seed if param.random_seed >= 0 else None)

    def start(net):
        fill(net, rng)
        if weights is not None:
            net.copy_from(weights)
    return start


def progress(solver: Solver) -> Any:
    """A bar on stderr where that is a terminal."""
    from tqdm import tqdm
    return tqdm(total=solver.param.max_iter, unit='iteration', leave=False, file=sys.stderr,
                disable=not sys.stderr.isatty())


class Report:
    """Writes a line for each event, above the progress bar."""

    def __init__(self, write: Callable[..., None]):
        self.write = write

    def __call__(self, event: Event) -> None:
        self.write(f'iteration {event.iter}: {self.text(event)}', file=sys.stderr)

    @staticmethod
    def text(event: Event) -> str:
        """What the event tells."""
        if isinstance(event, Displayed):
            return f'loss {number(event.loss)}' + (f', rate {number(event.lr)}' if event.lr is not None else '')
        if isinstance(event, Tested):
            outputs = ', '.join(line.partition(': ')[2].partition(' (')[0] for line in output_lines(event.outputs))
            return f'test net {event.net}: {outputs}'
        if isinstance(event, Clipped):
            return f'gradients clipped from norm {number(event.norm)}'
        return f'snapshot {event.state}'


if __name__ == '__main__':
    sys.exit(main())
