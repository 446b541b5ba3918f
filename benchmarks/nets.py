"""Milliseconds of whole nets: this project's engines beside PyTorch and OpenCV, on the CPU.

    pip install torch==2.13.0
    python benchmarks/nets.py --nets caffenet fitnet4 --repeats 5

Each candidate lives in a process of its own and runs one task when it is asked; the candidates take
turns, so that what else the machine does falls on all alike. Medians are printed, with their ratio
to PyTorch's and, as if convolutions were computed as they are defined, their share of the
processor's peak; memory is that of a process that only trains. All samples go to
results/DATE-nets.json, with a plot. A candidate that is not installed is left out.
"""

import argparse
from statistics import median

from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.benchmarks.net_tasks import CANDIDATES, NETS, TASKS, serve_tasks
from goodinit.benchmarks.nets_plot import plot
from goodinit.benchmarks.peers import missing, runnable, versions
from goodinit.benchmarks.subjects import operations
from goodinit.benchmarks.worker import Worker
from goodinit.benchmarks.yardsticks import peak_gflops, round_trip_ns

# How many times the operations of a forward pass.
PASSES = {'forward of one': 1, 'forward': 1, 'forward, backward': 3, 'SGD step': 3}
Travels = dict[str, list[float]]  # of a net: {task: [nanoseconds]}
Samples = dict[str, dict]  # of a net: {candidate: {task: [milliseconds], 'peak_mb': number}}


def main() -> None:
    args = arguments()
    if args.worker:
        serve_tasks(args.worker, args.nets[0])
        return
    candidates = runnable(args.candidates)
    peak = peak_gflops()
    samples: dict[str, Samples] = {}
    travel_ns: dict[str, Travels] = {}
    gflops: dict[str, float] = {}
    batches: dict[str, int] = {}
    for net in args.nets:
        samples[net], travel_ns[net] = measure(net, candidates, args.repeats, peak)
        gflops[net] = gflop(net)
        batches[net] = NETS[net].batch
    numbers = {
        'peers': versions(candidates),
        'gflops_peak': peak,
        'gflop_forward': gflops,
        'batch': batches,
        'samples': samples,
        'travel_ns': travel_ns,
    }
    path = write_numbers('nets', numbers)
    reason = missing('matplotlib')
    if reason:
        print(f'the plot is left out: {reason}')
    else:
        plot(samples, path.with_suffix('.png'))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--nets', nargs='+', choices=NETS, default=list(NETS))
    add('--candidates', nargs='+', choices=CANDIDATES, default=list(CANDIDATES))
    add('--repeats', type=positive, default=5, help='samples of each task (default: %(default)s)')
    # What a fresh process is asked for.
    add('--worker', choices=CANDIDATES, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(net: str, candidates: list[str], repeats: int, peak: float) -> tuple[Samples, Travels]:
    """The samples of a net; they are printed. And how far cores were apart in each turn."""
    workers = {name: start(name, net) for name in candidates}
    samples: Samples = {name: {} for name in workers}
    travels: Travels = {task: [] for task in TASKS}
    for task in TASKS:
        able = {name: worker for name, worker in workers.items() if task in worker.greeting}
        take_turns(able, task)  # the first one warms up
        turns = []
        for _ in range(repeats):
            turns.append(take_turns(able, task))
            travels[task].append(round_trip_ns())
        for name in able:
            samples[name][task] = [turn[name] for turn in turns]
    for name, worker in workers.items():
        worker.stop()
        samples[name]['peak_mb'] = peak_mb(name, net)
        show(net, name, samples, peak)
    show_travels(net, travels)
    return samples, travels


def start(name: str, net: str) -> Worker:
    """A candidate with a net, in a process of its own; it greets with the tasks that it can run."""
    worker = Worker([__file__, '--worker', name, '--nets', net], CANDIDATES[name])
    if worker.greeting is None:
        raise SystemExit(f'{net}, {name}: its process has ended before it was ready')
    return worker


def take_turns(workers: dict[str, Worker], task: str) -> dict[str, float]:
    """Let each candidate run the task; {candidate: milliseconds}."""
    took = {}
    for name, worker in workers.items():
        answer = worker.ask(task)
        if answer is None:
            raise SystemExit(f'{name}: its process has ended in the task {task!r}')
        took[name] = answer
    return took


def peak_mb(name: str, net: str) -> float:
    """The memory of a process that does nothing but train, or run forward if the candidate can do
    no more."""
    worker = start(name, net)
    hardest = worker.greeting[-1]
    for _ in range(3):
        take_turns({name: worker}, hardest)
    peak = take_turns({name: worker}, 'peak_mb')
    worker.stop()
    return peak[name]


def show(net: str, name: str, samples: Samples, peak: float) -> None:
    """Print a candidate's medians, their ratios to PyTorch's, and their shares of the peak."""
    cells = []
    for task in TASKS:
        if task not in samples[name]:
            continue
        ms = median(samples[name][task])
        images = 1 / NETS[net].batch if task == 'forward of one' else 1
        share = 1e3 * PASSES[task] * images * gflop(net) / peak / ms
        compared = f'{share:.0%}'
        if 'torch' in samples:
            compared = f'{ms / median(samples["torch"][task]):.2f}, {compared}'
        cells.append(f'{task} {ms:.1f} ms ({compared})')
    memory = f'peak {samples[name]["peak_mb"]:.0f} MB'
    print(f'{net:10} {name:12}', '  '.join([*cells, memory]), flush=True)


def show_travels(net: str, travels: Travels) -> None:
    """Say so if cores were far apart in some turns, and near in others."""
    trips = [trip for turns in travels.values() for trip in turns]
    if max(trips) > 2 * min(trips):
        span = f'{min(trips):.0f} to {max(trips):.0f} ns'
        print(f'{net:10} cores were not always as near: memory took {span} there and back')


def gflop(net: str) -> float:
    """10^9 operations of a forward pass of a batch."""
    return 1e-9 * operations(NETS[net].model, NETS[net].batch)


if __name__ == '__main__':
    main()
