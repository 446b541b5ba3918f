"""Table 3: nets trained by others, rescaled between their layers before they are trained on.

Claimed: of three nets that learned without labels, rescaling improves two on VOC 2007. The full
protocol trains each on classification, as it is and rescaled. Reduced: a net trained on ImageNet,
SqueezeNet, is rescaled and not trained: what becomes of its change rates, and of what it computes.
It took a minute on two cores.
"""

from time import perf_counter

import numpy as np
from goodinit.experiments import voc_classification as voc
from goodinit.experiments.runner import Cell, DataSet, Experiment, Found, Protocol, Results, Run
from goodinit.experiments.runner.comparison import agreement, markdown, side_by_side
from goodinit.experiments.runner.data_sets import find_file
from goodinit.experiments.voc_cells import PRETRAINED, cell
from goodinit.experiments.voc_pages import percent, shown
from goodinit.initializers import Recipe, initialize, measure
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.cli.report import number, spread
from goodinit.voc.devkit import open_devkit

SQUEEZENET = DataSet(
    'SqueezeNet',
    ('squeezenet',),
    ('deploy.prototxt', '*.caffemodel'),
    'SqueezeNet_v1.0 of https://github.com/forresti/SqueezeNet',
)
PRINTED = {
    'as it is': {'agrawal2015': 52.9, 'wang2015': 62.8, 'doersch2015': 55.3},
    'rescaled': {'agrawal2015': 54.2, 'wang2015': 63.1, 'doersch2015': 65.3},
}
COLUMNS = {'none': 'as it is', 'between': 'rescaled'}
IMAGES = 40  # for training that a net is rescaled from, and for tests that it is compared on


def measure_cell(run: Run) -> Found:
    """Of a net by name: classification after training; of SqueezeNet: 'spread' of change rates
    before and after, the largest output's change 'moved' over the largest output, 'same' answers of
    all, 'seconds'."""
    if run['weights'] in PRETRAINED:
        return voc.measure(run)
    folder = run.folder(SQUEEZENET)
    weights = str(find_file(folder, '*.caffemodel'))
    net = Net(str(folder / 'deploy.prototxt'), TEST, engine=run.engine, load=weights)
    return rescale(net, run)


def rescale(net: Net, run: Run) -> Found:
    """Rescale a net between its layers, and measure it before and after."""
    own, others = (images_of(run, net, split) for split in ('trainval', 'test'))
    rates = [spread(measure(net, own, make_rng(0)))]
    before = outputs(net, others)
    start = perf_counter()
    initialize(net, own, Recipe('keep', 'none', 'exact'), make_rng(run['seed']))
    seconds = perf_counter() - start
    after = outputs(net, others)
    rates.append(spread(measure(net, own, make_rng(0))))
    return {
        'spread': rates,
        'moved': float(np.abs(after - before).max() / np.abs(before).max()),
        'same': float(np.mean(after.argmax(1) == before.argmax(1))),
        'seconds': seconds,
    }


def images_of(run: Run, net: Net, split: str) -> list[dict[str, np.ndarray]]:
    """Batches for a net's only input."""
    photographs = open_devkit(run.folder(voc.VOC2007)).photographs(split)
    crop = net.blobs['data'].shape[-1]
    batches = voc.initial_batches(photographs, crop, make_rng(run['seed']))
    return [{'data': batch['data']} for batch in batches[: IMAGES // voc.ROWS]]


def outputs(net: Net, batches: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The scores (N, classes) below the last layer, a softmax."""
    found = []
    scores = net.blobs[net.param.layer[-1].bottom[0]]
    for batch in batches:
        images = batch['data']
        net.blobs['data'].reshape(*images.shape)
        net.blobs['data'].data = images
        net.forward()
        found.append(scores.data.reshape(len(images), -1).copy())
    return np.concatenate(found)


TRAINED = """# Krähenbühl et al. 2016, Table 3: nets trained by others, rescaled

CaffeNet on VOC 2007, {steps} steps. Mean average precision in percent, measured (printed):

{table}

{agreement}
"""
RESCALED = """# Krähenbühl et al. 2016, Table 3: a net trained by others, rescaled

Not trained on: rescaled between layers from {images} images of VOC 2007, and compared on as many
others.

{table}
"""


def report(results: Results, protocol: Protocol) -> str:
    if not protocol['steps']:
        return RESCALED.format(images=IMAGES, table=rescaling_table(results))
    table: dict[str, dict] = {}
    for each, found in results.items():
        table.setdefault(COLUMNS[each['scaling']], {})[each['weights']] = percent(found)
    return TRAINED.format(
        steps=protocol['steps'],
        table=side_by_side(table, PRINTED, shown),
        agreement=agreement(table, PRINTED, 0.1),
    )


def rescaling_table(results: Results) -> str:
    rows = []
    for each, found in results.items():
        before, after = map(number, found['spread'])
        rows.append(
            [
                each.name,
                before,
                after,
                f'{found["moved"]:.1e}',
                f'{found["same"]:.0%}',
                f'{found["seconds"]:.0f} s',
            ]
        )
    head = ['net', 'largest rate / smallest', 'after', 'outputs moved', 'same answers', 'time']
    return markdown(head, rows)


EXPERIMENT = Experiment(
    title='VOC 2007 classification, CaffeNet: nets trained by others, rescaled',
    full=Protocol(
        [cell(name, scaling, 'sgd') for name in PRETRAINED for scaling in COLUMNS],
        voc.COST,
        voc.PAPER,
    ),
    reduced=Protocol(
        [Cell('squeezenet', {'weights': 'squeezenet', 'seed': 1})], '2 min', {'steps': 0}
    ),
    measure=measure_cell,
    report=report,
    needs=[voc.VOC2007],
)
