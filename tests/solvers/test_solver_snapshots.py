"""Snapshots: training resumes bit for bit, from our files and BVLC Caffe's; what is wrong with a
file is said."""

import re
import shutil
import sys

import golden
import numpy as np
import pytest
import solver_runs as runs
from goodinit.netlib.errors import GoodinitError, SolverError
from goodinit.proto import parse_solver, read_solver_state, read_weights
from goodinit.solvers import RULES, Solver
from goodinit.solvers.solver_param import read_solver_param

CASES = golden.find('solvers/*_restore_at_5.npz')
BVLC = golden.find('io/snap_*.npz')
RNG = np.random.default_rng(0)
DATA, LABEL = RNG.normal(size=(6, 4)), RNG.integers(3, size=6)
WEIGHTS = [RNG.normal(size=shape) for shape in ((5, 4), (5,), (3, 5), (3,))]
NET = """net_param {
  layer { name: "data" type: "Input" top: "data" top: "label"
          input_param { shape { dim: 6 dim: 4 } shape { dim: 6 } } }
  layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 5 } }
  layer { name: "th" type: "TanH" bottom: "ip1" top: "ip1" }
  layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" } }
"""


def make(prefix, fields='', net=NET):
    """A solver with a small net of distinct weights and fixed data."""
    text = (
        f'base_lr: 0.1 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 6 '
        f'snapshot_prefix: "{prefix}" '
    )
    solver = Solver(parse_solver(f'{text} {fields} {net}'))
    solver.net.blobs['data'].data = DATA
    solver.net.blobs['label'].data = LABEL
    if net == NET:
        for param, values in zip(solver.learnable, WEIGHTS, strict=True):
            param.data = values
    return solver


def arrays(solver):
    return [blob.data.copy() for blob in (*solver.learnable, *solver.history)]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize('type', RULES)
def test_resuming_changes_no_bit(type, tmp_path):
    fields = f'type: "{type}" {"momentum: 0.9" if RULES[type].takes_momentum else ""} '
    whole, first, second = (make(tmp_path / 'x', fields) for _ in range(3))
    whole.step(9)
    first.step(4)
    second.restore(first.snapshot())
    assert (second.iter, second.current_step, second.lr) == (4, 1, first.lr)
    second.step(5)
    assert_same(arrays(second), arrays(whole))


@pytest.mark.parametrize('name', CASES)
def test_resuming_as_recorded(name, tmp_path):
    with np.load(CASES[name]) as case:
        solver, resumed = (runs.start(case) for _ in range(2))
        solver.param.snapshot_prefix = str(tmp_path / 'x')
        solver.step(5)
        resumed.restore(solver.snapshot())
        resumed.step(5)
        runs.assert_params(resumed, case, 'iter10/param/', 1e-4, 2e-5)
        runs.assert_history(resumed, case, 'iter10/history/', 1e-4, 2e-5)


@pytest.mark.parametrize('name', BVLC)
def test_a_state_of_bvlc_caffe_is_restored(name, tmp_path, monkeypatch):
    monkeypatch.chdir(
        tmp_path
    )  # its weights are then found beside the state, not from the current directory
    suffix = '.h5' if name.endswith('hdf5') else ''
    if suffix:
        pytest.importorskip('h5py')
    with np.load(BVLC[name]) as case:
        solver = runs.start(case)
        solver.restore(BVLC[name].with_name(f'{BVLC[name].stem}_iter_7.solverstate{suffix}'))
        assert (solver.iter, solver.current_step) == (case['iter'], case['current_step'])
        runs.assert_params(solver, case, 'param/', 0, 0)
        runs.assert_history(solver, case, 'history/', 0, 0)
        solver.step(5)
        runs.assert_params(solver, case, 'resumed_param_iter12/', 1e-4, 2e-5)


def test_the_files_of_a_snapshot(tmp_path):
    solver = make(tmp_path / 'x', 'snapshot: 2 snapshot_diff: true ')
    solver.step(5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f'x_iter_{n}.{kind}' for n in (2, 4) for kind in ('caffemodel', 'resume', 'solverstate')
    ]
    state = read_solver_state(tmp_path / 'x_iter_4.solverstate')
    assert (state.iter, state.learned_net, state.current_step) == (
        4,
        str(tmp_path / 'x_iter_4.caffemodel'),
        1,
    )
    assert [list(blob.shape.dim) for blob in state.history] == [[5, 4], [5], [3, 5], [3]]
    assert all(
        len(blob.diff) for layer in read_weights(state.learned_net).layer for blob in layer.blobs
    )


@pytest.mark.parametrize(
    'given, prefix',
    [
        ('', 'some.solver'),
        ('snapshot_prefix: "there/x"', 'there/x'),
        ('snapshot_prefix: "there"', 'there/some.solver'),
    ],
)
def test_the_prefix_comes_from_the_solver_file(given, prefix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'there').mkdir()
    (tmp_path / 'some.solver.prototxt').write_text(f'net: "x" lr_policy: "fixed" {given}')
    assert read_solver_param('some.solver.prototxt').snapshot_prefix == prefix


# -- what can be wrong


@pytest.mark.parametrize('kind', ['solverstate', 'caffemodel'])
def test_a_cut_file_is_refused_and_changes_nothing(kind, tmp_path):
    solver = make(tmp_path / 'x')
    solver.step(3)
    state = solver.snapshot()
    file = tmp_path / f'x_iter_3.{kind}'
    content, fresh = file.read_bytes(), make(tmp_path / 'x')
    # the loss layer comes last and has no parameters: without it nothing is lost
    for length in range(0, content.index(b'loss') - 8 if kind == 'caffemodel' else len(content), 3):
        file.write_bytes(content[:length])
        with pytest.raises(SolverError, match=f'^cannot resume from {re.escape(state)}: '):
            fresh.restore(state)
        assert fresh.iter == fresh.current_step == 0
        assert not any(blob.data.any() for blob in fresh.history)


