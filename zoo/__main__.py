"""Write models/ from the Python in tools/zoo: the prototxt files, and the table in
models/README.md.

python -m goodinit.zoo            writes every file
python -m goodinit.zoo --check    writes nothing; exit status 1 when something differs
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from goodinit.feeding.bundled import MODELS
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.proto.spec import prototxt
from goodinit.zoo import fitnet, googlenet, imagenet, small, unet
from goodinit.zoo.count import cost
from goodinit.zoo.model import Model

TABLE = ('<!-- the table: zoo/__main__.py -->\n', '<!-- end of the table -->\n')
# What training reached: a model's name -> the last column of the table.
REACHED = {'lenet': '99.14 %', 'cifar10_quick': '75.87 %'}


def zoo() -> list[Model]:
    """Every bundled model, in the order of the table."""
    return [
        model for family in (small, fitnet, imagenet, googlenet, unet) for model in family.models()
    ]


def files(models: list[Model]) -> Iterator[tuple[Path, str]]:
    """Each file of models/ and what it should hold."""
    for model in models:
        folder = MODELS / model.name
        yield folder / 'train_val.prototxt', header(model) + prototxt(model.train_val)
        yield folder / 'deploy.prototxt', header(model) + prototxt(model.deploy)
        yield folder / 'solver.prototxt', header(model) + solver_text(model.name, model.solver)
    yield MODELS / 'README.md', readme(models)


def header(model: Model) -> str:
    """The comment at the top of a file."""
    text = f'{model.source}. {model.note}'.strip()
    lines = [*textwrap.wrap(text, 98), 'Written by zoo/__main__.py: change it there.']
    return ''.join(f'# {line}\n' for line in lines)


def solver_text(name: str, fields: Mapping[str, Any]) -> str:
    """A solver's fields in the order in which they were given, between its net and its snapshots."""
    fields = {
        'net': f'models/{name}/train_val.prototxt',
        **fields,
        'snapshot_prefix': name.replace('/', '_'),
        'solver_mode': 'CPU',
    }
    return ''.join(prototxt(SolverParameter(**{key: value})) for key, value in fields.items())


def readme(models: list[Model]) -> str:
    """models/README.md with its table renewed."""
    before, rest = (MODELS / 'README.md').read_text().split(TABLE[0])
    after = rest.split(TABLE[1])[1]
    return before + TABLE[0] + ''.join(map(row, [None, *models])) + TABLE[1] + after


def row(model: Model | None) -> str:
    """A line of the table; None gives its head."""
    if model is None:
        return (
            '| model | source | input | parameters | MACs per image | reached |\n'
            '|---|---|---|---:|---:|---|\n'
        )
    shape = model.deploy.layer[0].input_param.shape[0].dim
    deploy, train_val = cost(model.deploy, shape), cost(model.train_val, shape)
    parameters = f'{deploy.parameters:,}'
    if train_val.parameters != deploy.parameters:
        parameters += f' ({train_val.parameters:,} in train_val)'
    if deploy.statistics:
        parameters += f' + {deploy.statistics:,} statistics'
    cells = (
        model.name,
        model.source,
        ' x '.join(map(str, shape[1:])),
        parameters,
        f'{deploy.macs:,}',
        REACHED.get(model.name, '–'),
    )
    return f'| {" | ".join(cells)} |\n'


def stale(models: list[Model]) -> list[Path]:
    """The files that differ from what they should hold, and the prototxt files that belong to no
    model."""
    wanted = dict(files(models))
    differing = [
        path for path, text in wanted.items() if not path.is_file() or path.read_text() != text
    ]
    return differing + sorted(set(MODELS.rglob('*.prototxt')) - set(wanted))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Write models/ from the Python in tools/zoo.')
    parser.add_argument(
        '--check', action='store_true', help='compare; exit status 1 when something differs'
    )
    models = zoo()
    if parser.parse_args(argv).check:
        differing = stale(models)
        for path in differing:
            name = path.relative_to(MODELS.parent)
            print(f'{name} is not what zoo/__main__.py writes', file=sys.stderr)
        return 1 if differing else 0
    for path, text in files(models):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
