"""The colors of a page and its plots, by name: on white and on black.

Plots name them as `var(--ink)`, so that the page's style decides. A picture in a file of its own
gets those on white. Text has a contrast of at least 4.5 with what is behind it, marks of 3.
"""

import re

COLORS = {
    'ink': ('#1b1f24', '#e6e8eb'),
    'soft': ('#57606a', '#a7b0ba'),
    'paper': ('#ffffff', '#14171a'),
    'card': ('#f4f6f8', '#20252b'),
    'rule': ('#d5dae0', '#39414a'),
    'line': ('#7b848e', '#7f8a96'),
    'link': ('#0b5cad', '#79b8ff'),
    'good': ('#116329', '#56d364'),
    'bad': ('#a40e26', '#ff8f87'),
    'first': ('#b35900', '#f2a65a'),
    'second': ('#0b62a8', '#6cb6ff'),
    'slowest': ('#1f3fbf', '#86a3ff'),
    'slower': ('#4f86d9', '#5b84c4'),
    'median': ('#7b848e', '#8b96a3'),
    'faster': ('#c46f17', '#c98a45'),
    'fastest': ('#b3261e', '#ff8a80'),
}
NAME = re.compile(r'var\(--(\w+)\)')


def style_variables(dark: bool = False) -> str:
    """The colors as declarations of CSS."""
    return ' '.join(f'--{name}: {pair[dark]};' for name, pair in COLORS.items())


def on_white(text: str) -> str:
    """A text with the colors themselves for their names."""
    return NAME.sub(lambda found: COLORS[found[1]][0], text)
