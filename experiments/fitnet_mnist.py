"""FitNet-MNIST from orthonormal and from LSUV weights, with softmax and hinge loss: Mishkin & Matas
(2016), Table 2.

    python experiments/fitnet_mnist.py --data mnist/ --jobs 2

Each training is a process of `goodinit train` in the folder --work; what was interrupted goes on
when the command is given again. Writes results/fitnet_mnist.json, .md and .png, and the logs.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import time
from math import gcd
from pathlib import Path
from subprocess import Popen

from goodinit.experiments import results
from goodinit.experiments.results import markdown, share_processors
from goodinit.feeding.bundled import find_model
from goodinit.proto import read_solver, write_text
from goodinit.solvers.log.reader import Log, read_log
from goodinit.tools import convert_mnist_data
from goodinit.tools.plots import figures

PRINTED = {
    'softmax_orthonormal': 0.48,
    'softmax_lsuv': 0.48,
    'hinge_orthonormal': 0.43,
    'hinge_lsuv': 0.38,
}
PARTS = {
    'mnist_train_lmdb': 'train',
    'mnist_test_lmdb': 't10k',
}  # the databases, and whose files they hold
SNAPSHOT, SEED = 1000, 1
TICKS = (0.3, 0.4, 0.5, 0.7, 1, 2, 3)
CPU_TIME = 'CPU time of this run: {:.1f} s'


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    make_databases(args.data, args.work)
    share_processors(args.jobs)
    train_all([name for name in PRINTED if not done(name, args)], args)
    logs = {name: read_log(args.work / f'{name}.log') for name in PRINTED}
    for name in PRINTED:
        shutil.copy(args.work / f'{name}.log', results.RESULTS / f'fitnet_mnist_{name}.log')
    found = {name: outcome(log, args.work / f'{name}.log') for name, log in logs.items()}
    results.write('fitnet_mnist', found, report(found))
    plot(logs, results.RESULTS / 'fitnet_mnist.png')


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        '--data', required=True, type=Path, help="folder of MNIST's four files (perhaps .gz or .xz)"
    )
    add(
        '--work',
        type=Path,
        default=results.WORK / 'fitnet_mnist',
        help='folder for databases, snapshots and logs (default: %(default)s)',
    )
    add(
        '--jobs',
        type=int,
        default=1,
        help='trainings at a time, which share the processors (default: %(default)s)',
    )
    add('--iterations', type=int, default=50_000, help='of each training (default: %(default)s)')
    return parser.parse_args()


def make_databases(data: Path, work: Path) -> None:
    """Make those that are not there yet."""
    for name, part in PARTS.items():
        if not (work / name).exists():
            files = [
                next(data.glob(f'{part}-{kind}-ubyte*'), data / f'{part}-{kind}-ubyte')
                for kind in ('images-idx3', 'labels-idx1')
            ]
            if convert_mnist_data.main([*map(str, files), str(work / name)]):
                raise SystemExit(1)


def done(name: str, args: argparse.Namespace) -> bool:
    """Whether the training has come to its last test."""
    log = args.work / f'{name}.log'
    return log.is_file() and f'\niteration {args.iterations}: test' in log.read_text()


# -- training


def train_all(names: list[str], args: argparse.Namespace) -> None:
    """Start or resume these trainings, `jobs` at a time; Ctrl-C and SIGTERM stop them after a
    snapshot."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    waiting, running = list(names), dict[str, Popen]()
    try:
        while waiting or running:
            while waiting and len(running) < args.jobs:
                name = waiting.pop(0)
                running[name] = start(name, args)
            time.sleep(0.2)
            for name in [name for name in running if ended(name, running[name], args.work)]:
                if running.pop(name).returncode:
                    raise SystemExit(
                        f'{name}: {command(name)} has failed; see {args.work / name}.log'
                    )
    except KeyboardInterrupt:
        raise SystemExit('stopped; the same command goes on from the last snapshots') from None
    finally:
        for process in running.values():
            process.terminate()
        for name, process in running.items():
            ended(name, process, args.work, wait=True)


