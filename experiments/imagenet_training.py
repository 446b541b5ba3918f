"""CaffeNet and GoogLeNet, trained on ImageNet from an initialization: Figures 3 and 4 of Krähenbühl
et al. (2016), and Figures 4 and 5 of Mishkin & Matas (2016).

The full protocol is that of the bundled solver, on databases of ILSVRC12. The reduced one is its
first iterations in small batches, on photographs at hand: each is a class of its own, so that the
loss starts at that of 1000 classes, and what can be seen is how fast it falls there.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from goodinit.experiments.runner import (
    ILSVRC12_SAMPLE,
    Cell,
    Curve,
    DataSet,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    train,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.runner.training import is_finite
from goodinit.experiments.voc_cells import BALANCED, CONVOLUTIONS
from goodinit.feeding.bundled import find_model
from goodinit.initializers import PRESETS, Recipe, fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.data.images import SUFFIXES
from goodinit.netlib.rng import make_rng
from goodinit.proto import read_net, read_solver
from goodinit.proto.caffe_pb2 import TRAIN, LayerParameter, NetParameter, SolverParameter
from goodinit.solvers import Solver

ILSVRC12 = DataSet(
    'ILSVRC12 as databases',
    ('ilsvrc12',),
    ('ilsvrc12_train_lmdb/data.mdb', 'ilsvrc12_val_lmdb/data.mdb'),
    'the tar files of ILSVRC2012, make databases of them with goodinit imagenet',
)
RECIPES = {
    'reference': Recipe('filler', 'none'),
    'lsuv': PRESETS['lsuv'],
    'msra': Recipe('msra', 'none', layers=CONVOLUTIONS),
    'random': Recipe('gaussian', 'within', 'exact', zero_last=True, options=BALANCED),
    'kmeans': Recipe('kmeans', 'within', 'exact', zero_last=True, options=BALANCED),
}
TO_INITIALIZE = 160  # images
MOST_DRAWN = 14  # twice the loss of a net that knows nothing of 1000 classes, 6.9
SMOOTH = 5  # points of a curve
SIDE = 256
KEPT = ('base_lr', 'momentum', 'weight_decay', 'lr_policy', 'gamma', 'power', 'stepsize')


def measure(run: Run, validate: Callable[[Solver], float] | None = None) -> Found:
    """'losses': of the last classifier, by iteration, those before the update. 'accuracies': what
    validate(solver) finds every run['test_every'] iterations."""
    layer = data_layer(run)
    param = training_net(run, layer)
    solver = solver_param(run, param)
    loss = param.layer[-1].top[0]

    def fill_net(net: Net) -> None:
        initialize_net(net, run, param, layer)

    def loss_and_accuracy(solver: Solver) -> list[float | None]:
        last_loss = float(solver.net.blobs[loss].data) if solver.iter else None
        if validate is None or solver.iter % run['test_every']:
            return [last_loss, None]
        return [last_loss, validate(solver)]

    _, curve = train(
        run,
        solver,
        run['iterations'],
        fill=fill_net,
        probe=loss_and_accuracy,
        probe_every=run['every'],
        snapshot=run['snapshot'],
    )
    found: Found = {'losses': column(curve, 0), 'diverged': curve.diverged}
    if validate is not None:
        found['accuracies'] = column(curve, 1)
    return found


def column(curve: Curve, number: int) -> dict[str, float]:
    """What was found, by iteration, as far as it is finite."""
    values = {at: values[number] for at, values in curve.probes.items()}
    return {at: value for at, value in values.items() if is_finite(value)}


def training_net(run: Run, layer: LayerParameter) -> NetParameter:
    """The bundled model in the phase TRAIN, fed by this data layer."""
    out = NetParameter(name=run['model'])
    out.layer.append(layer)
    for each in read_net(find_model(run['model'], 'train_val')).layer:
        if each.bottom and not any(rule.phase != TRAIN for rule in each.include):
            out.layer.append(each)
    return out


def data_layer(run: Run) -> LayerParameter:
    """The model's own, with its database; or the photographs of a list."""
    for layer in read_net(find_model(run['model'], 'train_val')).layer:
        if not layer.bottom:
            break
    layer.ClearField('include')
    if not run['photographs']:
        database = run.folder(ILSVRC12) / layer.data_param.source
        layer.data_param.source = str(database)
        return layer
    layer.type = 'ImageData'
    layer.ClearField('data_param')
    p = layer.image_data_param
    p.source = str(write_list(run.folder(ILSVRC12_SAMPLE), run.work))
    p.batch_size = run['batch_size']
    p.new_height = p.new_width = max(SIDE, layer.transform_param.crop_size)
    p.shuffle = True
    return layer


