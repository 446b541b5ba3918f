"""Training goes on after whatever ended it, to the bits of a run that was left alone; what is not
whole is not used."""

import os
import random

import killed_training as killed
import numpy as np
import pytest
from goodinit.netlib.errors import LayerError, SolverError
from goodinit.netlib.weights import read_weights_file
from goodinit.proto import files
from goodinit.solvers import events, side_file
from goodinit.solvers.snapshot_files import find_last, read_state, remove_unfinished
from killed_training import make_solver

ITERATIONS = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    killed.write_training(tmp_path, ITERATIONS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
    make_solver(f'{fields} snapshot_prefix: "whole/run"', whole.append).solve()
    make_solver(fields, first.append).step(stop)
    state, passed = find_last('run')
    assert state.startswith(f'run_iter_{stop}.solverstate') and not passed
    make_solver(fields, second.append, seed=2).solve(
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


def test_a_state_whose_name_lacks_h5(folder):
    (folder / 'run_iter_3.solverstate.h5').write_text('')
    message = 'File not found: run_iter_3.solverstate; there is run_iter_3.solverstate.h5'
    with pytest.raises(SolverError, match=message):
        make_solver().restore('run_iter_3.solverstate')


def test_the_state_of_bvlc_begins_its_data_anew(folder):
    """Without the side file the next batch is the first one."""
    events = []
    make_solver().step(3)
    (folder / 'run_iter_3.resume').unlink()
    for start in (None, 'run_iter_3.solverstate'):
        solver = make_solver()
        if start:
            solver.restore(start)
        solver.net.forward()
        events.append(solver.net.blobs['label'].data.copy())
    np.testing.assert_array_equal(*events)


# -- incomplete snapshots


class Killed(BaseException):
    pass


@pytest.mark.parametrize('again', [False, True])
@pytest.mark.parametrize('moved', [0, 1, 2])
def test_a_snapshot_that_was_not_finished_is_passed_over(moved, again, folder, monkeypatch):
    """Killed with as many of its three files in place, with or without an older snapshot of the
    same name there."""
    solver = make_solver()
    solver.step(3)
    if again:
        make_solver('random_seed: 2 base_lr: 0.5').step(4)
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
    make_solver().restore(found)
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
    solver = make_solver()
    monkeypatch.setattr(files.os, 'fsync', syncing)
    monkeypatch.setattr(files.os, 'replace', replacing)
    solver.snapshot()
    names = [f'run_iter_0.{kind}' for kind in ('resume', 'caffemodel', 'solverstate')]
    assert told[-9:] == [*names, *(each for name in names for each in (f'-> {name}', folder.name))]


@pytest.mark.parametrize('limit', [100, 3000, 9000])
def test_a_full_disk_keeps_the_last_snapshot(limit, folder):
    resource = pytest.importorskip('resource')
    solver = make_solver()
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
    make_solver().step(2)
    file = folder / f'run_iter_2.{kind}'
    content = file.read_bytes()
    for damaged in (b'', content[:1], content[: len(content) // 2], content[:-1]):
        file.write_bytes(damaged)
        found, passed = find_last('run')
        assert found == 'run_iter_1.solverstate'
        assert len(passed) == 1 and passed[0].startswith('skipping run_iter_2.solverstate: ')
        with pytest.raises(SolverError, match=r'^cannot resume from run_iter_2\.solverstate: '):
            make_solver().restore('run_iter_2.solverstate')


def test_weights_that_are_missing(folder):
    make_solver().step(2)
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


# -- HDF5


def test_hdf5_refuses_names_with_slashes_at_once(folder):
    pytest.importorskip('h5py')
    (folder / 'net.prototxt').write_text(killed.NET.replace('name: "conv"', 'name: "a/conv"'))
    with pytest.raises(
        LayerError, match=r"layer 'a/conv'.*: HDF5 needs unique layer names without '/'\."
    ):
        make_solver('snapshot_format: HDF5')
