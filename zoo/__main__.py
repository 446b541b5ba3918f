"""Write models/ from the Python in zoo/: the prototxt files, and the table in models/README.md.

python -m goodinit.zoo            writes every file
python -m goodinit.zoo --check    writes nothing; exit status 1 when something differs
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from ..feeding.bundled import MODELS
from ..proto import parse_solver
from ..proto.spec import prototxt
from . import (
    alexnet,
    all_cnn_c,
    cifar10_quick,
    fast_rcnn,
    fitnet,
    fitnet_mnist,
    googlenet,
    lenet,
    nin,
    resnet20,
    resnet50,
    squeezenet,
    unet,
    vgg16,
)
from .cost import cost
from .model import Model

# The modules, in the order of the table.
FAMILIES = (
    *(lenet, cifar10_quick, nin, all_cnn_c),
    *(resnet20, fitnet_mnist, fitnet),
    *(alexnet, vgg16, squeezenet, resnet50, googlenet),
    *(unet, fast_rcnn),
)
COMMAND = 'python -m goodinit.zoo'
TABLE = (f'<!-- the table: {COMMAND} -->\n', '<!-- end of the table -->\n')
HEAD = """\
| model | source | input | parameters | MACs per image | reached |
|---|---|---|---:|---:|---|
"""
# What training reached: a model's name -> the last column of the table.
REACHED = {'lenet': '99.14 %', 'cifar10_quick': '75.87 %'}


def zoo() -> list[Model]:
    """Every bundled model, in the order of the table."""
    return [model for family in FAMILIES for model in family.models()]


def files(models: list[Model]) -> Iterator[tuple[Path, str]]:
    """Each file of models/ and what it should hold."""
    for model in models:
        folder = MODELS / model.name
        yield folder / 'train_val.prototxt', header(model) + prototxt(model.train_val)
        yield folder / 'deploy.prototxt', header(model) + prototxt(model.deploy)
        yield folder / 'solver.prototxt', header(model) + solver_text(model)
    yield MODELS / 'README.md', readme(models)


def header(model: Model) -> str:
    """The comment at the top of a file."""
    text = f'{model.source}. {model.note}'.strip()
    lines = [*textwrap.wrap(text, 98), f'Written by `{COMMAND}`: change it in zoo/.']
    return ''.join(f'# {line}\n' for line in lines)


def solver_text(model: Model) -> str:
    """The model's solver, a field a line, between its net and its snapshots. Raises ProtoError
    where a field is misspelled."""
    words = model.solver.split()
    fields = [f'{name} {value}' for name, value in zip(words[::2], words[1::2], strict=True)]
    lines = [
        f'net: "models/{model.name}/train_val.prototxt"',
        *fields,
        f'snapshot_prefix: "{model.name.replace("/", "_")}"',
        'solver_mode: CPU',
    ]
    text = ''.join(f'{line}\n' for line in lines)
    parse_solver(text, f'the solver of {model.name}')
    return text


def readme(models: list[Model]) -> str:
    """models/README.md with its table renewed."""
    start, end = TABLE
    before, rest = (MODELS / 'README.md').read_text(encoding='utf-8').split(start)
    after = rest.split(end)[1]
    return before + start + HEAD + ''.join(map(row, models)) + end + after


def row(model: Model) -> str:
    """A model's line of the table."""
    shape = model.deploy.layer[0].input_param.shape[0].dim
    cells = [
        model.name,
        model.source,
        'x'.join(map(str, shape[1:])),
        parameters(model, shape),
        f'{cost(model.deploy, shape).macs:,}',
        REACHED.get(model.name, '–'),
    ]
    return f'| {" | ".join(cells)} |\n'


def parameters(model: Model, shape: list[int]) -> str:
    """How many parameters and statistics a model has."""
    deploy = cost(model.deploy, shape)
    train_val = cost(model.train_val, shape)
    text = f'{deploy.parameters:,}'
    if train_val.parameters != deploy.parameters:
        text += f' ({train_val.parameters:,} in train_val)'
    if deploy.statistics:
        text += f' + {deploy.statistics:,} statistics'
    return text


def stale(models: list[Model]) -> list[Path]:
    """The files that differ from what they should hold, and the prototxt files that belong to no
    model."""
    wanted = dict(files(models))
    differing = []
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            differing.append(path)
    return differing + sorted(set(MODELS.rglob('*.prototxt')) - set(wanted))


def main(argv: list[str] | None = None) -> int:
    """Write the files, or with --check compare them; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description='Write models/ from the Python in zoo/.'
    )
    parser.add_argument(
        '--check', action='store_true', help='write nothing; exit status 1 if a file differs'
    )
    models = zoo()
    return check_files(models) if parser.parse_args(argv).check else write_files(models)


def check_files(models: list[Model]) -> int:
    differing = stale(models)
    for path in differing:
        name = path.relative_to(MODELS.parent)
        print(f'{name} is not what `{COMMAND}` writes', file=sys.stderr)
    return int(bool(differing))


def write_files(models: list[Model]) -> int:
    for path, text in files(models):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