def write_list(folder: Path, work: Path) -> Path:
    """A list of the photographs in a folder, each with a label of its own."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    lines = [f'{path} {label}\n' for label, path in enumerate(paths[:1000])]
    listed = work / 'photographs.txt'
    listed.write_text(''.join(lines), encoding='utf-8')
    return listed


def solver_param(run: Run, param: NetParameter) -> SolverParameter:
    """The bundled solver's, without its tests and snapshots."""
    published = read_solver(find_model(run['model'].partition('/')[0], 'solver'))
    ours = SolverParameter(max_iter=run['iterations'], random_seed=run['seed'], net_param=param)
    for name in KEPT:
        if published.HasField(name):
            setattr(ours, name, getattr(published, name))
    if ours.lr_policy == 'poly':
        ours.max_iter = published.max_iter  # the rate goes with it
    return ours


def initialize_net(net: Net, run: Run, param: NetParameter, layer: LayerParameter) -> None:
    """By the cell's recipe, from the first images of the data layer."""
    rng = make_rng(run['seed'])
    batches = first_batches(layer, run['seed'])
    twin = Net(with_inputs(param, batches[0]), engine=run.engine, seed=run['seed'])
    fill(twin, rng)
    recipe = RECIPES[run['weights']]
    initialize(twin, batches, recipe, rng)
    if recipe.zero_last:
        clear_biases(twin)
    net.copy_from(twin.to_proto())


def clear_biases(net: Net) -> None:
    """Of the classifiers: the paper's are zero altogether."""
    for layer in net.param.layer:
        if layer.type == 'SoftmaxWithLoss':
            net.params[layer.bottom[0]][1].data = 0


def first_batches(layer: LayerParameter, seed: int) -> list[dict[str, np.ndarray]]:
    """Of 160 images or a few more."""
    net = Net(NetParameter(layer=[layer]), TRAIN, seed=seed)
    batches: list[dict[str, np.ndarray]] = []
    while sum(len(batch['label']) for batch in batches) < TO_INITIALIZE:
        net.forward()
        batches.append({name: blob.data.copy() for name, blob in net.blobs.items()})
    return batches


def with_inputs(param: NetParameter, batch: dict[str, np.ndarray]) -> NetParameter:
    """The net fed by a program instead of its data layer."""
    out = NetParameter(name=param.name)
    for name, values in batch.items():
        layer = out.layer.add(name=name, type='Input', top=[name])
        layer.input_param.shape.add(dim=values.shape)
    out.layer.extend(param.layer[1:])
    return out


# -- what is shown


PAGE = """# {title}

The loss of the last classifier over {iterations} iterations{of_what}. Means of five points, at the
start, halfway and at the end:

{table}
"""


def page(title: str, results: Results, protocol: Protocol) -> str:
    rows = []
    for cell, found in results.items():
        shown = three_means(found['losses'])
        rows.append([cell.name, *shown, 'diverged' if found['diverged'] else ''])
    return PAGE.format(
        title=title,
        iterations=protocol['iterations'],
        of_what=of_what(protocol),
        table=markdown(['net', 'start', 'halfway', 'end', ''], rows),
    )


def three_means(losses: Mapping[str, float]) -> list[str]:
    """Of SMOOTH points at the start, halfway and at the end."""
    values = list(losses.values())
    middle = len(values) // 2
    parts = (values[:SMOOTH], values[middle : middle + SMOOTH], values[-SMOOTH:])
    return [f'{np.mean(part):.3f}' if part else '–' for part in parts]


def of_what(protocol: Protocol) -> str:
    return ' on photographs at hand, each of its own class' if protocol['photographs'] else ''


def draw(results: Results, path: Path) -> None:
    """Losses over iterations, up to MOST_DRAWN: of a net that diverges, the beginning."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=figures.DPI, layout='constrained')
    panel = figure.subplots()
    for i, (cell, found) in enumerate(results.items()):
        iterations = [int(at) for at in found['losses']]
        look = figures.look(i)
        panel.plot(
            iterations,
            list(found['losses'].values()),
            color=look['color'],
            linestyle=look['linestyle'],
            label=cell.name,
        )
    panel.set(xlabel='iteration', ylabel='loss of the last classifier', ylim=(0, MOST_DRAWN))
    panel.legend(frameon=False)
    figures.save(figure, path)


def experiment(
    title: str, heading: str, cells: Sequence[Cell], numbers: dict, reduced: dict
) -> Experiment:
    """numbers: of the full protocol; reduced: what differs in the other."""

    def report(results: Results, protocol: Protocol) -> str:
        return page(heading, results, protocol)

    return Experiment(
        title=title,
        full=Protocol(cells, 'days on a GPU', {**numbers, 'photographs': False}),
        reduced=Protocol(
            cells, '~5 min a cell', {**numbers, **reduced, 'every': 1, 'photographs': True}
        ),
        measure=measure,
        report=report,
        draw=draw,
        finds=True,
    )
