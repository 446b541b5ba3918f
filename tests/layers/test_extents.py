"""Every recorded layer with every extent of its inputs, one by one and in all of them, set to 0, 1,
7 and 13: it runs, or says in an error of ours why it cannot."""

import warnings

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines.fast.native import LIBRARY, instruction_sets
from goodinit.netlib.errors import GoodinitError
from goodinit.proto.caffe_pb2 import Phase

CASES = golden.find('layers/*/*.npz')
TYPES = sorted({name.split('/')[1] for name in CASES})
EXTENTS = (0, 1, 7, 13)
ISAS = instruction_sets() if LIBRARY.exists() else []
ENGINES = [
    'reference',
    *(f'fast:{isa}' for isa in ISAS),
    pytest.param('cuda', marks=pytest.mark.cuda),
]


def changed_nets(path):
    """The net of a case, with one extent of one input changed at a time."""
    param = golden.net_of(path)
    shapes = shapes_of(param)
    for i, shape in enumerate(shapes):
        for axis in range(len(shape.dim)):
            yield from changed_axes(param, [i], axis)
    for axis in range(max((len(shape.dim) for shape in shapes), default=0)):
        yield from changed_axes(param, range(len(shapes)), axis)


def shapes_of(param):
    """The shapes of all inputs."""
    found = []
    for layer in param.layer:
        found += layer.input_param.shape
    return found


def changed_axes(param, inputs, axis):
    """The net with each extent along an axis of these inputs."""
    for extent in EXTENTS:
        changed = type(param)()
        changed.CopyFrom(param)
        shapes = shapes_of(changed)
        for i in inputs:
            if axis < len(shapes[i].dim):
                shapes[i].dim[axis] = extent
        yield changed


def run_once(param, phase, engine):
    """Forward and backward on whole numbers, which may be labels."""
    net = Net(param, phase, engine=engine, seed=0)
    for name in net.inputs:
        blob = net.blobs[name]
        blob.data = np.arange(blob.count).reshape(blob.shape) % 2
    net.forward()
    net.clear_param_diffs()
    for name in net.outputs:
        net.blobs[name].diff = 1
    net.backward()


@pytest.fixture(params=ENGINES)
def engine_name(request, monkeypatch):
    name, _, isa = request.param.partition(':')
    if name == 'cuda':
        request.getfixturevalue('cuda_device')
    if isa:
        monkeypatch.setenv('GOODINIT_ISA', isa)
    return name


@pytest.mark.parametrize('kind', TYPES)
def test_any_extent_runs_or_is_refused(kind, engine_name):
    warnings.simplefilter('ignore')
    ran = 0
    for name, path in CASES.items():
        if name.split('/')[1] != kind:
            continue
        with np.load(path) as case:
            phase = Phase.Value(str(case['phase']))
        for param in changed_nets(path):
            try:
                run_once(param, phase, engine_name)
                ran += 1
            except GoodinitError as error:
                assert str(error)
    assert ran or kind in ('DummyData', 'Parameter')
