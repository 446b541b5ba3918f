"""Write docs/every_initializer.md from the docstrings of initializers and fillers.

python docs/make_initializers.py              writes it
python docs/make_initializers.py --check      writes nothing; exit status 1 where it would change
"""

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from goodinit.initializers import INITIALIZERS
from goodinit.initializers.kinds import Option
from goodinit.netlib.registry import FILLERS

sys.path.insert(0, str(Path(__file__).parent))
from formulas import FORMULAS

PAGE = Path(__file__).with_name('every_initializer.md')
HEAD = """# Every initializer

What each does to the weights, as a formula and in words, with its source. W are the weights of a
layer (outputs, inputs), z = W x + b its outputs, n the fan-in, or what `variance_norm` says.
`python docs/make_initializers.py` generates this page from the docstrings. [Choosing an
initialization](choosing.md) helps to choose, [initializers beyond the presets](initializers.md)
says more about some.
"""
KINDS = {
    'shape': ('Weights from a shape', '--weights-from', 'Nothing but the shape of W is known.'),
    'samples': ('Weights from samples', '--weights-from', 'W is made of the input of the layer.'),
    'layer': ('Layer by layer', '--normalize', 'The outputs of each layer are scaled and shifted.'),
    'forecast': ('By a forecast', '--normalize', 'As layer by layer, but the net does not run.'),
    'net': ('Between layers', '--between', 'All layers are known, and work together.'),
}
FILLERS_ALONE = """## Fillers that are no initializers

Names for `weight_filler` and `bias_filler` in a prototxt.
"""


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
    """The text of docs/every_initializer.md."""
    parts = [HEAD]
    for kind, (title, option, what) in KINDS.items():
        parts.append(f'## {title}\n\n{what} The option is `{option}`.\n')
        for name in of_kind(kind):
            initializer = INITIALIZERS[name]
            also = filler_line(name)
            parts.append(section(name, initializer.function, also))
            parts += option_lines(initializer.options)
    parts.append(FILLERS_ALONE)
    for name in fillers_alone():
        parts.append(section(name, FILLERS[name]))
    return '\n'.join(parts)


def of_kind(kind: str) -> list[str]:
    return sorted(name for name, each in INITIALIZERS.items() if each.kind == kind)


def fillers_alone() -> list[str]:
    """The fillers of goodinit that recipes do not name."""
    found = []
    for name in sorted(set(FILLERS) - set(INITIALIZERS)):
        if FILLERS[name].__module__.startswith('goodinit.'):
            found.append(name)
    return found


def filler_line(name: str) -> str:
    if name not in FILLERS:
        return ''
    return f'Also in a prototxt: `weight_filler {{ type: "{name}" }}`.\n\n'


def section(name: str, function: object, also: str = '') -> str:
    """The part of the page about one of them."""
    doc = inspect.getdoc(function)
    return f'### {name}\n\n$${FORMULAS[name]}$$\n\n{also}```text\n{doc}\n```\n'


def option_lines(options: dict[str, Option]) -> Iterator[str]:
    """Its options, as a list."""
    for name, about in options.items():
        flag = f'--{name.replace("_", "-")}'
        default = f', {about.default:g} by default' if about.type is float else ''
        yield f'- `{flag}`: {about.help}{default}'
    if options:
        yield ''


if __name__ == '__main__':
    sys.exit(main())
