"""The first iterations of FitNet-4 on CIFAR-10 from four initializations: Mishkin & Matas (2016),
Figure 2.

    python experiments/first_iterations.py --data cifar-10-batches-bin/ --jobs 2

Finished runs are kept in the folder --work; what was interrupted goes on with the others when the
command is given again. Writes results/first_iterations.json, .md and .png.
"""

import argparse
import json
import signal
from functools import partial
from itertools import product
from math import isfinite
from multiprocessing import get_context
from pathlib import Path
from time import process_time

from goodinit.experiments import findings
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.findings import markdown, share_processors
from goodinit.experiments.fitnet4_training import TEST_BATCHES, train
from goodinit.experiments.mishkin_matas import BATCH_SIZE
from goodinit.proto import atomic_write
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import smoothed

NONLINEARITIES = ('relu', 'tanh', 'maxout')
PRESETS = {'LSUV': 'lsuv', 'OrthoInit': 'orthonormal', 'MSRA': 'msra', 'Xavier': 'xavier'}
WINDOW = 20  # iterations over which losses are averaged
Runs = dict[str, dict[str, dict]]  # by nonlinearity and initialization


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    run_all(args)
    runs = read_runs(args)
    numbers = {'iterations': args.iterations, 'runs': runs}
    findings.write('first_iterations', numbers, report(runs, args.iterations))
    findings.draw('first_iterations', lambda path: plot(runs, path))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    folder = "folder of CIFAR-10's binary version (perhaps .xz)"
    add('--data', required=True, type=Path, help=folder)
    work = findings.WORK / 'first_iterations'
    add('--work', type=Path, default=work, help='for finished runs (default: %(default)s)')
    jobs = 'runs at a time, which share the processors (default: %(default)s)'
    add('--jobs', type=int, default=1, help=jobs)
    add('--iterations', type=int, default=300, help='of each run (default: %(default)s)')
    add('--engine', default='fast', help='what computes (default: %(default)s)')
    return parser.parse_args()


# -- the runs

Case = tuple[str, str, Path]  # nonlinearity, preset, and the file of the run


def run_all(args: argparse.Namespace) -> None:
    """Run the cases that have no file yet, several at a time; Ctrl-C ends all."""
    share_processors(args.jobs)
    left: list[Case] = []
    for nonlinearity, preset in product(NONLINEARITIES, PRESETS.values()):
        path = path_of(args, nonlinearity, preset)
        if not path.exists():
            left.append((nonlinearity, preset, path))
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with get_context('spawn').Pool(args.jobs, signal.signal, ignore) as pool:
        for line in pool.imap(partial(run, args), left):
            print(line, flush=True)


def path_of(args: argparse.Namespace, nonlinearity: str, preset: str) -> Path:
    return args.work / f'{nonlinearity}_{preset}_{args.iterations}.json'


def run(args: argparse.Namespace, case: Case) -> str:
    """Train one net, and keep what is found; a line that says so."""
    nonlinearity, preset, path = case
    start = process_time()
    images = read_images(args.data, 'data_batch_1')
    test = read_images(args.data, 'test_batch')
    found = train(nonlinearity, preset, images, test, args.iterations, args.engine)
    with atomic_write(path, 'w') as file:
        json.dump(found, file)
    seconds = process_time() - start
    score = f'accuracy {found["accuracy"]:.1%}'
    return f'{nonlinearity}, {preset}: {score}, {seconds:.0f} s of CPU time'


def read_images(folder: Path, name: str) -> Cifar10:
    return Cifar10(next(folder.glob(f'{name}.bin*')))


def read_runs(args: argparse.Namespace) -> Runs:
    """The runs, from their files."""
    runs: Runs = {}
    for nonlinearity in NONLINEARITIES:
        found = runs[nonlinearity] = {}
        for name, preset in PRESETS.items():
            found[name] = json.loads(path_of(args, nonlinearity, preset).read_text())
    return runs


# -- what came of them

REPORT = """\
# The first {iterations} iterations of FitNet-4 on CIFAR-10 (Mishkin & Matas 2016, Figure 2)

Losses are means over {window} iterations of {batch} images; the accuracy is that of {tested} test
images at the end.

{table}

The paper finds that LSUV converges faster than the others with all nonlinearities except tanh, and
that maxout does not converge from MSRA's weights; its figure begins at an accuracy of 40 %. Here
the lowest loss at the end is that of {best}.
"""


def report(runs: Runs, iterations: int) -> str:
    """The table, and which loss is the lowest."""
    third = max(iterations // 3, 1)
    rows = []
    best = []
    for nonlinearity, found in runs.items():
        best.append(f'{lowest(found)} ({nonlinearity})')
        for name, run in found.items():
            losses = smoothed(run['losses'], WINDOW)
            ends = [losses[third - 1], losses[-1]]
            cells = [f'{loss:.3f}' for loss in ends]
            score = f'{run["accuracy"]:.1%}'
            rows.append([nonlinearity, name, *cells, score])
    heads = [f'loss at {third}', f'loss at {iterations}']
    return REPORT.format(
        iterations=iterations,
        window=WINDOW,
        batch=BATCH_SIZE,
        tested=TEST_BATCHES * BATCH_SIZE,
        table=markdown(['nonlinearity', 'initialization', *heads, 'accuracy'], rows),
        best=', '.join(best),
    )


def lowest(found: dict[str, dict]) -> str:
    """The initialization with the lowest loss at the end."""
    ends = {}
    for name, run in found.items():
        ends[name] = smoothed(run['losses'], WINDOW)[-1]
    finite = [name for name in ends if isfinite(ends[name])]
    return min(finite or ends, key=lambda name: ends[name])


def plot(runs: Runs, path: Path) -> None:
    """The losses over the iterations, a panel for each nonlinearity."""
    figure, axes = figures.panels([2.6] * len(runs), 'iteration')
    lines: list = []
    for panel, (nonlinearity, found) in zip(axes, runs.items(), strict=True):
        lines = []
        for i, (name, run) in enumerate(found.items()):
            iterations = range(1, len(run['losses']) + 1)
            losses = smoothed(run['losses'], WINDOW)
            lines += panel.plot(iterations, losses, **figures.look(i), label=name)
        panel.set(ylabel=f'loss, {nonlinearity}', ylim=(1.6, 2.6))
    figures.legend_above(figure, lines, f'FitNet-4 on CIFAR-10, means over {WINDOW} iterations')
    figures.save(figure, path)


if __name__ == '__main__':
    main()
