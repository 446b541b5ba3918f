"""The solver against BVLC Caffe's recorded runs: its numbers after every iteration, and what it
told meanwhile."""

import shutil

import golden
import numpy as np
import pytest
import solver_runs as runs
from goodinit.proto import blob_to_array, parse_solver, read_solver_state, read_weights
from goodinit.solvers.solver_param import read_solver_param

from goodinit import solvers

CASES = golden.find('solvers/*.npz')
# A gradient of 1e-5 between others of 1e-1 is nearly all rounding, and AdaGrad's first step does
# not see its size.
SINGLE_STEP_ATOL = {'solvers/adagrad_exp': 1e-5}


@pytest.mark.parametrize('name', CASES)
def test_ten_iterations(name, engine):
    with np.load(CASES[name]) as case:
        solver = runs.start(case, engine=engine)
        atol = 5e-5 if solver.param.type == 'AdaDelta' else 2e-5
        for k in range(1, 11):
            rate = solver.lr
            solver.step(1)
            golden.assert_close(
                'loss',
                np.float32(solver.smoothed_loss),
                np.float32(case['loss'][k - 1]),
                1e-4,
                2e-5,
            )
            if not np.isnan(case['lr'][k - 1]):
                golden.assert_close('lr', np.float32(rate), np.float32(case['lr'][k - 1]), 1e-6, 0)
            assert solver.current_step == case['current_step'][k - 1]
            runs.assert_params(solver, case, f'iter{k}/param/', 1e-4, atol)
            runs.assert_history(solver, case, f'iter{k}/history/', 1e-4, atol)
        assert solver.iter == 10


@pytest.mark.parametrize('name', CASES)
def test_each_iteration_from_the_recorded_one_before(name):
    atol = SINGLE_STEP_ATOL.get(name, 1e-6)
    with np.load(CASES[name]) as case:
        solver = runs.start(case)
        for k in range(1, 11):
            solver.step(1)
            runs.assert_params(solver, case, f'iter{k}/param/', 1e-6, atol)
            runs.assert_history(solver, case, f'iter{k}/history/', 1e-6, atol)
            runs.put_params(solver, case, f'iter{k}/param/')
            runs.put_history(solver, case, f'iter{k}/history/')


def test_every_rule_and_policy_is_recorded():
    params = []
    for path in CASES.values():
        with np.load(path) as case:
            params.append(parse_solver(str(case['solver'])))
    assert {param.type for param in params} == set(solvers.RULES)
    assert {param.lr_policy for param in params} == set(solvers.POLICIES)


# -- whole runs of the command: what is displayed, tested and written, and when


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The recorded command's working directory."""
    for path in (golden.HERE / 'cli').iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


RUNS = {run['name']: run for run in golden.read_json('cli/index.json')}


def train(name, weights='init.caffemodel', resume=None):
    """Run a solver file of the working directory to its end; returns the solver and its events."""
    events = []
    param = read_solver_param(name)
    if weights:
        param.weights.append(weights)
    solver = runs.make(param, report=events.append)
    solver.solve(resume)
    return solver, events


def assert_told(events, recorded):
    """The numbers that Caffe printed, with six digits, and the files that it wrote."""
    shown = [event for event in events if isinstance(event, solvers.Displayed)]
    last = [
        float(line.rpartition(' ')[2])
        for line in recorded['final_lines']
        if line.startswith('Iteration')
    ]
    np.testing.assert_allclose(
        [(e.iter, e.loss) for e in shown if e.outputs], recorded['loss'], rtol=1e-4
    )
    rates = [(event.iter, event.lr) for event in events if isinstance(event, solvers.Rated)]
    np.testing.assert_allclose(rates, recorded['lr'], rtol=1e-5)
    np.testing.assert_allclose(
        [e.loss for e in shown if not e.outputs][: len(last)], last, rtol=1e-4
    )
    tested = [
        (i, output.name, output.values)
        for event in events
        if isinstance(event, solvers.Tested)
        for i, output in enumerate(event.outputs)
    ]
    assert [entry[:2] for entry in tested] == [
        tuple(entry[:2]) for entry in recorded['test_outputs']
    ]
    np.testing.assert_allclose(
        [float(entry[2]) for entry in tested],
        [entry[2] for entry in recorded['test_outputs']],
        rtol=1e-4,
    )
    files = [
        (event.weights, event.state) for event in events if isinstance(event, solvers.Snapshotted)
    ]
    assert [path for pair in files for path in pair] == recorded['files_created']


@pytest.mark.parametrize(
    'name, solver',
    [
        ('train_hdf5', 'solver'),
        ('train_average_loss', 'solver_avg3'),
        ('train_no_prefix', 'solver_noprefix'),
        ('train_zero_iter', 'solver_zero_iter'),
    ],
)
def test_a_run_tells_what_caffe_printed(name, solver, folder):
    assert_told(train(f'{solver}.prototxt')[1], RUNS[name])


def test_a_run_writes_what_caffe_wrote(folder):
    train('solver.prototxt')
    ours, theirs = (
        read_solver_state(folder / f'{prefix}tiny_iter_20.solverstate')
        for prefix in ('', 'expected_')
    )
    assert (ours.iter, ours.current_step, ours.learned_net) == (
        theirs.iter,
        theirs.current_step,
        theirs.learned_net,
    )
    for a, b in zip(ours.history, theirs.history, strict=True):
        golden.assert_close('history', blob_to_array(a), blob_to_array(b), 1e-4, 2e-5)
    ours, theirs = (
        read_weights(folder / f'{prefix}tiny_iter_20.caffemodel') for prefix in ('', 'expected_')
    )
    assert [(x.name, x.type, list(x.bottom), list(x.top)) for x in ours.layer[1:]] == [
        (x.name, x.type, list(x.bottom), list(x.top)) for x in theirs.layer[1:]
    ]
    for a, b in zip(ours.layer, theirs.layer, strict=True):
        for x, y in zip(a.blobs, b.blobs, strict=True):
            golden.assert_close(a.name, blob_to_array(x), blob_to_array(y), 1e-4, 2e-5)


def test_a_resumed_run_tells_what_caffe_printed(folder):
    train('solver.prototxt')
    events = train('solver.prototxt', weights=None, resume='tiny_iter_10.solverstate')[1]
    assert_told(
        events, RUNS['train_resume'] | {'files_created': RUNS['train_hdf5']['files_created'][2:]}
    )


def test_weights_of_the_solver_file_are_loaded(folder):
    events = train('solver_weights_field.prototxt', weights=None)[1]
    assert events[0].loss == pytest.approx(RUNS['train_hdf5']['loss'][0][1], rel=1e-4)
