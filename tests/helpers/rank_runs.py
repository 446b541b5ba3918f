"""What test_ranks.py has several processes do: `mpiexec -n 2 python rank_runs.py WHAT FOLDER`."""

import sys
from dataclasses import replace

import numpy as np
from goodinit.initializers import PRESETS, fill, initialize, measure
from goodinit.netlib import Net
from goodinit.netlib.errors import DataError
from goodinit.netlib.ranks import launched
from goodinit.proto import parse_net, parse_solver
from goodinit.solvers import Solver
from goodinit.tools.cli.together import together

IMAGES = 16  # of all ranks together
BODY = """
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'
  convolution_param { num_output: 4 kernel_size: 3
    weight_filler { type: 'xavier' } bias_filler { type: 'constant' value: 0.1 } } }
layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' }
layer { name: 'ip' type: 'InnerProduct' bottom: 'conv' top: 'ip'
  inner_product_param { num_output: 10 weight_filler { type: 'xavier' } } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' }"""
DATA = """
layer {{ name: 'data' type: 'Data' top: 'data' top: 'label'
  transform_param {{ scale: 0.004 crop_size: 10 mirror: true }}
  data_param {{ source: '{folder}/lmdb' backend: LMDB batch_size: {size} }} }}"""
INPUT = """
layer {{ name: 'data' type: 'Input' top: 'data'
  input_param {{ shape {{ dim: {size} dim: 3 dim: 10 dim: 10 }} }} }}
layer {{ name: 'label' type: 'Input' top: 'label' input_param {{ shape {{ dim: {size} }} }} }}"""
SOLVER = """base_lr: 0.1 momentum: 0.9 lr_policy: 'fixed' weight_decay: 0.001
  snapshot_prefix: '{folder}/run_{size}'"""


def filled(net):
    fill(net, np.random.default_rng(0))


def train(ranks, folder, n, fields='', restore=''):
    """Ten iterations, or five more; the parameters."""
    text = SOLVER.format(folder=folder, size=ranks.size) + fields
    data = DATA.format(folder=folder, size=IMAGES // ranks.size)
    solver = Solver(
        parse_solver(f'net_param {{ {data}{BODY} }} {text}'), ranks=ranks, fill=filled, seed=1
    )
    if restore:
        solver.restore(f'{folder}/run_{ranks.size}_iter_5.solverstate')
    solver.step(10 - solver.iter)
    return [param.data for param in solver.learnable]


def init(preset):
    def run(ranks, folder, n):
        """The parameters that the preset gives, and what is measured then: of n batches, or on n
        ranks of one each."""
        images = (
            np.random.default_rng(2).normal(size=(n, IMAGES // n, 3, 10, 10)).astype(np.float32)
        )
        net = Net(parse_net(INPUT.format(size=IMAGES // n) + BODY), 0, ranks=ranks, seed=0)
        filled(net)
        batches = [{'data': share, 'label': np.zeros(len(share), np.float32)} for share in images]
        batches = batches[ranks.rank : ranks.rank + 1] if ranks.size > 1 else batches
        # Between layers, the random losses of images would differ with the rank that they are on.
        initialize(net, batches, replace(PRESETS[preset], between='none'), np.random.default_rng(3))
        rows = measure(net, batches, np.random.default_rng(4))
        seen = [
            [row.output_mean, row.output_std, row.output_cv, row.dead, row.mean_to_std]
            for row in rows
        ]
        return [*(param.data for param in net.all_params()), np.nan_to_num(np.array(seen), nan=-1)]

    return run


def fail(ranks, folder, n):
    """The last rank meets an error while the others wait for it."""
    with together('rank_runs'):
        if ranks.rank == ranks.size - 1:
            raise DataError('a record\nis damaged')
        ranks.gather([ranks.rank])
    return []


WHAT = {
    'train': train,
    'iter_size': lambda *args: train(*args, fields=' iter_size: 2'),
    'snapshot': lambda *args: train(*args, fields=' snapshot: 5'),
    'resume': lambda *args: train(*args, restore='yes'),
    'fail': fail,
    **{preset: init(preset) for preset in ('lsuv', 'pca', 'scale_bias')},
}

if __name__ == '__main__':
    what, folder = sys.argv[1:]
    ranks = launched()
    arrays = WHAT[what](ranks, folder, ranks.size)
    np.savez(f'{folder}/{what}_{ranks.size}_{ranks.rank}.npz', *arrays)
