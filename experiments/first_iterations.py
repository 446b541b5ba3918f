"""The first iterations of FitNet-4 on CIFAR-10 from four initializations: Mishkin & Matas (2016), Figure 2.

    python experiments/first_iterations.py --data cifar-10-batches-bin/

Writes results/first_iterations.json, .md and .png.
"""
import argparse
from pathlib import Path

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import BATCH_SIZE, fitnet4_param, initialize_as_published
from goodinit.experiments.results import RESULTS, markdown, write
from goodinit.netlib import Net
from goodinit.proto import read_solver
from goodinit.proto.caffe_pb2 import TEST, SolverParameter
from goodinit.solvers import Displayed, Solver
from goodinit.tools.bundled import find_model
from tqdm import tqdm

NONLINEARITIES = ('relu', 'tanh', 'maxout')
PRESETS = {'LSUV': 'lsuv', 'OrthoInit': 'orthonormal', 'MSRA': 'msra', 'Xavier': 'xavier'}
WINDOW = 20             # iterations over which losses are averaged
TEST_BATCHES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', required=True, type=Path, help="folder of CIFAR-10's binary version (perhaps .xz)")
    parser.add_argument('--iterations', type=int, default=300, help='of each run (default: %(default)s)')
    parser.add_argument('--engine', default='fast', help='what computes (default: %(default)s)')
    args = parser.parse_args()
    train, test = (Cifar10(next(args.data.glob(f'{name}.bin*'))) for name in ('data_batch_1', 'test_batch'))
    runs = {nonlinearity: {name: run(nonlinearity, preset, train, test, args) for name, preset in PRESETS.items()}
            for nonlinearity in NONLINEARITIES}
    write('first_iterations', {'iterations': args.iterations, 'runs': runs}, report(runs, args.iterations))
    plot(runs, RESULTS / 'first_iterations.png')


def run(nonlinearity: str, preset: str, train: Cifar10, test: Cifar10, args: argparse.Namespace) -> dict:
    """Train with the published solver; the loss of each iteration, and the accuracy on test images after the last."""
    rng = np.random.default_rng(0)
    batch = train.batch(BATCH_SIZE, rng)
    losses: list[float] = []
    solver = Solver(solver_param(nonlinearity, batch), engine=args.engine, seed=0,
                    fill=lambda net: initialize_as_published(net, preset, batch, rng),
                    report=lambda event: losses.append(event.loss) if isinstance(event, Displayed) else None)
    for _ in tqdm(range(args.iterations), f'{nonlinearity}, {preset}'):
        put(solver.net, train.batch(BATCH_SIZE, rng))
        solver.step(1)
    return {'losses': losses, 'accuracy': accuracy(solver, nonlinearity, test, args.engine)}


def solver_param(nonlinearity: str, batch: dict[str, np.ndarray]) -> SolverParameter:
    """The published solver, without tests and snapshots, that displays each iteration."""
    published = read_solver(find_model(f'fitnet4/{nonlinearity}', 'solver'))
    fields = {field: getattr(published, field) for field in
              ('base_lr', 'momentum', 'weight_decay', 'lr_policy', 'gamma', 'max_iter')}
    return SolverParameter(**fields, stepvalue=published.stepvalue, display=1, snapshot_after_train=False,
                           net_param=fitnet4_param(nonlinearity, batch))


def put(net: Net, batch: dict[str, np.ndarray]) -> None:
    for name, values in batch.items():
        net.blobs[name].data = values


def accuracy(solver: Solver, nonlinearity: str, test: Cifar10, engine: str) -> float:
    """The share of the first test images whose label has the highest score."""
    batches = [{'data': test.images[i:i + BATCH_SIZE], 'label': test.labels[i:i + BATCH_SIZE]}
               for i in range(0, TEST_BATCHES * BATCH_SIZE, BATCH_SIZE)]
    net = Net(fitnet4_param(nonlinearity, batches[0], TEST), engine=engine, load=solver.net.to_proto())
    found = []
    for batch in batches:
        put(net, batch)
        net.forward()
        found.append(float(net.blobs['accuracy'].data))
    return float(np.mean(found))


def smoothed(losses: list[float]) -> np.ndarray:
    """Means over WINDOW iterations; infinite ones stay so."""
    return np.convolve(losses, np.full(WINDOW, 1 / WINDOW), 'valid')


REPORT = """# The first {iterations} iterations of FitNet-4 on CIFAR-10 (Mishkin & Matas 2016, Figure 2)

Losses are means over {window} iterations of {batch} images; the accuracy is that of {tested} test images at the end.

{table}
"""


def report(runs: dict, iterations: int) -> str:
    rows = [[nonlinearity, name, *(f'{smoothed(run["losses"])[i]:.3f}' for i in (iterations // 3, -1)),
             f'{run["accuracy"]:.1%}'] for nonlinearity, found in runs.items() for name, run in found.items()]
    table = markdown(['nonlinearity', 'initialization', f'loss at {iterations // 3 + WINDOW}', f'loss at {iterations}',
                      'accuracy'], rows)
    return REPORT.format(iterations=iterations, window=WINDOW, batch=BATCH_SIZE, tested=TEST_BATCHES * BATCH_SIZE,
                         table=table)


def plot(runs: dict, path: Path) -> None:
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, len(runs), figsize=(12, 3.6), sharey=True, layout='constrained')
    for axis, (nonlinearity, found) in zip(axes, runs.items(), strict=True):
        for name, run in found.items():
            axis.plot(range(WINDOW, len(run['losses']) + 1), smoothed(run['losses']), label=name)
        axis.set(title=nonlinearity, xlabel='iteration', ylim=(0.8, 2.6))
    axes[0].set_ylabel(f'loss, mean over {WINDOW} iterations')
    axes[-1].legend()
    figure.savefig(path, dpi=110)


if __name__ == '__main__':
    main()
