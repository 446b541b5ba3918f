"""A small training to watch: of weights that are shared, fixed, and zero."""

import numpy as np
from goodinit.initializers import fill
from goodinit.proto import parse_solver
from goodinit.solvers import Solver

NET = """
layer { name: "x" type: "DummyData" top: "x" top: "target" dummy_data_param {
  shape { dim: 2 dim: 3 } shape { dim: 2 dim: 2 }
  data_filler { type: "gaussian" } data_filler { type: "gaussian" } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "a2" type: "InnerProduct" bottom: "a" top: "a2" param { name: "w" }
  inner_product_param { num_output: 3 } }
layer { name: "r" type: "PReLU" bottom: "a2" top: "a2" }
layer { name: "fixed" type: "InnerProduct" bottom: "a2" top: "fixed" param { lr_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "zero" type: "InnerProduct" bottom: "fixed" top: "zero" param { lr_mult: 1 }
  inner_product_param { num_output: 2 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "zero" bottom: "target" top: "loss" }
"""


def make(fields='', base_lr=0.01):
    param = parse_solver(f'base_lr: {base_lr} lr_policy: "fixed" {fields} net_param {{ {NET} }}')
    return Solver(param, fill=lambda net: fill(net, np.random.default_rng(0)), seed=0)
