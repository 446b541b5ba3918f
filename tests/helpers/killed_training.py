"""Training that is killed again and again, and must come to the bits of a run that was left alone.

    python tests/helpers/killed_training.py 50

The net draws at random wherever one can: shuffled images with random crops and mirrors, dropout,
noise, an LSTM that goes on from batch to batch. There is a snapshot after every iteration, so that
many kills hit one being written.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import places
from goodinit.initializers import fill
from goodinit.proto import parse_solver
from goodinit.solvers import Solver
from goodinit.solvers.solver_param import read_solver_param

HERE = places.TESTS
IMAGES = f'{(HERE / "golden/io").as_posix()}/'
NET = f'''name: "Forgetful"
layer {{ name: "images" type: "ImageData" top: "data" top: "label"
        image_data_param {{ source: "images.txt" root_folder: "{IMAGES}" batch_size: 4
                            shuffle: true rand_skip: 5 }}
        transform_param {{ crop_size: 9 mirror: true scale: 0.01 }} }}
layer {{ name: "noise" type: "DummyData" top: "noise"
        dummy_data_param {{ shape {{ dim: 4 dim: 3 dim: 9 dim: 9 }}
                            data_filler {{ type: "gaussian" std: 0.3 }} }} }}
layer {{ name: "cont" type: "DummyData" top: "cont"
        dummy_data_param {{ shape {{ dim: 4 dim: 1 }}
                            data_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "noisy" type: "Eltwise" bottom: "data" bottom: "noise" top: "noisy" }}
layer {{ name: "conv" type: "Convolution" bottom: "noisy" top: "conv"
        convolution_param {{ num_output: 4 kernel_size: 5 stride: 2
                             weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }}
layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" include {{ phase: TRAIN }} }}
layer {{ name: "steps" type: "Reshape" bottom: "conv" top: "steps"
        reshape_param {{ shape {{ dim: 4 dim: 1 dim: -1 }} }} }}
layer {{ name: "lstm" type: "LSTM" bottom: "steps" bottom: "cont" top: "h"
        recurrent_param {{ num_output: 6 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "rows" type: "Reshape" bottom: "h" top: "rows"
        reshape_param {{ shape {{ dim: 4 dim: 6 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "rows" top: "ip"
        inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
'''
SOLVER = """net: "net.prototxt" type: "Adam" base_lr: 0.01 momentum: 0.9
lr_policy: "multistep" gamma: 0.7 stepvalue: 3 stepvalue: 20
iter_size: 2 average_loss: 5 display: 1 clip_gradients: 1 weight_decay: 0.001
test_iter: 2 test_interval: 7 random_seed: 1 snapshot: 1 snapshot_prefix: "run" """


def write_training(folder, iterations, fields=''):
    """Write the solver and what it reads."""
    (folder / 'solver.prototxt').write_text(f'{SOLVER} max_iter: {iterations} {fields}')
    (folder / 'net.prototxt').write_text(NET)
    lines = [
        f'img/{path.name} {i % 10}'
        for i, path in enumerate(sorted((HERE / 'golden/io/img').glob('[cg]?.png')))
    ]
    (folder / 'images.txt').write_text('\n'.join(lines))


def make_solver(fields='', report=None, seed=None):
    """A solver of the net that draws at random wherever one can."""
    param = read_solver_param('solver.prototxt')
    param.MergeFrom(parse_solver(fields))
    return Solver(
        param, fill=lambda net: fill(net, np.random.default_rng(0)), report=report, seed=seed
    )


def start(folder):
    """Training that goes on from the last snapshot."""
    train = [sys.executable, '-m', 'goodinit.tools.train']
    command = [*train, '--solver=solver.prototxt', '--snapshot=auto']
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)


def kill(folder, rng, longest):
    """Start training, kill it at a random moment after its start; whether it was killed within a
    snapshot."""
    with start(folder) as process:
        lines = ['']
        while not lines[-1].startswith('iteration'):
            lines.append(process.stderr.readline())
            assert lines[-1], f'training ended by itself: {lines}'
        time.sleep(rng.uniform(0, longest))
        process.kill()
    return any(path.suffix == '.tmp' for path in folder.iterdir())


def finish(folder):
    """Train to the end; the lines that it told."""
    with start(folder) as process:
        lines = process.stderr.read().splitlines()
    assert process.returncode == 0, lines
    return lines


def outcome(folder, iterations):
    """{name: bytes} of the last snapshot."""
    return {path.name: path.read_bytes() for path in folder.glob(f'run_iter_{iterations}.*')}


def main(kills):
    with tempfile.TemporaryDirectory() as name:
        alone, killed = Path(name) / 'alone', Path(name) / 'killed'
        for folder in (alone, killed):
            folder.mkdir()
            write_training(folder, 20 * kills)
        finish(alone)
        rng = random.Random(0)
        within = sum(kill(killed, rng, 0.3) for _ in range(kills))
        finish(killed)
        same = outcome(alone, 20 * kills) == outcome(killed, 20 * kills)
        bits = 'the same bits' if same else 'OTHER BITS'
        print(f'{kills} kills, {within} within a snapshot: {bits}')
        return not same


if __name__ == '__main__':
    sys.exit(main(int(sys.argv[1])))
