"""Training steps and forward passes on a GPU: this project's CUDA engine beside PyTorch on the same
card. And whole initializations of CaffeNet on it, beside those on the CPU.

    pip install -e '.[cuda]' torch
    python benchmarks/gpu.py --quick

Each candidate lives in a process of its own with its batch on the card; they take turns, and each
turn is timed from an idle card to an idle card. Printed are medians: images a second, TFLOP/s as
the definitions of convolutions and inner products count them, their share of what a large product
of matrices reaches on the card in the same precision, and the most memory that was in use. All
samples go to results/DATE-gpu.json. Without torch ours run alone.

With --model it needs no card, and prints what a card may take for a training step at best.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

from goodinit.benchmarks.gpu_initializers import INITIALIZERS, measure_initializer
from goodinit.benchmarks.gpu_model import CARDS, DEFAULT, card_of, show_model
from goodinit.benchmarks.gpu_passes import TASKS, product_rate, serve_passes
from goodinit.benchmarks.machine import positive, write_numbers
from goodinit.benchmarks.peers import runnable
from goodinit.benchmarks.subjects import operations
from goodinit.benchmarks.worker import Worker
from goodinit.netlib.engines.cuda.device import open_device

# Images in a batch.
NETS = {'caffenet': 256, 'googlenet': 128, 'vgg16': 64, 'fitnet4/relu': 128, 'resnet50': 64}
CANDIDATES = ('ours', 'ours tf32', 'torch', 'torch tf32', 'torch compiled', 'torch tf32 compiled')
PEAK_SIZE = 8192  # rows and columns of the matrices whose product gives the peak
Result = dict[str, Any]  # 'seconds': of a pass in each turn; 'peak_mb'


def main() -> None:
    args = arguments()
    if args.emulated or args.model:
        install_emulated_device(args.model)
    if args.model:
        show_model({net: batch_size(net, args.batch) for net in args.nets}, args.model)
        return
    if args.worker:
        serve_passes(args.worker, args.task, args.nets[0], args.batch, args.iterations)
        return
    peak_size, init_net = (64, 'lenet') if args.emulated else (PEAK_SIZE, 'caffenet')
    candidates = runnable(args.candidates)
    rates = peaks(peak_size)
    results: dict[str, dict] = {}
    for net in args.nets:
        results[net] = {task: measure(net, task, candidates, args, rates) for task in TASKS}
    took = {method: measure_initializer(method, init_net, args.batch) for method in INITIALIZERS}
    numbers = {
        'gpu': open_device().cuda.Device(0).name(),
        'emulated': args.emulated,
        'peak_tflops': rates,
        'batch': {net: batch_size(net, args.batch) for net in args.nets},
        'results': results,
        'initializers': took,
    }
    write_numbers('gpu', numbers, args.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('--nets', nargs='+', help=f'bundled models (default: {" ".join(NETS)})')
    add('--candidates', nargs='+', choices=CANDIDATES, help='(default: all that are installed)')
    add('--batch', type=int, help="images in a batch (default: each net's own)")
    add(
        '--repeats', type=positive, default=7, help='turns of each candidate (default: %(default)s)'
    )
    add('--iterations', type=int, default=10, help='passes in a turn (default: %(default)s)')
    add('--quick', action='store_true', help='two nets, 3 turns of 5 passes, nothing compiled')
    add('--emulated', action='store_true', help='LeNet on the emulated device: a dry run')
    help_model = (
        'print the times expected on a card from what a step asks of it: a name '
        f'({", ".join(CARDS)}), or TFLOP/s in fp32, in tf32, and TB/s (default: {DEFAULT})'
    )
    add('--model', nargs='?', const=DEFAULT, type=checked_card, metavar='CARD', help=help_model)
    add('--out', type=Path, help='the folder for the JSON (default: results/)')
    # What a fresh process is asked for.
    add('--worker', choices=CANDIDATES, help=argparse.SUPPRESS)
    add('--task', choices=TASKS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    set_defaults(args)
    return args


def checked_card(name: str) -> str:
    card_of(name)
    return name


def set_defaults(args: argparse.Namespace) -> None:
    """Fill in what --quick and --emulated imply."""
    nets, candidates = list(NETS), list(CANDIDATES)
    if args.quick:
        args.repeats, args.iterations = 3, 5
        nets = nets[:2]
        candidates = [name for name in candidates if 'compiled' not in name]
    if args.emulated:
        args.repeats, args.iterations = 2, 1
        args.batch = args.batch or 2
        nets = ['lenet']
        candidates = ['ours', 'ours tf32']
    args.nets = args.nets or nets
    args.candidates = args.candidates or candidates


def install_emulated_device(counts: bool = False) -> None:
    """Give this process the emulated device. Exits if it has to count and there is a real one."""
    sys.path.insert(0, str(Path(__file__).parents[1] / 'tests' / 'helpers'))
    import emulated_device

    if emulated_device.install() == 'real' and counts:
        sys.exit(
            "--model counts on the emulated device, but here is NVIDIA's driver: use a machine"
            ' without one'
        )


def peaks(size: int) -> dict[str, float]:
    """TFLOP/s of a product of two matrices, in both precisions."""
    return {
        'float32': product_rate(size, tf32=False),
        'tf32': product_rate(size, tf32=True),
    }


def measure(
    net: str,
    task: str,
    candidates: list[str],
    args: argparse.Namespace,
    rates: dict[str, float],
) -> dict[str, Result]:
    """The result of each candidate, which is printed; what runs out of memory is left out."""
    workers = {name: start(name, net, task, args) for name in candidates}
    results: dict[str, Result] = {name: {'seconds': []} for name in candidates}
    for turn in range(args.repeats + 1):
        for name, worker in workers.items():
            took = worker.ask('turn')
            if took is None:
                results.pop(name, None)
            elif turn:  # the first one warms up
                results[name]['seconds'].append(took)
    for name, worker in workers.items():
        if name in results:
            results[name]['peak_mb'] = worker.ask('peak_mb')
            show(net, task, name, batch_size(net, args.batch), results[name], rates)
        worker.stop()
    return results


def start(name: str, net: str, task: str, args: argparse.Namespace) -> Worker:
    """A candidate in a process of its own, ready to take turns."""
    asked = {
        '--worker': name,
        '--task': task,
        '--nets': net,
        '--batch': str(batch_size(net, args.batch)),
        '--iterations': str(args.iterations),
    }
    command = [__file__]
    for option, value in asked.items():
        command += [option, value]
    if args.emulated:
        command.append('--emulated')
    return Worker(command)


def show(
    net: str, task: str, name: str, batch: int, result: Result, rates: dict[str, float]
) -> None:
    """Print a candidate's medians."""
    passes = 3 if task == 'training step' else 1  # of as many operations as a forward pass
    precision = 'tf32' if 'tf32' in name else 'float32'
    took = median(result['seconds'])
    tflops = 1e-12 * passes * operations(net, batch) / took
    share = tflops / rates[precision]
    speed = f'{batch / took:8.0f} images/s  {tflops:6.2f} TFLOP/s  {share:4.0%}'
    memory = f'{result["peak_mb"]:6.0f} MB'
    print(f'{net:12} {task:13} {name:19} {speed}  {memory}', flush=True)


def batch_size(net: str, given: int | None) -> int:
    return given or NETS.get(net, 64)


if __name__ == '__main__':
    main()
