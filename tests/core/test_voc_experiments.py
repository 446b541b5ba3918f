"""Tables 1 and 2 of Krähenbühl et al. on twelve drawn pictures and a small net."""

import dataclasses

import numpy as np
import pytest
from goodinit.experiments import voc_classification as voc
from goodinit.experiments.kraehenbuehl2016 import table1, table1_code, table2
from goodinit.experiments.runner import Cell, Run
from goodinit.experiments.runner.store import plain
from goodinit.experiments.voc_cells import cell, cells_of_table_1, cells_of_table_2, recipes_of
from goodinit.experiments.voc_pages import percent
from mini_devkit import MINI

TINY = {
    **voc.PAPER,
    'steps': 4,
    'halve_every': 2,
    'test_every': 2,
    'snapshot_every': 3,
    'batch_size': 4,
    'model': 'cifar10_quick',
    'crop': 32,
}


def run(tmp_path, weights='gaussian', scaling='both', optimizer='sgd', **numbers):
    settings = cell(weights, scaling, optimizer).settings
    tmp_path.mkdir(exist_ok=True)
    return Run({**TINY, **settings, **numbers}, MINI.parent, tmp_path)


@pytest.mark.parametrize('weights, optimizer', [('kmeans', 'sgd'), ('gaussian', 'adam_bn')])
def test_a_cell_is_measured(tmp_path, weights, optimizer):
    found = voc.measure(run(tmp_path, weights, 'both', optimizer))
    steps, losses, precisions = zip(*found['curve'], strict=True)
    assert steps == (0, 2, 4) and losses[0] is None and losses[2] > 0
    assert all(0 <= precision <= 1 for precision in precisions)
    assert not found['diverged'] and len(found['losses']) == 1
    ways = found['average_precision']
    assert list(ways) == ['center', 'ten_random', 'ten']
    shown = [not np.isnan(value) for value in ways['ten']['area']]
    assert sum(shown) == 5  # classes that the test set has: the drawn ones
    assert 0 < percent(plain(found)) <= 100


def test_a_cell_that_was_stopped_goes_on_without_a_new_initialization(tmp_path, monkeypatch):
    whole = voc.measure(run(tmp_path / 'whole'))
    stopped = run(tmp_path / 'stopped')

    def stop(share):
        if share == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        voc.measure(dataclasses.replace(stopped, advance=stop))
    assert voc.has_snapshot(stopped)
    monkeypatch.setattr(voc, 'initialized', None)
    assert plain(voc.measure(stopped)) == plain(whole)


def test_a_diverged_cell_has_no_precision(tmp_path):
    found = voc.measure(run(tmp_path, scaling='none', weight_decay=-1e30, clip_gradients=-1.0))
    assert found['diverged'] and found['average_precision'] == {}
    assert percent(found) is None


def test_each_cell_that_is_printed_is_run():
    printed = {
        (*column.split(', '), scaling)
        for column, figures in table1.PRINTED.items()
        for scaling in figures
    }
    run = {(each['optimizer'], each['weights'], each['scaling']) for each in cells_of_table_1()}
    assert run == printed and len(run) == 24
    assert len(cells_of_table_2()) == len(table2.PRINTED['classification']) == 6


def test_msra_is_for_convolutions_and_between_may_change_the_function():
    convolutions, rest = recipes_of('msra', 'none')
    assert convolutions.weights_from == 'msra' and rest.weights_from == 'gaussian'
    [both] = recipes_of('kmeans', 'both')
    assert (both.normalize, both.between, both.allow_change) == ('within', 'exact', True)


def results(cells, value=0.5):
    measures = {'eleven_point': [value, None], 'area': [value, None], 'step': [value, None]}
    found = {
        'curve': [[0, None, 0.1], [4, 2.0, value]],
        'losses': [2.0],
        'diverged': False,
        'average_precision': dict.fromkeys(WAYS, measures),
    }
    return dict.fromkeys(cells, found)


WAYS = ('center', 'ten_random', 'ten')


@pytest.mark.parametrize('table', [table1, table1_code, table2])
@pytest.mark.parametrize('reduced', [True, False])
def test_pages(table, reduced, tmp_path):
    experiment = table.EXPERIMENT
    protocol = experiment.protocol(reduced)
    found = results(protocol.cells)
    first = protocol.cells[0]
    found[first] = {**found[first], 'diverged': True, 'average_precision': {}}
    page = experiment.report(found, protocol)
    assert f'{protocol["steps"]} steps' in page
    assert '50.0 (56.6)' in page and 'n/c' in page
    assert f'| {first.name} | 10.0 | 50.0 |' in page
    experiment.draw(found, tmp_path / 'curves.png')
    assert (tmp_path / 'curves.png').stat().st_size > 5000


def test_the_published_code_differs_in_its_batches():
    theirs, ours = table1_code.EXPERIMENT.full.numbers, table1.EXPERIMENT.full.numbers
    differing = {name for name in ours if ours[name] != theirs[name]}
    assert differing == {'batch_size'}


def test_cells_of_both_tables_are_the_same():
    known = {each.name: each.settings for each in cells_of_table_1()}
    shared = [each for each in cells_of_table_2() if each.name in known]
    assert len(shared) == 2 and isinstance(shared[0], Cell)
    assert all(known[each.name] == each.settings for each in shared)
