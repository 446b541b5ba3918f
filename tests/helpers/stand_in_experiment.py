"""An experiment of a second: a line that is trained, a cell for each rate."""

import os
import signal
from pathlib import Path

import numpy as np
from goodinit.experiments.runner import (
    DataSet,
    Experiment,
    ExperimentError,
    Protocol,
    grid,
    train,
)
from goodinit.initializers import fill
from goodinit.proto import parse_solver

POINTS = DataSet('Points', ('points',), ('points.npy',), 'points.npy from nowhere')
SOLVER = """
base_lr: {rate} lr_policy: "fixed" momentum: 0.9 net_param {{
  layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 4 dim: 3 }} }} }}
  layer {{ name: "y" type: "Input" top: "y" input_param {{ shape {{ dim: 4 dim: 2 }} }} }}
  layer {{ name: "drop" type: "Dropout" bottom: "x" top: "d" }}
  layer {{ name: "line" type: "InnerProduct" bottom: "d" top: "z"
          inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
  layer {{ name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "y" top: "loss" }}
}}
"""


def measure(run):
    points = np.load(run.folder(POINTS) / 'points.npy')
    stop_as_asked(run)

    def feed(iteration):
        rng = np.random.default_rng(iteration)
        x = rng.choice(points, (4, 3)).astype(np.float32)
        return {'x': x, 'y': x[:, :2]}

    _, curve = train(
        run,
        parse_solver(SOLVER.format(rate=run['rate'])),
        run['iterations'],
        fill=lambda net: fill(net, np.random.default_rng(0)),
        feed=lambda i: interrupted(run, i) or feed(i),
        probe=lambda solver: float(np.abs(solver.net.params['line'][0].data).sum()),
        probe_every=4,
        snapshot=3,
    )
    return curve.as_found()


def stop_as_asked(run):
    """What some rates stand for."""
    if run['rate'] == -1:
        raise ExperimentError('it does not want to')
    if run['rate'] == -2:
        os.kill(os.getpid(), signal.SIGKILL)


def interrupted(run, iteration):
    """Raises KeyboardInterrupt at the iteration that the file `stop` in the data names, once."""
    stop = Path(run.data) / 'stop'
    if stop.exists() and iteration == int(stop.read_text()):
        stop.unlink()
        raise KeyboardInterrupt


def report(results, protocol):
    lines = [f'{cell.name}: {found["losses"][-1]}' for cell, found in results.items()]
    return '\n'.join([f'# {protocol["iterations"]} iterations', *lines, ''])


def draw(results, path):
    path.write_bytes(b'a picture')


EXPERIMENT = Experiment(
    title='a line',
    full=Protocol(grid(rate=[0.01, 0.02, 1e30]), 'a second', {'iterations': 10}),
    reduced=Protocol(grid(rate=[0.01]), 'less', {'iterations': 4}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[POINTS],
)
FAILING = Experiment('fails', Protocol(grid(rate=[-1, -2]), '', {}), measure, report)
CHEAP = Experiment(
    'a line', Protocol(grid(rate=[0.01]), '', {'iterations': 2}), measure, report, needs=[POINTS]
)
