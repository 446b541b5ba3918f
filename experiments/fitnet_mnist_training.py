"""The trainings of fitnet_mnist.py: each a process of `goodinit train`, which can be stopped and
resumed."""

import os
import signal
import sys
import time
from math import gcd
from pathlib import Path
from subprocess import Popen

from goodinit.feeding.bundled import find_model
from goodinit.proto import read_solver, write_text
from goodinit.tools import convert_mnist_data

# The databases, and whose files they hold.
PARTS = {'mnist_train_lmdb': 'train', 'mnist_test_lmdb': 't10k'}
SNAPSHOT, SEED = 1000, 1
CPU_TIME = 'CPU time of this run: {:.1f} s'


def make_databases(data: Path, work: Path) -> None:
    """Make those that do not exist yet."""
    for name, part in PARTS.items():
        if not (work / name).exists():
            images = find_file(data, f'{part}-images-idx3-ubyte')
            labels = find_file(data, f'{part}-labels-idx1-ubyte')
            files = [images, labels, work / name]
            if convert_mnist_data.main([str(path) for path in files]):
                raise SystemExit(1)


def find_file(folder: Path, name: str) -> Path:
    """The file of that name, perhaps with a suffix; a missing one is for the tool to report."""
    return next(folder.glob(f'{name}*'), folder / name)


def train_all(names: list[str], work: Path, iterations: int, jobs: int) -> None:
    """Start or resume these trainings, `jobs` at a time; Ctrl-C and SIGTERM stop them after a
    snapshot."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    waiting = list(names)
    running: dict[str, Popen] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                running[name] = start(name, work, iterations)
            time.sleep(0.2)
            drop_ended(running, work)
    except KeyboardInterrupt:
        raise SystemExit('stopped; the same command goes on from the last snapshots') from None
    finally:
        stop_all(running, work)


def start(name: str, work: Path, iterations: int) -> Popen:
    """A process that appends to its log."""
    write_solver(name, work / f'{name}.prototxt', iterations)
    goodinit = [sys.executable, '-m', 'goodinit.tools.cli.main']
    arguments = command(name).split()[1:]
    with open(work / f'{name}.log', 'a') as log:
        return Popen([*goodinit, *arguments], cwd=work, stderr=log)


def write_solver(name: str, path: Path, iterations: int) -> None:
    """The bundled solver, with snapshots and with a test after the last iteration."""
    loss = name.partition('_')[0]
    solver = read_solver(find_model(f'fitnet_mnist/{loss}', 'solver'))
    solver.net = str(find_model(f'fitnet_mnist/{loss}', 'train_val'))
    solver.snapshot = SNAPSHOT
    solver.snapshot_prefix = name
    solver.random_seed = SEED
    solver.max_iter = iterations
    solver.test_interval = gcd(solver.test_interval, iterations)
    write_text(solver, path)


def command(name: str) -> str:
    """What a training's process is told to do."""
    weights = name.split('_')[1]
    return f'goodinit train {name}.prototxt --init {weights} --dropout --snapshot auto'


def drop_ended(running: dict[str, Popen], work: Path) -> None:
    """Forget the processes that have ended; one that has failed ends all."""
    for name, process in list(running.items()):
        if not has_ended(name, process, work):
            continue
        del running[name]
        if process.returncode:
            log = work / f'{name}.log'
            raise SystemExit(f'{name}: {command(name)} has failed; see {log}')


def stop_all(running: dict[str, Popen], work: Path) -> None:
    """Stop the processes, each after a snapshot."""
    for process in running.values():
        process.terminate()
    for name, process in running.items():
        has_ended(name, process, work, wait=True)


def has_ended(name: str, process: Popen, work: Path, wait: bool = False) -> bool:
    """Whether a process has ended; its time is then in its log."""
    if process.returncode is not None:
        return True
    options = 0 if wait else os.WNOHANG
    pid, status, used = os.wait4(process.pid, options)
    if not pid:
        return False
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = used.ru_utime + used.ru_stime
    with open(work / f'{name}.log', 'a') as log:
        log.write(CPU_TIME.format(seconds) + '\n')
    return True
