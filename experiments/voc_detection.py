"""Fast R-CNN on CaffeNet, trained from an initialization to find the objects of VOC 2007.

The protocol of the paper: 2 photographs of 64 regions a step, 150,000 steps, a rate that falls to a
tenth every 50,000, the best of three; short sides of five scales in training, of 600 in testing;
initialized from 160 training photographs. All layers learn.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from goodinit.experiments.runner import Found, Run, train
from goodinit.experiments.runner.training import PREFIX
from goodinit.experiments.voc_classification import VOC2007, row, smoothed
from goodinit.feeding.bundled import find_model
from goodinit.initializers import Recipe, fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import TEST, NetParameter, SolverParameter
from goodinit.solvers import Solver
from goodinit.voc.detections import Detections, average_precisions
from goodinit.voc.devkit import Photograph, open_devkit
from goodinit.voc.finder import Finder
from goodinit.voc.regions import Regions, SelectiveSearch

MODEL = 'fast_rcnn/caffenet'


def balanced(weights: str) -> Recipe:
    """Weights with both scalings. With local response normalization, change rates can only be
    evened if outputs may change."""
    return Recipe(weights, 'within', 'exact', allow_change=True)


INITIALIZATIONS = {
    'xavier': [Recipe('xavier', 'none')],
    'msra': [
        Recipe('msra', 'none', layers=r'conv\d'),
        Recipe('gaussian', 'none', layers='fc|cls|bbox'),
    ],
    'filler': [Recipe('filler', 'none')],
    'gaussian': [balanced('gaussian')],
    'pca': [balanced('pca')],
    'kmeans': [balanced('kmeans')],
}
INITIALIZE, REGIONS = 1, 2  # use random numbers of their own


def measure(run: Run) -> Found:
    """Train a cell, and keep its weights beside it.

    'curve': rows of steps, mean loss of the last 50, mean average precision. 'losses': means of 50
    steps. 'average_precision': at the end, of each class.
    """
    photographs = open_devkit(run.folder(VOC2007)).photographs('test')
    tester = Tester(run, photographs[: run['test_photographs'] or None])

    def fill_net(net: Net) -> None:
        if not list(run.work.glob(f'{PREFIX}_iter_*')):  # those have weights
            initialize_net(net, run)

    solver, curve = train(
        run,
        solver_param(run),
        run['steps'],
        fill=fill_net,
        probe=tester.average_precision,
        probe_every=run['test_every'],
        snapshot=run['snapshot_every'],
    )
    solver.net.save(weights_path(run))
    rows = []
    for at, precisions in curve.probes.items():
        rows.append(row(curve.losses, int(at), mean_precision(precisions)))
    return {
        'curve': rows,
        'losses': smoothed(curve.losses),
        'diverged': curve.diverged,
        'average_precision': curve.probes[str(solver.iter)],
    }


def mean_precision(precisions: Sequence[float | None]) -> float:
    """Of the classes that have objects."""
    return float(np.mean([each for each in precisions if each is not None]))


# -- files


def beside_cells(run: Run, name: str) -> Path:
    """A folder beside that of the cells."""
    folder = run.work.parents[1] / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def weights_path(run: Run) -> Path:
    return beside_cells(run, 'weights') / f'{run.work.name}.caffemodel'


def regions_folder(run: Run) -> Path:
    """What selective search finds is kept in the folder of the data if that has a folder regions,
    else beside the cells, for all of them."""
    given = run.data / 'regions'
    return given if given.is_dir() else beside_cells(run, 'regions')


# -- the net


def training_net(run: Run, photographs: int) -> NetParameter:
    """The bundled net, with the protocol's photographs, so many at a time."""
    net = read_net(find_model(MODEL))
    layer = net.layer[0].python_param
    options = json.loads(layer.param_str)
    options |= {
        'data': str(run.folder(VOC2007)),
        'regions': str(regions_folder(run)),
        'first': run['photographs'],
        'scales': run['scales'],
        'images': photographs,
    }
    layer.param_str = json.dumps(options)
    return net


def solver_param(run: Run) -> SolverParameter:
    return SolverParameter(
        net_param=training_net(run, 2),
        base_lr=run['rate'],
        lr_policy='step',
        gamma=0.1,
        stepsize=run['drop_every'],
        max_iter=run['steps'],
        momentum=0.9,
        weight_decay=0.0005,
        random_seed=run['seed'],
    )


def initialize_net(net: Net, run: Run) -> None:
    """The cell's recipes, on the first training photographs in a random order."""
    param = training_net(run, 2)
    reading = Net(NetParameter(layer=param.layer[:1]), seed=run['seed'])
    batches = []
    for _ in range(run['initial_photographs'] // 2):
        reading.forward()
        batches.append({name: blob.data.copy() for name, blob in reading.blobs.items()})
    twin = Net(fed_by_program(param, batches[0]), seed=run['seed'], engine=run.engine)
    rng = make_rng([run['seed'], INITIALIZE])
    fill(twin, rng)
    for recipe in INITIALIZATIONS[run['init']]:
        initialize(twin, batches, recipe, rng)
    net.copy_from(twin.to_proto())


def fed_by_program(param: NetParameter, batch: dict[str, np.ndarray]) -> NetParameter:
    """The net with an Input layer for each blob of a batch."""
    net = NetParameter(name=param.name)
    for name, values in batch.items():
        shape = [{'dim': values.shape}]
        net.layer.add(name=f'{name}_in', type='Input', top=[name], input_param={'shape': shape})
    net.layer.extend(param.layer[1:])
    return net


# -- tests


class Tester:
    """The net for use, and the test photographs with some of their regions."""

    def __init__(self, run: Run, photographs: Sequence[Photograph]):
        net = Net(find_model(MODEL, 'deploy'), TEST, engine=run.engine)
        net.share_memory()
        self.finder = Finder(net, scale=run['test_scale'])
        self.photographs = photographs
        self.regions: Regions = SelectiveSearch(cache=regions_folder(run))
        self.most = run['test_regions']

    def average_precision(self, solver: Solver) -> list[float | None]:
        """Of each class, None for one without objects."""
        self.finder.load(solver.net.to_proto(), 'the training')
        detections = Detections()
        rng = make_rng(REGIONS)
        for photograph in self.photographs:
            boxes = rng.permutation(self.regions(photograph))[: self.most or None]
            detections.add(self.finder.score(photograph.pixels(), boxes))
        precisions = average_precisions(detections, self.photographs)
        return [None if np.isnan(each) else round(float(each), 5) for each in precisions]
