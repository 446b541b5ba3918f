"""The runner of experiments: cells are kept, trainings resumed, processes watched."""

import json

import numpy as np
import pytest
import stand_in_experiment as stand_in
from goodinit.experiments.runner import Cell, ExperimentError, Protocol, grid
from goodinit.experiments.runner.cells import Task, Watcher, run_cells
from goodinit.experiments.runner.comparison import agreement, side_by_side
from goodinit.experiments.runner.data_sets import CIFAR10, find_file
from goodinit.experiments.runner.outcome import write_outcome
from goodinit.experiments.runner.store import Store, difference, plain


@pytest.fixture
def task(tmp_path, monkeypatch):
    """The stand-in on points of its own."""
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    folder = tmp_path / 'data' / 'points'
    folder.mkdir(parents=True)
    np.save(folder / 'points.npy', np.linspace(-1, 1, 30))
    return Task('paper/line', stand_in.EXPERIMENT, False, tmp_path / 'data', tmp_path / 'out')


def cells_of(task):
    return {cell.name: cell for cell in task.protocol.cells}


def without_seconds(found):
    return {name: value for name, value in found.items() if name != 'seconds'}


# -- descriptions


def test_a_grid_has_a_cell_for_each_combination():
    cells = grid(net=['relu', 'tanh'], seed=range(2))
    assert [cell.name for cell in cells] == ['relu-0', 'relu-1', 'tanh-0', 'tanh-1']
    assert cells[3]['net'] == 'tanh' and cells[3]['seed'] == 1


def test_the_reduced_protocol_is_the_full_one_if_there_is_no_other():
    assert stand_in.FAILING.protocol(reduced=True) is stand_in.FAILING.full
    reduced = stand_in.EXPERIMENT.protocol(reduced=True)
    assert reduced['iterations'] == 4 and 'seeds' not in reduced


# -- cells


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(task):
    cell = cells_of(task)['0.01']
    run_cells(task, [cell], 1, Watcher())
    whole = task.store.read(cell)['found']
    assert len(whole['losses']) == 10 and list(whole['probes']) == ['0', '4', '8', '10']

    task.store.path(cell).unlink()
    (task.data / 'stop').write_text('8')
    with pytest.raises(KeyboardInterrupt):
        run_cells(task, [cell], 1, Watcher())
    work = task.store.work(cell)
    names = sorted(path.name for path in work.iterdir())
    suffixes = ('caffemodel', 'resume', 'solverstate')
    files = [f'net_iter_6.{suffix}' for suffix in suffixes]
    assert names == ['curve.json', *files, 'settings.json']

    run_cells(task, [cell], 1, Watcher())
    assert without_seconds(task.store.read(cell)['found']) == without_seconds(whole)
    assert not work.exists()


def test_a_training_that_diverges_ends(task):
    cell = cells_of(task)['1e+30']
    run_cells(task, [cell], 1, Watcher())
    found = task.store.read(cell)['found']
    assert found['diverged'] and found['losses'][-1] is None and len(found['losses']) < 10
    assert str(len(found['losses'])) not in found['probes']


def test_several_at_a_time_find_the_same(task):
    heard = []

    class Listener(Watcher):
        def end(self, cell, seconds):
            heard.append(cell.name)

    cells = list(task.protocol.cells)
    run_cells(task, cells[:1], 1, Watcher())
    alone = task.store.read(cells[0])['found']
    run_cells(task, cells, 2, Listener())
    assert sorted(heard) == sorted(cells_of(task))
    assert without_seconds(task.store.read(cells[0])['found']) == without_seconds(alone)


