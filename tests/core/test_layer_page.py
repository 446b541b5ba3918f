"""docs/layers.md says what the docstrings say: python docs/make_layers.py writes it."""

import runpy

import places
from goodinit.netlib.registry import LAYERS

MADE = runpy.run_path(str(places.ROOT / 'docs' / 'make_layers.py'))
PAGE = (places.ROOT / 'docs' / 'layers.md').read_text(encoding='utf-8')


def test_the_page_is_what_the_docstrings_say():
    assert MADE['page']() == PAGE, 'run python docs/make_layers.py'


def test_every_layer_has_a_section():
    ours = [name for name, kind in LAYERS.items() if kind.__module__.startswith('goodinit.')]
    assert [name for name in ours if f'\n### {name}\n' not in PAGE] == []


def test_every_layer_says_its_mathematics_and_shapes():
    """A docstring has a first line that says what y is, and names what it reads and writes."""
    for name, kind in LAYERS.items():
        if kind.__module__.startswith('goodinit.'):
            assert kind.__doc__ and kind.__doc__.strip(), name