def start(name: str, args: argparse.Namespace) -> Popen:
    """A process that appends to its log."""
    loss = name.partition('_')[0]
    solver = read_solver(find_model(f'fitnet_mnist/{loss}', 'solver'))
    solver.net = str(find_model(f'fitnet_mnist/{loss}', 'train_val'))
    solver.snapshot, solver.snapshot_prefix, solver.random_seed = SNAPSHOT, name, SEED
    solver.max_iter = args.iterations
    solver.test_interval = gcd(
        solver.test_interval, args.iterations
    )  # the last test is after the last iteration
    write_text(solver, args.work / f'{name}.prototxt')
    with open(args.work / f'{name}.log', 'a') as log:
        return Popen(
            [sys.executable, '-m', 'goodinit.tools.cli.main', *command(name).split()[1:]],
            cwd=args.work,
            stderr=log,
        )


def command(name: str) -> str:
    return f'goodinit train --solver {name}.prototxt --init {name.split("_")[1]} --dropout --snapshot auto'


def ended(name: str, process: Popen, work: Path, wait: bool = False) -> bool:
    """Whether the process has ended; its time is then in its log."""
    if process.returncode is not None:
        return True
    pid, status, used = os.wait4(process.pid, 0 if wait else os.WNOHANG)
    if not pid:
        return False
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(work / f'{name}.log', 'a') as log:
        log.write(CPU_TIME.format(used.ru_utime + used.ru_stime) + '\n')
    return True


# -- what came of it


def outcome(log: Log, path: Path) -> dict[str, float]:
    """The error at the end in percent, the iterations, and the CPU time of all runs that the log
    tells of."""
    seconds = re.findall(CPU_TIME.replace('{:.1f}', '([0-9.]+)'), path.read_text())
    return {
        'error': error(log)[-1],
        'iterations': log.test[-1].iter,
        'cpu_minutes': sum(map(float, seconds)) / 60,
    }


def error(log: Log) -> list[float]:
    """The share of test images that are misclassified, in percent, test by test."""
    return [100 * (1 - row.outputs['accuracy']) for row in log.test]


REPORT = """# FitNet-MNIST (Mishkin & Matas 2016, Table 2, right)

Errors on MNIST's 10,000 test images, of which one is 0.01 %, after the last iteration of the published schedule; one
training each (random_seed {seed}), without augmentation.

{table}

The solvers are the bundled ones (fitnet_mnist/softmax, fitnet_mnist/hinge) with `random_seed: {seed}` and
`snapshot: {snapshot}`. The commands:

{commands}
"""


def report(found: dict[str, dict[str, float]]) -> str:
    rows = [
        [
            *title(name).split(', '),
            f'{run["error"]:.2f}',
            f'{PRINTED[name]:.2f}',
            f'{run["iterations"]:,}',
            f'{run["cpu_minutes"]:.1f}',
            f'[log](fitnet_mnist_{name}.log)',
        ]
        for name, run in found.items()
    ]
    table = markdown(
        ['loss', 'weights', 'error, %', 'printed', 'iterations', 'CPU minutes', ''], rows
    )
    return REPORT.format(
        seed=SEED,
        snapshot=SNAPSHOT,
        table=table,
        commands='\n'.join(f'    {command(name)}' for name in found),
    )


def title(name: str) -> str:
    return name.replace('_', ', ').replace('lsuv', 'LSUV')


def plot(logs: dict[str, Log], path: Path) -> None:
    """The errors of all trainings over the iterations, from the second test on."""
    figure, [axis] = figures.panels([4], 'iteration')
    lines = [
        axis.plot(
            [row.iter for row in log.test[1:]],
            error(log)[1:],
            **figures.look(i),
            linewidth=1,
            label=title(name),
        )[0]
        for i, (name, log) in enumerate(logs.items())
    ]
    axis.set_yscale('log')
    axis.set_yticks(TICKS, [f'{tick:g}' for tick in TICKS])
    axis.minorticks_off()
    axis.set_ylabel('test error, %')
    figures.legend_above(figure, lines, 'FitNet-MNIST')
    figures.save(figure, path)


if __name__ == '__main__':
    main()
