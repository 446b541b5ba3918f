"""FitNet-MNIST from orthonormal and from LSUV weights, with softmax and hinge loss: Mishkin & Matas
(2016), Table 2.

    python experiments/fitnet_mnist.py --data mnist/ --jobs 2

Each training is a process of `goodinit train` in the folder --work; what was interrupted goes on
when the command is given again. Writes results/fitnet_mnist.json, .md and .png, and the logs.
"""

import argparse
import re
import shutil
from pathlib import Path

from goodinit.experiments import findings
from goodinit.experiments.findings import markdown, share_processors
from goodinit.experiments.fitnet_mnist_training import (
    CPU_TIME,
    SEED,
    SNAPSHOT,
    command,
    make_databases,
    train_all,
)
from goodinit.solvers.log.reader import Log, read_log
from goodinit.tools.plots import figures

# The errors that the paper prints, in percent, by loss and weights.
PRINTED = {
    'softmax_orthonormal': 0.48,
    'softmax_lsuv': 0.48,
    'hinge_orthonormal': 0.43,
    'hinge_lsuv': 0.38,
}
TICKS = (0.3, 0.4, 0.5, 0.7, 1, 2, 3)


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    make_databases(args.data, args.work)
    share_processors(args.jobs)
    left = []
    for name in PRINTED:
        if not is_done(log_path(args.work, name), args.iterations):
            left.append(name)
    train_all(left, args.work, args.iterations, args.jobs)
    logs: dict[str, Log] = {}
    found: dict[str, dict] = {}
    for name in PRINTED:
        path = log_path(args.work, name)
        shutil.copy(path, findings.RESULTS / f'fitnet_mnist_{name}.log')
        logs[name] = read_log(path)
        found[name] = outcome(logs[name], path)
    findings.write('fitnet_mnist', found, report(found))
    findings.draw('fitnet_mnist', lambda path: plot(logs, path))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    folder = "folder of MNIST's four files (perhaps .gz or .xz)"
    add('--data', required=True, type=Path, help=folder)
    work = 'for databases, snapshots and logs (default: %(default)s)'
    add('--work', type=Path, default=findings.WORK / 'fitnet_mnist', help=work)
    jobs = 'trainings at a time, which share the processors (default: %(default)s)'
    add('--jobs', type=int, default=1, help=jobs)
    add('--iterations', type=int, default=50_000, help='of each training (default: %(default)s)')
    return parser.parse_args()


def log_path(work: Path, name: str) -> Path:
    return work / f'{name}.log'


def is_done(log: Path, iterations: int) -> bool:
    """Whether a training has come to its last test."""
    return log.is_file() and f'\niteration {iterations}: test' in log.read_text()


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

Errors on MNIST's 10,000 test images, of which one is 0.01 %, after the last iteration of the
published schedule; one training each (random_seed {seed}), without augmentation.

{table}

The solvers are the bundled ones (fitnet_mnist/softmax, fitnet_mnist/hinge) with
`random_seed: {seed}` and `snapshot: {snapshot}`. The commands:

{commands}
"""
HEAD = ['loss', 'weights', 'error, %', 'printed', 'iterations', 'CPU minutes', '']


def report(found: dict[str, dict[str, float]]) -> str:
    """The table, and the commands."""
    rows = [table_row(name, run) for name, run in found.items()]
    commands = [f'    {command(name)}' for name in found]
    return REPORT.format(
        seed=SEED,
        snapshot=SNAPSHOT,
        table=markdown(HEAD, rows),
        commands='\n'.join(commands),
    )


def table_row(name: str, run: dict[str, float]) -> list[str]:
    return [
        *title(name).split(', '),
        f'{run["error"]:.2f}',
        f'{PRINTED[name]:.2f}',
        f'{run["iterations"]:,}',
        f'{run["cpu_minutes"]:.1f}',
        f'[log](fitnet_mnist_{name}.log)',
    ]


def title(name: str) -> str:
    """'softmax, LSUV' of 'softmax_lsuv'."""
    return name.replace('_', ', ').replace('lsuv', 'LSUV')


def plot(logs: dict[str, Log], path: Path) -> None:
    """The errors of all trainings over the iterations, from the second test on."""
    figure, [panel] = figures.panels([4], 'iteration')
    lines = []
    for i, (name, log) in enumerate(logs.items()):
        iterations = [row.iter for row in log.test[1:]]
        errors = error(log)[1:]
        look = figures.look(i)
        lines += panel.plot(iterations, errors, **look, linewidth=1, label=title(name))
    panel.set_yscale('log')
    panel.set_yticks(TICKS, [f'{tick:g}' for tick in TICKS])
    panel.minorticks_off()
    panel.set_ylabel('test error, %')
    figures.legend_above(figure, lines, 'FitNet-MNIST')
    figures.save(figure, path)


if __name__ == '__main__':
    main()
