"""Table 2's detection on a tiny stand-in: drawn pictures, a tiny net, a few steps."""

from pathlib import Path

import numpy as np
import pytest
from goodinit.experiments import voc_detection
from goodinit.experiments.kraehenbuehl2016.table2_detection import EXPERIMENT
from goodinit.experiments.runner.run import Run
from goodinit.netlib.data.images import decode_image
from goodinit.voc import regions as regions_module
from goodinit.voc.finder import open_finder
from mini_devkit import MINI
from small_fast_rcnn import deploy, train_val, written

NUMBERS = {
    'steps': 4,
    'drop_every': 3,
    'photographs': 6,
    'scales': [48],
    'initial_photographs': 4,
    'test_photographs': 3,
    'test_regions': 10,
    'test_scale': 48,
    'test_every': 2,
    'snapshot_every': 2,
}
CELL = EXPERIMENT.full.cells[0]


@pytest.fixture
def run_of(tmp_path, monkeypatch):
    """A function that makes the run of a cell."""
    files = {
        'train_val': written(tmp_path, train_val('unused'), 'train_val.prototxt'),
        'deploy': written(tmp_path, deploy(), 'deploy.prototxt'),
    }
    monkeypatch.setattr(
        voc_detection, 'find_model', lambda name, kind='train_val': Path(files[kind])
    )
    monkeypatch.setattr(regions_module, 'search', some_regions)

    def made(init, folder='out'):
        work = tmp_path / folder / 'work' / init
        work.mkdir(parents=True)
        settings = {**NUMBERS, 'init': init, 'rate': 0.001, 'seed': 1}
        return Run(settings, MINI.parent, work)

    return made


def some_regions(pixels, mode):
    """Instead of selective search."""
    _, height, width = pixels.shape
    rng = np.random.default_rng(int(pixels.sum()))
    x = np.sort(rng.integers(0, width, (30, 2)), axis=1)
    y = np.sort(rng.integers(0, height, (30, 2)), axis=1)
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)


def measured(run):
    return voc_detection.measure(run)


def test_a_cell_is_measured(run_of, tmp_path):
    run = run_of('kmeans')
    found = measured(run)
    assert [row[0] for row in found['curve']] == [0, 2, 4] and found['curve'][0][1] is None
    assert len(found['losses']) == 1 and not found['diverged']
    has_objects = [each is not None for each in found['average_precision']]
    assert sum(has_objects) == 5  # of the classes drawn in the first three test pictures
    weights = tmp_path / 'out' / 'weights' / 'kmeans.caffemodel'
    finder, _ = open_finder(str(voc_detection.find_model('', 'deploy')), str(weights), scale=48)
    pixels = decode_image(MINI / 'VOC2007' / 'JPEGImages' / '000009.jpg')
    assert len(finder.find(pixels, some_regions(pixels, 'fast'))) >= 20
    kept = (tmp_path / 'out' / 'regions' / 'fast').iterdir()
    assert len(list(kept)) == 6 + 3


def test_a_killed_cell_ends_as_one_that_was_not(run_of, monkeypatch):
    whole = measured(run_of('gaussian', 'whole'))
    run = run_of('gaussian', 'killed')

    def killed(share):
        if share > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(Run(run.settings, run.data, run.work, advance=killed))
    assert measured(run) == whole


@pytest.mark.parametrize('init', voc_detection.INITIALIZATIONS)
def test_every_initialization_fits_the_net(run_of, init):
    run = run_of(init)
    param = voc_detection.training_net(run, 2)
    net = voc_detection.Net(param, 0, seed=1)
    voc_detection.initialize_net(net, run)
    for name in ('conv1', 'fc2', 'cls_score', 'bbox_pred'):
        assert net.params[name][0].data.any(), name


def test_known_regions_beside_the_data_are_taken(run_of, tmp_path):
    run = run_of('xavier')
    (tmp_path / 'data' / 'regions').mkdir(parents=True)
    beside = Run(run.settings, tmp_path / 'data', run.work)
    assert voc_detection.regions_folder(beside) == tmp_path / 'data' / 'regions'


def test_the_page_has_measured_beside_printed_figures(tmp_path):
    pytest.importorskip('matplotlib')
    found = {
        'curve': [[0, None, 0.001], [150, 2.5, 0.02]],
        'losses': [3.0, 2.7, 2.5],
        'diverged': False,
        'average_precision': [0.02, None],
    }
    failed = {**found, 'diverged': True}
    by_name = {cell.name: cell for cell in EXPERIMENT.reduced.cells}
    results = {by_name['kmeans-0.001-1']: found, by_name['xavier-0.001-1']: failed}
    page = EXPERIMENT.report(results, EXPERIMENT.reduced)
    assert '| kmeans | 2.0 (45.6) |' in page and '| xavier | n/c (40.4) |' in page
    assert '| kmeans-0.001-1 | –, 0.10 | 2.50, 2.00 |' in page
    EXPERIMENT.draw(results, tmp_path / 'p.png')
    assert (tmp_path / 'p.png').stat().st_size > 5000


def test_of_several_rates_the_best_counts():
    by_name = {cell.name: cell for cell in EXPERIMENT.full.cells}
    results = {}
    for rate, precision in (('0.01', None), ('0.002', 0.3), ('0.001', 0.2)):
        results[by_name[f'pca-{rate}-1']] = {
            'curve': [[0, None, 0.0]],
            'losses': [],
            'diverged': precision is None,
            'average_precision': [precision or 0.0],
        }
    assert '| pca | 30.0 (43.1) |' in EXPERIMENT.report(results, EXPERIMENT.full)


def test_the_bundled_net_takes_the_protocol(tmp_path):
    settings = {**EXPERIMENT.full.numbers, **CELL.settings}
    run = Run(settings, MINI.parent, tmp_path / 'out' / 'work' / 'cell')
    param = voc_detection.solver_param(run)
    assert (param.stepsize, param.max_iter) == (50_000, 150_000)
    text = param.net_param.layer[0].python_param.param_str
    assert '"scales": [480, 576, 688, 864, 1200]' in text and '"longest": 2000' in text
