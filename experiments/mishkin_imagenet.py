"""A net on ImageNet from LSUV's and from its published weights: Figures 4 and 5 of Mishkin & Matas
(2016), its loss in training and its accuracy on the validation images.

The full protocol is that of the bundled solver, on databases of ILSVRC12. The reduced one is its
first iterations on photographs at hand (imagenet_training.py), which have no validation images.
"""

from math import log
from pathlib import Path

import numpy as np
from goodinit.experiments import imagenet_training
from goodinit.experiments.imagenet_training import ILSVRC12, SMOOTH, of_what, three_means
from goodinit.experiments.runner import Cell, Experiment, Found, Protocol, Results, Run
from goodinit.experiments.runner.comparison import markdown
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from goodinit.solvers import Solver
from goodinit.tools.plots import figures

WEIGHTS = {'lsuv': 'LSUV', 'reference': 'published fillers'}
CHANCE = log(1000)  # the loss of a net that knows nothing
LEARNING = 0.97  # of it: a smaller mean loss ends the flat start
LABELS = {'losses': 'loss of the last classifier', 'accuracies': 'accuracy'}


def measure(run: Run) -> Found:
    """'losses' and, where there are validation images, 'accuracies', by iteration."""
    return imagenet_training.measure(run, None if run['photographs'] else Validator(run))


class Validator:
    """Tells the share of validation images whose label has the highest score."""

    def __init__(self, run: Run):
        param = validation_net(run)
        self.net = Net(param, TEST, engine=run.engine)
        self.top = [layer.top[0] for layer in param.layer if is_top_1(layer)][-1]
        self.batches = run['tested'] // len(self.net.blobs['label'].data)

    def __call__(self, solver: Solver) -> float:
        solver.share_weights(self.net)
        right = []
        for _ in range(self.batches):
            self.net.forward()
            right.append(float(self.net.blobs[self.top].data))
        return round(float(np.mean(right)), 5)


def is_top_1(layer: LayerParameter) -> bool:
    return layer.type == 'Accuracy' and layer.accuracy_param.top_k == 1


def validation_net(run: Run) -> NetParameter:
    """The bundled model, whose data layers read the databases of the user."""
    net = read_net(find_model(run['model'], 'train_val'))
    for layer in net.layer:
        if layer.type == 'Data':
            layer.data_param.source = str(run.folder(ILSVRC12) / layer.data_param.source)
    return net


# -- the page

PAGE = """# {title}

{iterations} iterations{of_what}. The loss of the last classifier, as means of five points at the
start, halfway and at the end, and the iteration from which it is below {threshold:.2f}, where the
flat start ends (a net that knows nothing has {chance:.2f}){accuracy}:

{table}

{claim}
"""


def page(title: str, claim: str, results: Results, protocol: Protocol) -> str:
    rows = []
    for cell, found in results.items():
        shown = three_means(found['losses'])
        end = end_of_flat_start(found['losses'])
        row = [WEIGHTS[cell['weights']], *shown, '' if end is None else str(end)]
        rows.append([*row, *best_accuracy(found)])
    head = ['', 'start', 'halfway', 'end', 'learns from']
    accuracy = ''
    if not protocol['photographs']:
        head.append('accuracy, %')
        accuracy = '; the best accuracy on validation images'
    return PAGE.format(
        title=title,
        claim=claim,
        iterations=protocol['iterations'],
        of_what=of_what(protocol),
        threshold=LEARNING * CHANCE,
        chance=CHANCE,
        accuracy=accuracy,
        table=markdown(head, rows),
    )


def end_of_flat_start(losses: dict[str, float]) -> int | None:
    """The first iteration from which the mean of the next points shows that the net learns."""
    values = list(losses.values())
    for i, at in enumerate(losses):
        if np.mean(values[i : i + SMOOTH]) < LEARNING * CHANCE:
            return int(at)
    return None


def best_accuracy(found: Found) -> list[str]:
    """In percent, as cells of a table: none without validation images."""
    if 'accuracies' not in found:
        return []
    return [f'{100 * max(found["accuracies"].values(), default=0):.1f}']


def draw(results: Results, path: Path) -> None:
    """The losses, and the accuracies if there are any."""
    curves = ['losses']
    if any(found.get('accuracies') for found in results.values()):
        curves.append('accuracies')
    figure, panels = figures.panels([4] * len(curves), 'iteration')
    lines = []
    for i, (cell, found) in enumerate(results.items()):
        look = {**figures.look(i), 'linewidth': 1, 'label': WEIGHTS[cell['weights']]}
        for panel, name in zip(panels, curves, strict=True):
            iterations = [int(at) for at in found[name]]
            lines += panel.plot(iterations, list(found[name].values()), **look)
    for panel, name in zip(panels, curves, strict=True):
        panel.set_ylabel(LABELS[name])
    figures.legend_above(figure, lines[:: len(curves)], 'from the weights of')
    figures.save(figure, path)


def experiment(model: str, heading: str, claim: str, full: dict, reduced: dict) -> Experiment:
    """Of one model. full: the numbers of the full protocol; reduced: what differs in the other."""

    def report(results: Results, protocol: Protocol) -> str:
        return page(f'Mishkin & Matas 2016, {heading}', claim, results, protocol)

    cells = [Cell(each, {'model': model, 'weights': each, 'seed': 1}) for each in WEIGHTS]
    few = {**full, **reduced, 'every': 1, 'photographs': True}
    return Experiment(
        title=f'ImageNet: {heading.partition(": ")[2]}',
        full=Protocol(cells, 'days on a GPU', {**full, 'photographs': False}),
        reduced=Protocol(cells, '~1 min a cell', few),
        measure=measure,
        report=report,
        draw=draw,
        finds=True,
    )
