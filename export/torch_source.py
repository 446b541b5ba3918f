"""The source of a PyTorch module, from its parts."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..netlib.weights.names import identifier, identifiers
from .steps import Steps
from .text import number
from .torch_build import TorchModule

COLUMNS = 100


def source(net: Steps, module: TorchModule, head: str) -> str:
    """The text of the module. head: what its docstring says."""
    inputs = list(identifiers(value.blob for value in net.inputs).values())
    name = class_name(net.name)
    functions = function_sources(module.functions)
    parts = [
        docstring(head),
        imports(module, functions),
        f'\n\n\nclass {name}(nn.Module):\n',
        init_method(module),
        forward_method(module, inputs),
        loss_method(net, module, inputs),
        load_function(name),
        *[f'\n\n{text}\n' for text in functions],
    ]
    return ''.join(parts)


def docstring(head: str) -> str:
    return f'"""{head}\n"""\n\n' if '\n' in head else f'"""{head}"""\n\n'


def init_method(module: TorchModule) -> str:
    lines = ['    def __init__(self):\n', '        super().__init__()\n']
    lines += [statement(f'self.{name}', made) for name, made in module.modules.items()]
    lines += [f'        self.{here} = self.{owner}\n' for here, owner in module.ties]
    return ''.join(lines)


def forward_method(module: TorchModule, inputs: Sequence[str]) -> str:
    lines = [f'\n    def forward({", ".join(["self", *inputs])}):\n']
    lines += [statement(*line) for line in module.lines]
    lines.append(f'        return {", ".join(module.returned)}\n')
    return ''.join(lines)


def class_name(name: str) -> str:
    """The net's name as a class: 'VGG_ILSVRC_16_layers' stays, 'squeezenet v1' is SqueezenetV1."""
    words = identifier(name or 'Net').split('_')
    plain = ''.join(word[:1].upper() + word[1:] for word in words if word)
    return plain if plain and plain not in ('Weights', 'Path') else f'{plain}Net'


def imports(module: TorchModule, functions: Sequence[str]) -> str:
    text = [expression for _, expression, _ in module.lines] + list(functions)
    found = ['from pathlib import Path', '']
    if any('torch.' in line for line in text):
        found.append('import torch')
    found += ['from safetensors.torch import load_file', 'from torch import nn']
    if any('F.' in line for line in text):
        found.append('from torch.nn import functional as F')
    return '\n'.join(found)


def statement(target: str, expression: str, comment: str = '') -> str:
    """An assignment in a method, in several lines where one is too long."""
    line = f'        {target} = {expression}'
    noted = f'{line}  # {comment}' if comment else line
    if len(noted) <= COLUMNS:
        return f'{noted}\n'
    if len(line) <= COLUMNS:
        return f'{line}\n'
    function, inside = call_of(expression)
    inner = textwrap.fill(inside, COLUMNS - 12, break_long_words=False, break_on_hyphens=False)
    return f'        {target} = {function}(\n{textwrap.indent(inner, " " * 12)}\n        )\n'


def call_of(expression: str) -> tuple[str, str]:
    """What an expression calls, and with what, where it is one call; else '' and all of it."""
    function, _, rest = expression.partition('(')
    depth = 1
    for place, character in enumerate(rest):
        depth += {'(': 1, ')': -1}.get(character, 0)
        if depth == 0:
            return (function, rest[:place]) if place == len(rest) - 1 else ('', expression)
    return '', expression


def loss_method(net: Steps, module: TorchModule, inputs: Sequence[str]) -> str:
    """The sum that training makes small, where the net has losses."""
    weights = {top.name: weight for top, weight in loss_weights(net)}
    terms = []
    for name, variable in zip(net.outputs, module.returned, strict=True):
        if weight := weights.get(net.outputs[name].name):
            terms.append(variable if weight == 1 else f'{number(weight)} * {variable}')
    if not terms:
        return ''
    given = ', '.join(inputs)
    return (
        f'\n    def loss(self, {given}):\n'
        f'        {", ".join(module.returned)} = self({given})\n'
        f'        return {" + ".join(terms)}\n'
    )


def loss_weights(net: Steps):
    """Each top that has a loss weight, with the weight."""
    for step in net.steps:
        for top, weight in zip(step.tops, step.layer.loss_weights, strict=False):
            if weight:
                yield top, weight


def load_function(name: str) -> str:
    return (
        '\n\ndef load(path=None):\n'
        '    """The net, ready for use, with its weights (by default those beside this file)."""\n'
        f'    net = {name}()\n'
        "    net.load_state_dict(load_file(path or Path(__file__).with_suffix('.safetensors')))\n"
        '    return net.eval()\n'
    )


@cache
def known_functions() -> dict[str, str]:
    """The source of each function and class in the files of torch_functions/."""
    found = {}
    for path in sorted(Path(__file__).with_name('torch_functions').glob('*.py')):
        text = path.read_text(encoding='utf-8')
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = ast.get_source_segment(text, node) or ''
    return found


def function_sources(names: set[str]) -> list[str]:
    """The sources of these functions and of those that they call, in the order of the files."""
    known, wanted = known_functions(), set(names)
    open_names = list(names)
    while open_names:
        text = known[open_names.pop()]
        for name in known:
            if name not in wanted and f'{name}(' in text:
                wanted.add(name)
                open_names.append(name)
    return [text for name, text in known.items() if name in wanted]