@pytest.mark.parametrize(
    'name, message', [('-1', 'cell -1: it does not want to'), ('-2', r'cell -2: .* ended \(-9\)')]
)
def test_a_process_that_fails_is_named(name, message, tmp_path, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    np.save(tmp_path / 'points.npy', np.zeros(3))
    task = Task('paper/fails', stand_in.FAILING, False, tmp_path, tmp_path / 'out')
    with pytest.raises(ExperimentError, match=message):
        run_cells(task, [cells_of(task)[name]], 2, Watcher())


def test_the_outcome_is_a_page_numbers_and_a_picture(task):
    run_cells(task, task.protocol.cells[:2], 1, Watcher())
    page, lines = write_outcome(task)
    base = task.out / 'paper'
    assert page == (base / 'line.md').read_text() and page.startswith('# 10 iterations\n0.01: ')
    assert '![a line](line.png)\n\n2 of 3 cells are finished' in page
    assert '\n    goodinit reproduce paper/line --data DATA\n' in page
    numbers = json.loads((base / 'line.json').read_text())
    assert list(numbers['cells']) == ['0.01', '0.02'] and numbers['numbers'] == {'iterations': 10}
    assert (base / 'line.png').read_bytes() == b'a picture'
    assert [line.split()[0] for line in lines] == ['wrote', 'wrote']


def test_without_matplotlib_there_is_no_picture(task, monkeypatch):
    monkeypatch.setattr('goodinit.experiments.runner.outcome.find_spec', lambda name: None)
    run_cells(task, task.protocol.cells[:1], 1, Watcher())
    _, lines = write_outcome(task)
    assert 'no picture' in lines[1] and "pip install 'goodinit[plot]'" in lines[1]
    assert not (task.out / 'paper' / 'line.png').exists()


# -- what is kept


def test_a_cell_of_other_settings_is_refused(tmp_path):
    cell = Cell('a', {'seed': 1})
    made = Store(tmp_path, 'paper/table', Protocol([cell], '', {'iterations': 5}), reduced=True)
    made.keep(cell, {'loss': np.float32(0.5), 'bad': float('nan')}, 1.0)
    assert made.read(cell)['found'] == {'loss': 0.5, 'bad': None}
    today = Store(tmp_path, 'paper/table', Protocol([cell], '', {'iterations': 6}), reduced=True)
    with pytest.raises(ExperimentError, match=r'a.json: made with iterations = 5, needed: 6; del'):
        today.results()
    made.path(cell).write_text('{"found": 1')
    with pytest.raises(ExperimentError, match=r'a\.json: damaged \(.*\); delete it to run it'):
        made.read(cell)


def test_what_was_begun_with_other_settings_is_dropped(tmp_path):
    cell = Cell('a', {'seed': 1})
    five, six = (Protocol([cell], '', {'iterations': number}) for number in (5, 6))
    work = Store(tmp_path, 'paper/table', five, reduced=False).work(cell)
    (work / 'net_iter_3.solverstate').touch()
    assert len(list(Store(tmp_path, 'paper/table', five, reduced=False).work(cell).iterdir())) == 2
    assert len(list(Store(tmp_path, 'paper/table', six, reduced=False).work(cell).iterdir())) == 1


def test_settings_that_are_alike_differ_in_nothing():
    assert difference({'a': 1}, {'a': 1}) == 'the same settings'


def test_what_json_lacks_is_made_plain():
    value = {1: np.array([1, np.inf]), 'a': (np.int64(3), range(2))}
    assert plain(value) == {'1': [1.0, None], 'a': [3, [0, 1]]}


# -- data


def test_a_missing_data_set_is_to_be_fetched(tmp_path):
    with pytest.raises(ExperimentError) as error:
        CIFAR10.find(tmp_path)
    assert str(error.value) == (
        f'CIFAR-10: found no data_batch_1.bin* in {tmp_path}/cifar10; fetch '
        'cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, and put it '
        'there (--data names the folder above)'
    )
    folder = tmp_path / 'cifar-10-batches-bin'
    folder.mkdir()
    for i in range(1, 6):
        (folder / f'data_batch_{i}.bin.xz').touch()
    with pytest.raises(ExperimentError, match=r'found no test_batch.bin\* in .*/cifar-10-batches'):
        CIFAR10.find(tmp_path)
    (folder / 'test_batch.bin').touch()
    assert CIFAR10.find(tmp_path) == CIFAR10.find(folder) == folder
    assert find_file(folder, 'data_batch_2*').name == 'data_batch_2.bin.xz'
    with pytest.raises(ExperimentError, match='found no file data_batch_7'):
        find_file(folder, 'data_batch_7*')


# -- measured beside printed


def test_agreement_counts_pairs_signs_and_sizes():
    printed = {'relu': {'a': 2.0, 'b': 1.0, 'c': None}, 'tanh': {'a': -1.0}}
    measured = {'relu': {'a': 1.9, 'b': 3.0, 'c': None}, 'tanh': {'a': 1.0}, 'more': {'a': 0.0}}
    found = agreement(measured, printed, within=0.1)
    assert (found.order, found.sign, found.magnitude) == ((2, 3), (3, 4), (2, 4))
    assert str(found) == (
        'order: 2 of 3 pairs in the printed order; sign: 3 of 4 as printed; '
        'magnitude: 2 of 4 within 10%.'
    )


def test_figures_stand_side_by_side():
    printed = {'relu': {'a': 2.0, 'b': None}}
    measured = {'relu': {'a': 1.5, 'b': 0.25}, 'more': {'a': None}}
    assert side_by_side(measured, printed, corner='net').splitlines() == [
        '| net | relu | more |',
        '| --- | ---: | ---: |',
        '| a | 1.5 (2) | n/c |',
        '| b | 0.25 (n/c) | – |',
    ]
