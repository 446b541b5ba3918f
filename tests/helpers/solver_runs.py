"""Solver runs recorded from BVLC Caffe: how one is set up with its data, and compared."""

import golden
import numpy as np
from goodinit.proto import parse_net, parse_solver, read_net
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import Solver


def with_inputs(net: NetParameter):
    """A copy of the net with an Input layer in place of each HDF5Data, which keeps its
    hdf5_data_param."""
    out = NetParameter()
    out.CopyFrom(net)
    for layer in out.layer:
        if layer.type == 'HDF5Data':
            layer.type = 'Input'
            for rows in rows_of(layer).values():
                layer.input_param.shape.add(dim=[layer.hdf5_data_param.batch_size, *rows.shape[1:]])
    return out


def rows_of(layer):
    """{top: the rows that the layer would read}"""
    source = layer.hdf5_data_param.source.removesuffix('.txt')
    with np.load(golden.HERE / 'solvers/data/rows.npz') as rows:
        return {top: rows[f'{source}/{top}'] for top in layer.top}


def feed(net):
    """Write the next batch of rows into the inputs that `with_inputs` made, before each forward."""
    for layer in net.param.layer:
        if layer.HasField('hdf5_data_param'):
            net.before_forward.append(
                _feeder(net, rows_of(layer), layer.hdf5_data_param.batch_size)
            )


def _feeder(net, rows, batch):
    place = 0

    def before_forward(i):
        nonlocal place
        if i == 0:
            for name, values in rows.items():
                net.blobs[name].data = values.take(range(place, place + batch), 0, mode='wrap')
            place += batch

    return before_forward


def make(param: SolverParameter, net: NetParameter | None = None, **options):
    """The solver of a recorded run, whose net is `net` or the file that it names, with its data."""
    inline = SolverParameter()
    inline.CopyFrom(param)
    inline.net_param.CopyFrom(with_inputs(net or read_net(param.net)))
    inline.ClearField('net')
    solver = Solver(inline, **options)
    for each in (solver.net, *solver.test_nets):
        feed(each)
    return solver


def start(case, **options):
    """The solver of a case at its beginning."""
    solver = make(parse_solver(str(case['solver'])), parse_net(str(case['net'])), **options)
    for name, key in golden.keys(case, 'data/').items():
        solver.net.blobs[name].data = case[key]
    put_params(solver, case, 'init/')
    return solver


def put_params(solver, case, prefix):
    for key, layer, i in golden.split_keys(case, prefix):
        solver.net.params[layer][i].data = case[key]


def put_history(solver, case, prefix):
    for i, key in golden.keys(case, prefix).items():
        solver.history[int(i)].data = case[key]


def assert_params(solver, case, prefix, rtol, atol):
    for key, layer, i in golden.split_keys(case, prefix):
        golden.assert_close(key, solver.net.params[layer][i].data, case[key], rtol, atol)


def assert_history(solver, case, prefix, rtol, atol):
    histories = golden.keys(case, prefix)
    assert len(histories) == len(solver.history)
    for i, key in histories.items():
        golden.assert_close(key, solver.history[int(i)].data, case[key], rtol, atol)
