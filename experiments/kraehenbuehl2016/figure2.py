"""Figure 2: the nearest neighbor of a photograph in what a net makes of it, in fc7 and in fc6.

Shown: to a k-means initialization, alike means the same texture and colors. Compared are Gaussian
weights, k-means with both scalings, and the latter trained on VOC 2007 by us; the paper's nets that
others had trained are not. Near is a small angle between features, which the paper does not say.
Reduced: 300 photographs instead of 50,000, 500 steps of training instead of 80,000. It took 15
minutes on two cores.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
from goodinit.experiments import voc_classification as voc
from goodinit.experiments.runner import (
    ILSVRC12_SAMPLE,
    Cell,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.voc_cells import cell
from goodinit.netlib import Net
from goodinit.netlib.data.images import SUFFIXES, cover, decode_image
from goodinit.proto.caffe_pb2 import TEST, NetParameter
from goodinit.voc.classification import put_images, scoring_net
from goodinit.voc.devkit import open_devkit

LAYERS = ('fc7', 'fc6')
NETS = {'random': ('gaussian', 'none'), 'kmeans': ('kmeans', 'both'), 'trained': ('kmeans', 'both')}
ROWS = 25  # photographs of a batch
MOST = 8  # that are drawn beside each other
SMALL = 96  # pixels of a drawn one


def measure(run: Run) -> Found:
    """'names' of photographs in their 'folder', of which the first are asked for; 'nearest': of
    each of those, by layer."""
    photographs = find_photographs(run.folder(ILSVRC12_SAMPLE), run['images'])
    net = Net(scoring_net(voc.fed_by_program(run), run['crop']), TEST, engine=run.engine)
    net.copy_from(weights(run))
    nearest_of = {}
    for layer, found in features(net, photographs, run).items():
        nearest_of[layer] = nearest(found, run['queries'])
    names = [path.name for path in photographs]
    return {'folder': str(photographs[0].parent), 'names': names, 'nearest': nearest_of}


def features(net: Net, photographs: list[Path], run: Run) -> dict[str, np.ndarray]:
    """(N, features) of each layer."""
    parts: dict[str, list[np.ndarray]] = {layer: [] for layer in run['layers']}
    for start in range(0, len(photographs), ROWS):
        put_images(net, pixels(photographs[start : start + ROWS], run['crop']))
        net.forward()
        for layer, found in parts.items():
            values = net.blobs[layer].data
            found.append(values.reshape(len(values), -1).copy())
    return {layer: np.concatenate(found) for layer, found in parts.items()}


def find_photographs(folder: Path, most: int) -> list[Path]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return paths[:most]


def weights(run: Run) -> NetParameter:
    """Of a net that is initialized, or trained besides."""
    if run['net'] == 'trained':
        solver, _ = voc.trained(run)
        return solver.net.to_proto()
    photographs = open_devkit(run.folder(voc.VOC2007)).photographs('trainval')
    return voc.initialized(run, photographs).to_proto()


def pixels(paths: list[Path], crop: int) -> np.ndarray:
    """uint8 (N, 3, crop, crop): the middle of each."""
    return np.stack([cover(decode_image(path), crop, crop) for path in paths])


def nearest(features: np.ndarray, queries: int) -> list[int]:
    """Of each of the first rows, the other row at the smallest angle."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    cosines = directions[:queries] @ directions.T
    own = np.arange(len(cosines))
    cosines[own, own] = -np.inf
    return cosines.argmax(1).tolist()


REPORT = """# Krähenbühl et al. 2016, Figure 2: nearest neighbors

Of {queries} photographs among {images}, by the angle between features. How many have the same
nearest neighbor in two nets:

{table}

The picture shows the first photographs above their nearest neighbors.
"""


def report(results: Results, protocol: Protocol) -> str:
    first = next(iter(results.values()))
    rows = []
    for one, other in combinations(results, 2):
        cells = []
        for layer in protocol['layers']:
            pairs = zip(
                results[one]['nearest'][layer], results[other]['nearest'][layer], strict=True
            )
            cells.append(str(sum(mine == theirs for mine, theirs in pairs)))
        rows.append([f'{one.name}, {other.name}', *cells])
    queries = len(first['nearest'][protocol['layers'][0]])
    return REPORT.format(
        queries=queries,
        images=len(first['names']),
        table=markdown(['nets', *protocol['layers']], rows),
    )


def draw(results: Results, path: Path) -> None:
    """For each layer, the photographs asked for, and below them a row for each net."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    first = next(iter(results.values()))
    layers = list(first['nearest'])
    columns = min(MOST, len(first['nearest'][layers[0]]))
    rows = len(layers) * (1 + len(results))
    figure = Figure(figsize=(columns * 1.1 + 1, rows * 1.15), dpi=figures.DPI, layout='constrained')
    grid = figure.subplots(rows, columns, squeeze=False)
    lines = []
    for layer in layers:
        lines.append((layer, first, list(range(columns))))
        for each, found in results.items():
            lines.append((each.name, found, found['nearest'][layer]))
    for panels, (name, found, indices) in zip(grid, lines, strict=True):
        for panel, index in zip(panels, indices, strict=False):
            panel.imshow(thumbnail(found, index))
            panel.set(xticks=[], yticks=[])
        panels[0].set_ylabel(name, fontsize='small')
    figures.save(figure, path)


def thumbnail(found: Found, index: int) -> np.ndarray:
    """uint8 (H, W, 3), red, green, blue."""
    path = Path(found['folder']) / found['names'][index]
    return cover(decode_image(path), SMALL, SMALL)[::-1].transpose(1, 2, 0)


def cells() -> list[Cell]:
    found = []
    for name, (source, scaling) in NETS.items():
        settings = cell(source, scaling, 'sgd').settings
        found.append(Cell(name, {**settings, 'net': name}))
    return found


NUMBERS = {**voc.PAPER, 'layers': LAYERS, 'images': 50_000, 'queries': 100}
EXPERIMENT = Experiment(
    title='nearest neighbors of photographs in fc7 and fc6 of CaffeNet',
    full=Protocol(cells(), voc.COST, NUMBERS),
    reduced=Protocol(
        cells(),
        '~15 min on two cores',
        {**NUMBERS, **voc.FEWER, 'steps': 500, 'images': 300, 'queries': 8},
    ),
    measure=measure,
    report=report,
    draw=draw,
    needs=[voc.VOC2007, ILSVRC12_SAMPLE],
)