@pytest.mark.parametrize(
    'fields, net, message',
    [
        (
            'type: "Adam"',
            NET,
            "Incorrect length of history blobs. Found 4, but this net with type 'Adam' has 8",
        ),
        (
            '',
            NET.replace('num_output: 5', 'num_output: 7'),
            'history blob 0 has shape (5, 4), but this net needs (7, 4)',
        ),
        (
            '',
            NET.replace('name: "ip2"', 'name: "other"'),
            "the weights of another net: layer 'other' is missing",
        ),
    ],
)
def test_a_snapshot_of_another_solver_or_net_is_refused(fields, net, message, tmp_path):
    state = make(tmp_path / 'x').snapshot()
    with pytest.raises(SolverError, match=re.escape(message)):
        make(tmp_path / 'x', fields, net).restore(state)


def test_files_that_are_missing(tmp_path):
    solver = make(tmp_path / 'x')
    with pytest.raises(
        SolverError, match=r'cannot resume from nosuch\.solverstate: File not found'
    ):
        solver.restore('nosuch.solverstate')
    state = solver.snapshot()
    (tmp_path / 'x_iter_0.caffemodel').unlink()
    with pytest.raises(
        SolverError,
        match=r'cannot resume from .*solverstate: File not found: .*x_iter_0.caffemodel',
    ):
        solver.restore(state)


def test_a_moved_snapshot_is_found(tmp_path):
    make(tmp_path / 'x').snapshot()
    shutil.copytree(tmp_path, tmp_path / 'moved')
    for path in tmp_path.glob('x_*'):
        path.unlink()
    make(tmp_path / 'x').restore(tmp_path / 'moved/x_iter_0.solverstate')


@pytest.mark.parametrize(
    'prefix, fields, message',
    [
        ('', 'snapshot: 1', 'In solver params, snapshot is specified but snapshot_prefix is not'),
        (
            'nosuch/x',
            'snapshot: 1',
            "Cannot write to snapshot prefix 'nosuch/x'.  Make sure that the directory exists and "
            'is writeable.',
        ),
    ],
)
def test_a_snapshot_that_could_not_be_written_is_refused_at_once(
    prefix, fields, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SolverError, match=re.escape(message)):
        make(prefix, fields)
    fields = fields.removeprefix('snapshot: 1')
    for call in (lambda solver: solver.snapshot(), lambda solver: solver.solve()):
        with pytest.raises(SolverError, match=re.escape(message)):
            call(make(prefix, f'{fields} max_iter: 1'))


# -- HDF5


@pytest.mark.parametrize('name', golden.find('io/snap_*_hdf5.npz'))
def test_hdf5_files_are_laid_out_as_bvlc_does(name, tmp_path):
    """The same datasets, of the same types and shapes; those that do not depend on the run with the
    same values."""
    h5py = pytest.importorskip('h5py')
    with np.load(BVLC[name]) as case:
        solver = runs.start(case)
    solver.param.snapshot_prefix = str(tmp_path / BVLC[name].stem)
    solver.step(7)
    solver.snapshot()
    for kind in ('caffemodel', 'solverstate'):
        file = f'{BVLC[name].stem}_iter_7.{kind}.h5'
        with h5py.File(tmp_path / file) as ours, h5py.File(BVLC[name].with_name(file)) as theirs:
            assert described(ours) == described(theirs)
            if kind == 'solverstate':
                assert [ours[key][0] for key in ('iter', 'current_step')] == [
                    theirs[key][0] for key in ('iter', 'current_step')
                ]
                assert ours['learned_net'][()].decode() == str(tmp_path / file).replace(
                    'solverstate', 'caffemodel'
                )


def described(file):
    """{name: type and shape of a dataset, None of a group}; of texts only that they have room for
    C's final zero."""
    found = {}
    file.visititems(
        lambda name, item: found.update(
            {name: getattr(item, 'shape', None) and (item.shape, item.dtype)}
        )
    )
    text = file.get('learned_net')
    return found, text is None or text.dtype.itemsize == len(text[()]) + 1


@pytest.mark.parametrize(
    'make_file',
    [
        lambda h5py, path: path.write_bytes(b'cut'),
        lambda h5py, path: path.write_bytes(b''),
        lambda h5py, path: h5py.File(path, 'w').close(),
    ],
)
def test_damaged_hdf5_states(make_file, tmp_path):
    path = tmp_path / 'x_iter_3.solverstate.h5'
    make_file(pytest.importorskip('h5py'), path)
    message = re.escape(f'cannot resume from {path}: {path}: not an HDF5 solverstate, or damaged: ')
    with pytest.raises(SolverError, match=f'^{message}'):
        make(tmp_path / 'x').restore(path)


def test_a_cut_hdf5_state(tmp_path):
    pytest.importorskip('h5py')
    state = make(tmp_path / 'x', 'snapshot_format: HDF5').snapshot()
    path = tmp_path / 'x_iter_0.solverstate.h5'
    content = path.read_bytes()
    for length in range(0, len(content), 500):
        path.write_bytes(content[:length])
        with pytest.raises(SolverError, match=f'^cannot resume from {re.escape(state)}: '):
            make(tmp_path / 'x').restore(state)


def test_hdf5_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(
        GoodinitError, match=r"needs the package 'h5py' .*: pip install 'goodinit\[data\]'"
    ):
        make(tmp_path / 'x', 'snapshot_format: HDF5')
