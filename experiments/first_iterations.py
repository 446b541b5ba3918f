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

import numpy as np
from goodinit.experiments import results
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import BATCH_SIZE, fitnet4_param, initialize_as_published
from goodinit.experiments.results import markdown, share_processors
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.proto import atomic_write, read_solver
from goodinit.proto.caffe_pb2 import TEST, SolverParameter
from goodinit.solvers import Displayed, Solver
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import smoothed

NONLINEARITIES = ('relu', 'tanh', 'maxout')
PRESETS = {'LSUV': 'lsuv', 'OrthoInit': 'orthonormal', 'MSRA': 'msra', 'Xavier': 'xavier'}
WINDOW = 20  # iterations over which losses are averaged
TEST_BATCHES = 20


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    files = {
        case: args.work / f'{"_".join(case)}_{args.iterations}.json'
        for case in product(NONLINEARITIES, PRESETS.values())
    }
    share_processors(args.jobs)
    left = [(*case, path) for case, path in files.items() if not path.exists()]
    with get_context('spawn').Pool(
        args.jobs, signal.signal, (signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        for line in pool.imap(partial(run, args), left):
            print(line, flush=True)
    runs = {
        nonlinearity: {
            name: json.loads(files[nonlinearity, preset].read_text())
            for name, preset in PRESETS.items()
        }
        for nonlinearity in NONLINEARITIES
    }
    results.write(
        'first_iterations',
        {'iterations': args.iterations, 'runs': runs},
        report(runs, args.iterations),
    )
    plot(runs, results.RESULTS / 'first_iterations.png')


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        '--data', required=True, type=Path, help="folder of CIFAR-10's binary version (perhaps .xz)"
    )
    add(
        '--work',
        type=Path,
        default=results.WORK / 'first_iterations',
        help='folder for finished runs (default: %(default)s)',
    )
    add(
        '--jobs',
        type=int,
        default=1,
        help='runs at a time, which share the processors (default: %(default)s)',
    )
    add('--iterations', type=int, default=300, help='of each run (default: %(default)s)')
    add('--engine', default='fast', help='what computes (default: %(default)s)')
    return parser.parse_args()


def run(args: argparse.Namespace, case: tuple[str, str, Path]) -> str:
    """Train one net, and keep what is found; a line that says so."""
    nonlinearity, preset, path = case
    start = process_time()
    train, test = (
        Cifar10(next(args.data.glob(f'{name}.bin*'))) for name in ('data_batch_1', 'test_batch')
    )
    found = trained(nonlinearity, preset, train, test, args)
    with atomic_write(path, 'w') as file:
        json.dump(found, file)
    return f'{nonlinearity}, {preset}: accuracy {found["accuracy"]:.1%}, {process_time() - start:.0f} s of CPU time'


def trained(
    nonlinearity: str, preset: str, train: Cifar10, test: Cifar10, args: argparse.Namespace
) -> dict:
    """Train with the published solver; the loss of each iteration, and the accuracy on test images
    after the last."""
    rng = np.random.default_rng(0)
    batch = train.batch(BATCH_SIZE, rng)
    losses: list[float] = []
    solver = Solver(
        solver_param(nonlinearity, batch),
        engine=args.engine,
        seed=0,
        fill=lambda net: initialize_as_published(net, preset, batch, rng),
        report=lambda event: losses.append(event.loss) if isinstance(event, Displayed) else None,
    )
    for _ in range(args.iterations):
        put(solver.net, train.batch(BATCH_SIZE, rng))
        solver.step(1)
    return {'losses': losses, 'accuracy': accuracy(solver, nonlinearity, test, args.engine)}


def solver_param(nonlinearity: str, batch: dict[str, np.ndarray]) -> SolverParameter:
    """The published solver, without tests and snapshots, that displays each iteration."""
    published = read_solver(find_model(f'fitnet4/{nonlinearity}', 'solver'))
    fields = {
        field: getattr(published, field)
        for field in ('base_lr', 'momentum', 'weight_decay', 'lr_policy', 'gamma', 'max_iter')
    }
    return SolverParameter(
        **fields,
        stepvalue=published.stepvalue,
        display=1,
        snapshot_after_train=False,
        net_param=fitnet4_param(nonlinearity, batch),
    )


def put(net: Net, batch: dict[str, np.ndarray]) -> None:
    for name, values in batch.items():
        net.blobs[name].data = values


def accuracy(solver: Solver, nonlinearity: str, test: Cifar10, engine: str) -> float:
    """The share of the first test images whose label has the highest score."""
    batches = [
        {'data': test.images[i : i + BATCH_SIZE], 'label': test.labels[i : i + BATCH_SIZE]}
        for i in range(0, TEST_BATCHES * BATCH_SIZE, BATCH_SIZE)
    ]
    net = Net(
        fitnet4_param(nonlinearity, batches[0], TEST), engine=engine, load=solver.net.to_proto()
    )
    found = []
    for batch in batches:
        put(net, batch)
        net.forward()
        found.append(float(net.blobs['accuracy'].data))
    return float(np.mean(found))


REPORT = """# The first {iterations} iterations of FitNet-4 on CIFAR-10 (Mishkin & Matas 2016, Figure 2)

Losses are means over {window} iterations of {batch} images; the accuracy is that of {tested} test images at the end.

{table}

The paper finds that LSUV converges faster than the others with all nonlinearities but tanh, and that maxout does not
converge from MSRA's weights; its figure begins at an accuracy of 40 %. Here the lowest loss at the end is that of
{best}.
"""


def report(runs: dict, iterations: int) -> str:
    def loss(run, i):
        return smoothed(run['losses'], WINDOW)[i]

    def lowest(found):
        return min(
            found, key=lambda name: end if isfinite(end := loss(found[name], -1)) else float('inf')
        )

    third = max(iterations // 3, 1)
    rows = [
        [
            nonlinearity,
            name,
            f'{loss(run, third - 1):.3f}',
            f'{loss(run, -1):.3f}',
            f'{run["accuracy"]:.1%}',
        ]
        for nonlinearity, found in runs.items()
        for name, run in found.items()
    ]
    table = markdown(
        ['nonlinearity', 'initialization', f'loss at {third}', f'loss at {iterations}', 'accuracy'],
        rows,
    )
    best = ', '.join(f'{lowest(found)} ({nonlinearity})' for nonlinearity, found in runs.items())
    return REPORT.format(
        iterations=iterations,
        window=WINDOW,
        batch=BATCH_SIZE,
        tested=TEST_BATCHES * BATCH_SIZE,
        table=table,
        best=best,
    )


def plot(runs: dict, path: Path) -> None:
    """The losses over the iterations, a panel for each nonlinearity."""
    figure, axes = figures.panels([2.6] * len(runs), 'iteration')
    for axis, (nonlinearity, found) in zip(axes, runs.items(), strict=True):
        lines = [
            axis.plot(
                range(1, len(run['losses']) + 1),
                smoothed(run['losses'], WINDOW),
                **figures.look(i),
                label=name,
            )[0]
            for i, (name, run) in enumerate(found.items())
        ]
        axis.set(ylabel=f'loss, {nonlinearity}', ylim=(1.6, 2.6))
    figures.legend_above(figure, lines, f'FitNet-4 on CIFAR-10, means over {WINDOW} iterations')
    figures.save(figure, path)


if __name__ == '__main__':
    main()
