"""What the experiments found holds, and is what their pages say."""

import json
from pathlib import Path

import numpy as np
import places
import pytest
from experiment_runs import RESULTS, cell_of, committed, measured
from goodinit.experiments import closed_forms, mishkin_matas
from goodinit.experiments.mishkin2016 import table9, table10
from goodinit.experiments.runner.catalog import open_experiment
from goodinit.experiments.runner.cells import Task
from goodinit.experiments.runner.outcome import page_text

CIFAR10 = places.DATA / 'cifar10'
PAGES = sorted(path for path in RESULTS.glob('*/*.json'))


@pytest.mark.parametrize('path', PAGES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_a_page_says_what_its_numbers_say(path):
    """The committed page is what the experiment makes of the committed numbers today."""
    name = json.loads(path.read_text(encoding='utf-8'))['experiment']
    reduced = path.stem.endswith('_reduced')
    experiment = open_experiment(name)
    task = Task(name, experiment, reduced, Path(), RESULTS)
    page = page_text(task, committed(name, reduced))
    assert path.with_suffix('.md').read_text(encoding='utf-8') == page
    assert path.with_suffix('.png').exists() == (experiment.draw is not None)


@pytest.mark.skipif(not CIFAR10.is_dir(), reason='needs CIFAR-10 beside the repository')
def test_one_net_is_near_what_is_printed(tmp_path):
    cell = cell_of('mishkin2016/table9', net='tanh')
    found = measured('mishkin2016/table9', CIFAR10, tmp_path, cell, batch=32)
    for layer, std in found['stds'].items():
        assert table9.agrees(table9.ratios('TanH', layer, [std])), layer


def test_closed_forms_are_what_is_printed():
    cells = {
        (column, layer): cell['agrees']
        for column, layers in closed_forms.closed_forms().items()
        for layer, cell in layers.items()
    }
    assert len(cells) == 54
    assert {cell for cell, agrees in cells.items() if agrees == 'no'} == {
        ('OrthoNorm', 'conv11'),
        ('MSRA', 'conv15'),
        ('MSRA', 'conv21'),
        ('Xavier', 'conv21'),
    }


def test_lsuv_weights_are_within_a_quarter_of_what_is_printed():
    found = table9.by_column(committed('mishkin2016/table9'))
    for column in ('TanH', 'ReLU', 'VLReLU', 'Maxout'):
        assert len(found[column]) == 18
        assert not [
            layer
            for layer, stds in found[column].items()
            if not table9.agrees(table9.ratios(column, layer, stds))
        ]


def test_gradient_variances_are_of_the_printed_order():
    found = table10.by_column(committed('mishkin2016/table10'))
    for column, layers in mishkin_matas.printed_table(10).items():
        for layer, figure in layers.items():
            assert abs(np.log10(found[column][layer] / float(figure))) < 0.5, (column, layer)


def test_equal_change_rates_are_equal():
    spread = {}
    for cell, found in committed('kraehenbuehl2016/figure1').items():
        rates = [row['change_rate'] for row in found['layers']]
        spread[cell.name] = max(rates) / min(rates)
    assert all(spread[name] > 100 for name in ('kmeans', 'gaussian-within', 'kmeans-within'))
    assert all(ratio < 1.1 for name, ratio in spread.items() if name.endswith('between'))
