"""Training goes on after whatever ended it, to the bits of a run that was left alone; what is not
whole is not used."""

import os
import random
import re
from collections import deque

import golden
import killed_training as killed
import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.errors import LayerError, SolverError
from goodinit.netlib.weights import read_weights_file
from goodinit.proto import files, parse_solver, read_solver_state
from goodinit.proto.caffe_pb2 import Phase
from goodinit.solvers import Solver, events, side_file
from goodinit.solvers.snapshot_files import find_last, read_state, remove_unfinished
from goodinit.solvers.solver_nets import SolverNets
from goodinit.solvers.solver_param import read_solver_param
from goodinit.solvers.state import TrainingState

ITERATIONS = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    killed.write_training(tmp_path, ITERATIONS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(fields='', report=None, seed=None):
    """A solver of the net that draws at random wherever one can."""
    param = read_solver_param('solver.prototxt')
    param.MergeFrom(parse_solver(fields))
    return Solver(
        param, fill=lambda net: fill(net, np.random.default_rng(0)), report=report, seed=seed
    )


def numbers(told):
    """What was displayed and tested, without rounding."""
    return [
        (
            event.iter,
            event.loss
            if isinstance(event, events.Displayed)
            else [output.values.tolist() for output in event.outputs],
        )
        for event in told
        if isinstance(event, events.Displayed | events.Tested)
    ]


# -- the same bits


@pytest.mark.parametrize('fields', ['', 'snapshot_format: HDF5'])
@pytest.mark.parametrize('stop', [1, 3, 7, ITERATIONS - 1])
def test_a_resumed_run_is_the_run_that_was_never_stopped(stop, fields, folder):
    if fields:
        pytest.importorskip('h5py')
    (folder / 'whole').mkdir()
    whole, first, second = ([] for _ in range(3))
    make(f'{fields} snapshot_prefix: "whole/run"', whole.append).solve()
    make(fields, first.append).step(stop)
    state, passed = find_last('run')
    assert state.startswith(f'run_iter_{stop}.solverstate') and not passed
    make(fields, second.append, seed=2).solve(
        state
    )  # what was drawn is in the files, not in the seed
    assert numbers(first) + numbers(second) == numbers(whole)
    assert_same_files(folder / 'whole', folder)


def assert_same_files(theirs, ours):
    """The same last snapshot, but for the folder that is in the name of the weights."""

    def content(folder):
        state = find_last(f'{folder}/run')[0]
        document = side_file.read(side_file.path_of(state))
        del document['files']
        return (
            document,
            list(read_weights_file(state.replace('solverstate', 'caffemodel')).layer),
            list(read_state(state).history),
        )

    np.testing.assert_equal(content(ours), content(theirs))


def test_killed_at_any_moment(tmp_path):
    alone, other = tmp_path / 'alone', tmp_path / 'killed'
    for each in (alone, other):
        each.mkdir()
        killed.write_training(each, 60)
    rng = random.Random(0)
    for _ in range(5):
        killed.kill(other, rng, 0.15)
    killed.finish(alone)
    killed.finish(other)
    assert killed.outcome(alone, 60) == killed.outcome(other, 60) != {}
    assert not list(other.glob('.*'))


def test_the_state_of_bvlc_begins_its_data_anew(folder):
    """Without the side file the next batch is the first one."""
    events = []
    make().step(3)
    (folder / 'run_iter_3.resume').unlink()
    for start in (None, 'run_iter_3.solverstate'):
        solver = make()
        if start:
            solver.restore(start)
        solver.net.forward()
        events.append(solver.net.blobs['label'].data.copy())
    np.testing.assert_array_equal(*events)


TYPES = {name.split('/')[1]: path for name, path in golden.find('layers/[A-Z]*/*.npz').items()}


@pytest.mark.parametrize('type', TYPES)
def test_the_state_of_every_layer_survives_the_file(type, tmp_path):
    """What a layer remembers comes back as it was, whatever it is made of, into a net of another
    seed."""
    with np.load(TYPES[type]) as case:
        nets = [
            Net(golden.net_of(TYPES[type]), Phase.Value(str(case['phase'])), seed=seed)
            for seed in (0, 1)
        ]
        nets[0].forward()
    path = str(tmp_path / 'x')
    side_file.write(side_file.layers_of(SolverNets(nets[0], [])), [], 1, path, [])
    side_file.restore(side_file.read(path), SolverNets(nets[1], []), TrainingState([], deque()))
    ours, theirs = ([layer.state() for layer in net.layers] for net in nets)
    np.testing.assert_equal(ours, theirs)


# -- incomplete snapshots


class Killed(BaseException):
    pass


@pytest.mark.parametrize('again', [False, True])
@pytest.mark.parametrize('moved', [0, 1, 2])
def test_a_snapshot_that_was_not_finished_is_passed_over(moved, again, folder, monkeypatch):
    """Killed with as many of its three files in place, with or without an older snapshot of the
    same name there."""
    solver = make()
    solver.step(3)
    if again:
        make('random_seed: 2 base_lr: 0.5').step(4)
    kept, replace = find_last('run')[0] if not again else 'run_iter_3.solverstate', os.replace
    count = 0

    def stopping(source, target):
        nonlocal count
        if '.tmp' not in str(target):
            count += 1
            if count > moved:
                raise Killed
        replace(source, target)

    monkeypatch.setattr(files.os, 'replace', stopping)
    monkeypatch.setattr(files.shutil, 'rmtree', lambda *args, **kwargs: None)
    with pytest.raises(Killed):
        solver.step(1)
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    found, passed = find_last('run')
    if again and moved == 0:
        assert (found, passed) == ('run_iter_4.solverstate', [])  # the older one, whole
    else:
        assert found == kept
        assert len(passed) == (1 if again else 0) and all(
            'belongs to other files than' in line for line in passed
        )
    make().restore(found)
    assert len(list(folder.glob('.*.tmp'))) == 1
    remove_unfinished('run')
    assert not list(folder.glob('.*.tmp'))


def test_what_a_living_process_writes_is_left_alone(folder):
    with files.written_together(['run_iter_1.resume', 'run_iter_1.caffemodel']) as (first, second):
        remove_unfinished('run')
        assert os.path.isdir(os.path.dirname(first))
        for path in (first, second):
            with open(path, 'w') as file:
                file.write(path)
    assert (folder / 'run_iter_1.resume').exists() and not list(folder.glob('.*'))


def test_what_is_on_the_disk_when(folder, monkeypatch):
    """Every file before any takes its place; the names after each, the state's last."""
    told, fsync, replace = [], os.fsync, os.replace

    def syncing(descriptor):
        told.append(os.path.basename(os.readlink(f'/proc/self/fd/{descriptor}')))
        fsync(descriptor)

    def replacing(source, target):
        if os.path.dirname(target) == str(folder):
            told.append(f'-> {os.path.basename(target)}')
        replace(source, target)

    if not os.path.isdir('/proc/self/fd'):
        pytest.skip('this system has no /proc')
    solver = make()
    monkeypatch.setattr(files.os, 'fsync', syncing)
    monkeypatch.setattr(files.os, 'replace', replacing)
    solver.snapshot()
    names = [f'run_iter_0.{kind}' for kind in ('resume', 'caffemodel', 'solverstate')]
    assert told[-9:] == [*names, *(each for name in names for each in (f'-> {name}', folder.name))]


@pytest.mark.parametrize('limit', [100, 3000, 9000])
def test_a_full_disk_keeps_the_last_snapshot(limit, folder):
    resource = pytest.importorskip('resource')
    solver = make()
    solver.step(2)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(
            SolverError,
            match=r'^cannot write the snapshot run_iter_3: File too large; earlier '
            r'snapshots are unchanged$',
        ):
            solver.step(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize('kind', ['resume', 'solverstate', 'caffemodel'])
def test_a_damaged_file_is_passed_over_and_refused(kind, folder):
    make().step(2)
    file = folder / f'run_iter_2.{kind}'
    content = file.read_bytes()
    for damaged in (b'', content[:1], content[: len(content) // 2], content[:-1]):
        file.write_bytes(damaged)
        found, passed = find_last('run')
        assert found == 'run_iter_1.solverstate'
        assert len(passed) == 1 and passed[0].startswith('skipping run_iter_2.solverstate: ')
        with pytest.raises(SolverError, match=r'^cannot resume from run_iter_2\.solverstate: '):
            make().restore('run_iter_2.solverstate')


def test_weights_that_are_missing(folder):
    make().step(2)
    (folder / 'run_iter_2.caffemodel').unlink()
    assert find_last('run') == (
        'run_iter_1.solverstate',
        [
            f'skipping run_iter_2.solverstate: File not found: run_iter_2.caffemodel '
            f'(looked in {folder})'
        ],
    )
    (folder / 'run_iter_1.solverstate').unlink()
    assert find_last('run')[0] == ''


# -- side files of something else


def test_a_side_file_of_another_snapshot(folder):
    make().step(2)
    (folder / 'run_iter_1.resume').rename(folder / 'run_iter_2.resume')
    message = (
        'run_iter_2.resume belongs to other files than run_iter_2.caffemodel: delete it to '
        'resume as Caffe does, with the data from the start'
    )
    with pytest.raises(SolverError, match=re.escape(message)):
        make().restore('run_iter_2.solverstate')


@pytest.mark.parametrize(
    'old, new, fields, message',
    [
        ('', '', 'test_iter: 1', 'found 1 test nets, needed 2'),
        (
            'name: "cont"',
            'name: "other"',
            '',
            "found layer 'cont' (DummyData), needed 'other' (DummyData)",
        ),
        (
            'name: "Forgetful"',
            'layer { name: "more" type: "Input" top: "more" input_param { shape { dim: 1 } } }',
            '',
            'found 12 layers, needed 13',
        ),
    ],
)
def test_a_side_file_of_other_nets(old, new, fields, message, folder):
    make().step(1)
    (folder / 'net.prototxt').write_text(
        (folder / 'net.prototxt').read_text().replace(old, new) if old else killed.NET
    )
    with pytest.raises(
        SolverError,
        match=re.escape(f'run_iter_1.resume belongs to other nets: {message}: delete it'),
    ):
        make(fields).restore('run_iter_1.solverstate')


def test_a_state_of_a_layer_that_does_not_fit(folder):
    make().step(1)
    document = side_file.read('run_iter_1.resume')
    del document['nets'][0][0]['state']
    with pytest.raises(
        SolverError,
        match=r"state of layer 'images' \(ImageData\) does not fit: KeyError\('state'\)",
    ):
        solver = make()
        side_file.restore(document, solver.nets, solver.state)


# -- HDF5


def test_hdf5_refuses_names_with_slashes_at_once(folder):
    pytest.importorskip('h5py')
    (folder / 'net.prototxt').write_text(killed.NET.replace('name: "conv"', 'name: "a/conv"'))
    with pytest.raises(
        LayerError, match=r"layer 'a/conv'.*: HDF5 needs unique layer names without '/'\."
    ):
        make('snapshot_format: HDF5')


def test_parameters_of_a_test_net_alone_are_kept(folder):
    extra = (
        'layer { name: "own" type: "InnerProduct" bottom: "rows" top: "own" '
        'include { phase: TEST } '
        'inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }'
    )
    (folder / 'net.prototxt').write_text(killed.NET + extra)
    solver = make()
    solver.step(1)
    resumed = Solver('solver.prototxt')
    resumed.restore('run_iter_1.solverstate')
    ours, theirs = (each.test_nets[0].params['own'][0].data for each in (resumed, solver))
    assert ours.any()
    np.testing.assert_array_equal(ours, theirs)
    assert read_solver_state('run_iter_1.solverstate').iter == 1
