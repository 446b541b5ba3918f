"""Table 6: seconds that an initialization takes, on top of drawing Gaussian weights.

Orthonormal weights cost most where layers are large, LSUV little more than them. FitNet-4 is
measured on images of CIFAR-10, CaffeNet and GoogLeNet on photographs, 32 at a time. The paper
decomposes matrices by SVD, here they are made of reflections. It took 4 minutes on a core.
"""

from time import perf_counter, process_time

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import param_with_inputs
from goodinit.experiments.runner import (
    CIFAR10,
    ILSVRC12_SAMPLE,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    grid,
)
from goodinit.experiments.runner.comparison import agreement, side_by_side
from goodinit.experiments.runner.data_sets import find_file
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net

NETS = {'fitnet4/relu': 'FitNet4', 'caffenet': 'CaffeNet', 'googlenet': 'GoogLeNet'}
INITS = {'orthonormal': 'OrthoNorm', 'lsuv': 'LSUV'}
PRINTED = {
    'OrthoNorm': {'FitNet4': 1.0, 'CaffeNet': 188.0, 'GoogLeNet': 24.0},
    'LSUV': {'FitNet4': 4.0, 'CaffeNet': 210.0, 'GoogLeNet': 60.0},
}


def measure(run: Run) -> Found:
    """The seconds of each initialization of one net, in turn; LSUV alone runs the net."""
    rng = np.random.default_rng(0)
    net, batches = net_and_batches(run)
    found: Found = {'cpu': {}, 'clock': {}}
    for preset in ('gaussian', *INITS):
        fill(net, rng)
        start = perf_counter(), process_time()
        seen = batches if preset == 'lsuv' else []
        initialize(net, seen, PRESETS[preset], rng)
        found['clock'][preset] = round(perf_counter() - start[0], 2)
        found['cpu'][preset] = round(process_time() - start[1], 2)
        run.advance(len(found['cpu']) / 3)
    return found


def net_and_batches(run: Run) -> tuple[Net, list]:
    """A net, and a batch of its inputs."""
    model = run['net'].replace('_', '/')
    if model.startswith('fitnet4'):
        path = find_file(run.folder(CIFAR10), 'data_batch_1.bin*')
        batch = Cifar10([path], size=run['batch']).batch(np.random.default_rng(0))
        return Net(param_with_inputs(model, batch), engine=run.engine), [batch]
    options = DataOptions(data=str(run.folder(ILSVRC12_SAMPLE)), batch_size=run['batch'])
    fed = feed_net(read_net_file(model), options, run.engine)
    return fed.net, list(fed.data.batches)


REPORT = """# Mishkin & Matas 2016, Table 6: seconds of an initialization

On top of drawing Gaussian weights, on a batch of {batch} images: CPU time, in brackets what is
printed.

{table}

{agreement}

By the clock, on a machine that may have had other things to do:

{clock}
"""


def report(results: Results, protocol: Protocol) -> str:
    measured = on_top(results, 'cpu')
    return REPORT.format(
        batch=protocol['batch'],
        table=side_by_side(measured, PRINTED, '{:.1f}'.format, corner='net'),
        agreement=agreement(measured, PRINTED, within=0.5),
        clock=side_by_side(on_top(results, 'clock'), {}, '{:.1f}'.format, corner='net'),
    )


def on_top(results: Results, kind: str) -> dict[str, dict[str, float]]:
    """The seconds on top of Gaussian weights, by initialization and net."""
    measured: dict[str, dict[str, float]] = {}
    for cell, found in results.items():
        seconds = found[kind]
        for init, title in INITS.items():
            row = NETS[cell['net'].replace('_', '/')]
            measured.setdefault(title, {})[row] = seconds[init] - seconds['gaussian']
    return measured


EXPERIMENT = Experiment(
    title='seconds of an initialization: FitNet-4, CaffeNet, GoogLeNet',
    full=Protocol(grid(net=['fitnet4_relu', 'caffenet', 'googlenet']), '~2 min', {'batch': 32}),
    measure=measure,
    report=report,
    needs=[CIFAR10, ILSVRC12_SAMPLE],
)
