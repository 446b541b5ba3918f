"""Notes advise options as flags, which wording.py turns into arguments."""

import ast
import re

import pytest
from goodinit.initializers.kinds import INITIALIZERS, all_options
from goodinit.initializers.recipe import choices
from goodinit.initializers.wording import NUMBER, in_python, is_switch
from places import ROOT

NAMES = {'none', '.', 'balanced', *INITIALIZERS, *choices('weights_from')}


@pytest.mark.parametrize(
    ('flags', 'arguments'),
    [
        ('(--all-layers takes them)', '(all_layers=True takes them)'),
        ('use --between exact, or not', "use between='exact', or not"),
        ('(--mean 104.5,117,123 --scale 0.017)', '(mean=(104.5, 117, 123) scale=0.017)'),
        ('--mean=-1.5,2', 'mean=(-1.5, 2)'),
        ('--scale 1.7e-05', 'scale=1.7e-05'),
        ('--dropout keeps it on; --zero-last', 'dropout=True keeps it on; zero_last=True'),
        ('--max-trials 40: more', 'max_trials=40: more'),
        ('a - b -- c', 'a - b -- c'),
    ],
)
def test_flags_become_arguments(flags, arguments):
    assert in_python(flags) == arguments


def sentences(tree):
    """The strings of a file, except docstrings; what is formatted into them is 0."""
    told = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    inside = {id(part) for node in ast.walk(tree) for part in getattr(node, 'values', [])}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield ''.join(part.value if constant(part) else '0' for part in node.values)
        elif constant(node) and node not in told and id(node) not in inside:
            yield node.value


def constant(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_flag_in_a_note_has_its_value():
    """Otherwise the word behind it would be taken for its value."""
    for path in (ROOT / 'initializers').rglob('*.py'):
        for text in sentences(ast.parse(path.read_text(encoding='utf-8'))):
            for flag, value in re.findall(r"--([a-z][a-z-]*)(?: ('[^']+'|[\w.]+))?", text):
                name = flag.replace('-', '_')
                known = (
                    value.startswith("'")
                    or value in NAMES
                    or value
                    and value in str(all_options().get(name))
                )
                good = known or is_switch(name) or NUMBER.fullmatch(value)
                assert good, f'{path}: {text}'
