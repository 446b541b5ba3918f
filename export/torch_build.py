"""From the steps of a net to the parts of a PyTorch module."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..netlib.errors import layer_error
from ..netlib.weights.names import identifiers
from . import layers  # noqa: F401 - registers what every layer becomes
from .convention import Convention, Preparation, is_image
from .registry import TORCH, Inexpressible, reason_against
from .steps import Step, Steps, Value
from .torch_module import TorchModule

WIDTH = 86  # of a statement that takes in the one before


def build(net: Steps, called: Mapping[str, str], convention: Convention) -> TorchModule:
    """The parts of the module that does what the steps do."""
    module = TorchModule(called)
    variables = Variables(net)
    if convention.given:
        _put_in_front(module, net, variables, convention)
    for index, step in enumerate(net.steps):
        given = [variables.of(value) for value in step.bottoms]
        try:
            made = _expressions(module, step, given)
        except Inexpressible as reason:
            module.problems.append(str(layer_error(step.param, str(reason))))
            made = [''] * len(step.tops)
        targets = [variables.assign(value, index) for value in step.tops]
        _add_lines(module, step, targets, made)
    module.returned = [variables.of(value) for value in net.outputs.values()]
    return module


def _put_in_front(module: TorchModule, net: Steps, variables: Variables, convention: Convention):
    """Turn images as they are given into the net's input."""
    prepare = Preparation(convention)
    named: dict[str, object] = {'reverse': prepare.reverse, 'factor': prepare.factor}
    named |= {'mean': [round(float(m), 6) for m in prepare.mean.flat], 'scale': convention.scale}
    for value in net.inputs:
        if is_image(value.shape):
            name = variables.of(value)
            module.lines.append((name, module.call('prepare_images', name, **named), ''))


def _expressions(module: TorchModule, step: Step, given: list[str]) -> str | list[str]:
    if step.type not in TORCH:
        raise Inexpressible(reason_against('PyTorch', step.type))
    return TORCH[step.type](module, step, *given)


def _add_lines(module: TorchModule, step: Step, targets: list[str], made: str | list[str]) -> None:
    if isinstance(made, list):
        for target, expression, value in zip(targets, made, step.tops, strict=True):
            module.lines.append((target, expression, shape_comment(step, value)))
        return
    if [made] == targets:
        return
    comment = shape_comment(step, step.tops[0])
    target = ', '.join(targets)
    if module.lines and module.lines[-1][0] == target and fits_inside(module.lines[-1], made):
        _, inner, before = module.lines.pop()
        made = re.sub(rf'(?<![.\w]){re.escape(target)}(?!\w)', lambda _: inner, made)
        comment = comment or before
    module.lines.append((target, made, comment))


def fits_inside(line: tuple[str, str, str], outer: str) -> bool:
    """Whether what a line makes can stand as the argument of a call that is all the next line is,
    and reads it once."""
    target, inner, _ = line
    alone = re.fullmatch(rf'[\w.]+\({re.escape(target)}(, [^()]*)?\)', outer)
    once = len(re.findall(rf'(?<![.\w]){re.escape(target)}(?!\w)', outer)) == 1
    return bool(alone) and once and len(inner) + len(outer) + len(target) < WIDTH


def shape_comment(step: Step, value: Value) -> str:
    """The shape of what a step makes, without the batch, where it is another than before."""
    if not value.shape[1:] or (step.bottoms and value.shape == step.x):
        return ''
    return ' x '.join(map(str, value.shape[1:]))


class Variables:
    """The variable that holds each value: called as the blob, also after a layer that works in
    place, as long as nobody needs what it held before."""

    def __init__(self, net: Steps):
        blobs = [value.blob for value in net.inputs]
        blobs += [value.blob for step in net.steps for value in step.tops]
        self.called = identifiers(blobs)
        self.taken = set(self.called.values())
        self.names: dict[int, str] = {}
        self.holder: dict[str, Value] = {}
        self.last_use: dict[int, int] = {}
        for index, step in enumerate(net.steps):
            for value in step.bottoms:
                self.last_use[id(value)] = index
        for value in net.outputs.values():
            self.last_use[id(value)] = len(net.steps)
        for value in net.inputs:
            self._hold(value, self.called[value.blob])

    def of(self, value: Value) -> str:
        return self.names[id(value)]

    def assign(self, value: Value, index: int) -> str:
        """The variable for what step `index` makes."""
        name = self.called[value.blob]
        before = self.holder.get(name)
        if before and self.last_use.get(id(before), -1) > index:
            name = self._another(name)
        self._hold(value, name)
        return name

    def _hold(self, value: Value, name: str) -> None:
        self.names[id(value)] = name
        self.holder[name] = value

    def _another(self, name: str) -> str:
        count = 2
        while f'{name}_{count}' in self.taken:
            count += 1
        self.taken.add(f'{name}_{count}')
        return f'{name}_{count}'
