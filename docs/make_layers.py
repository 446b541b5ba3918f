"""Write docs/layers.md from the docstrings of the layers.

python docs/make_layers.py              writes it
python docs/make_layers.py --check      writes nothing; exit status 1 where it would change
"""

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from goodinit.netlib import layers
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.netlib.layers.shared.gated import Gated
from goodinit.netlib.layers.shared.neuron import Neuron
from goodinit.netlib.registry import LAYERS

PAGE = Path(__file__).with_name('layers.md')
ROOT = PAGE.parents[1]
HEAD = """# Layers

Every layer type in goodinit: its mathematics, the blobs that it reads (bottoms) and writes (tops)
with their shapes, its parameters, and its source. `python docs/make_layers.py` generates this page
from the docstrings.

Shapes: N images of C channels of H rows and W columns, T time steps; `...` is any number of axes.
dy stands for the gradient of the loss by y. W * x is a cross-correlation. The fields of a layer are
in [proto/caffe.proto](../proto/caffe.proto), with their defaults.
"""
FAMILIES = {
    'Data': 'Layers that provide a net with data.',
    'Weights': 'Layers with weights: y = W x + b, and recurrent ones.',
    'Elementwise functions': 'Layers that apply a function to each number.',
    'Losses and scores': 'Quantities that training minimizes, and measures of how good a net is.',
    'Everything else': 'Pooling, normalization, and layers that join, cut and rearrange.',
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing, compare')
    args = parser.parse_args()
    text = page()
    if not args.check:
        PAGE.write_text(text, encoding='utf-8')
        return 0
    return int(PAGE.read_text(encoding='utf-8') != text)


def page() -> str:
    """The text of docs/layers.md."""
    parts = [HEAD]
    for family, what in FAMILIES.items():
        members = [kind for kind in known_layers() if family_of(kind) == family]
        links = ', '.join(f'[{kind.__name__}](#{kind.__name__.lower()})' for kind in members)
        parts.append(f'## {family}\n\n{what}\n\n{links}\n')
        parts.extend(map(section, members))
    return '\n'.join(parts)


def known_layers() -> Iterator[type[layers.Layer]]:
    """The layer types of this package, in alphabetical order."""
    for name in sorted(LAYERS, key=str.lower):
        if LAYERS[name].__module__.startswith(layers.__name__):
            yield LAYERS[name]


def family_of(kind: type[layers.Layer]) -> str:
    if kind.is_data or kind.bottoms == 0:
        return 'Data'
    if kind.is_loss or kind.traits.answers:
        return 'Losses and scores'
    if issubclass(kind, Neuron):
        return 'Elementwise functions'
    if issubclass(kind, Affine | Gated):
        return 'Weights'
    return 'Everything else'


def section(kind: type[layers.Layer]) -> str:
    """The part of the page about one layer type."""
    path = Path(inspect.getsourcefile(kind) or '').relative_to(ROOT).as_posix()
    fields = fields_of(kind)
    place = f'[{path}](../{path})' + (f', fields in `{fields}`' if fields else '')
    return f'### {kind.__name__}\n\n{place}\n\n```text\n{inspect.getdoc(kind)}\n```\n'


def fields_of(kind: type[layers.Layer]) -> str:
    """The message of a LayerParameter that the class, or the one it is derived from, reads."""
    for each in kind.__mro__:
        if each is layers.Layer:
            break
        found = re.search(r'\bparam\.(\w+_param)\b', inspect.getsource(each))
        if found:
            return found[1]
    return ''


if __name__ == '__main__':
    sys.exit(main())
