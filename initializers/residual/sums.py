"""All sums of residual branches of a net during the walk: a rule applied to each, and what became
of their variances."""

from collections.abc import Sequence

from ...netlib import Net
from ...netlib.layers.shared.affine import Affine
from ..kinds import Notes
from ..recipe import Recipe, named
from ..step import Step
from .branches import residual_sums
from .meeting import Meeting, unshared_params
from .rules import RULES

GROWN = 2  # a variance above this multiple of the target is worth a note


class ResidualSums:
    """Visits every step of a walk, and works where residual branches meet."""

    def __init__(self, net: Net, chosen: Sequence[Affine], recipe: Recipe):
        self.rule = recipe.residual
        self.target = recipe.target
        self.sums = residual_sums(net)
        scales = [layer for layer in net.layers if layer.traits.linear_in and named(layer, recipe)]
        self.movable = unshared_params(net, [*chosen, *scales])
        self.said: Notes = []
        self.scaled: set[str] = set()
        self.held = 0  # sums with a branch that no rule can scale
        self.variances: dict[str, float] = {}

    def visit(self, step: Step) -> None:
        """Apply the rule if this is a sum, and measure the sum's variance."""
        if step.index not in self.sums or not step.kept.batches:
            return
        meeting = Meeting(step, list(self.sums.values()), self.movable, self.target)
        name = step.layer.name
        if self.rule in RULES:
            notes = RULES[self.rule](meeting)
            self.said += [f"layer '{name}': {note}" for note in notes]
            self.scaled.update(meeting.scaled)
        _, obstacles = meeting.scalable(meeting.sum.branches)
        self.held += bool(obstacles)
        step.forward()
        self.variances[name] = meeting.variance()

    def notes(self, notes: Notes) -> Notes:
        """The notes of the initialization so far, without those that the rule refutes, and with
        those on the sums."""
        kept = []
        for note in notes:
            layer, _, text = note.partition(': ')
            is_scaled = layer[len("layer '") : -1] in self.scaled
            if not (is_scaled and 'keep their fillers' in text):
                kept.append(note)
        return [*kept, *self.said, *self.on_variances()]

    def on_variances(self) -> Notes:
        """What was done, with the variances measured; or a note if variances grow undisturbed."""
        if not self.variances:
            return self.without_sums()
        names = list(self.variances)
        values = list(self.variances.values())
        if self.rule != 'none':
            return [
                f'residual: {self.rule}: variance of the {len(values)} sums between '
                f'{min(values):.3g} and {max(values):.3g}'
            ]
        greatest = max(values)
        if greatest <= GROWN * self.target or greatest <= values[0]:
            return []
        where = names[values.index(greatest)]
        return [
            f'residual branches: the variance of the sums grows from {values[0]:.3g} at '
            f"'{names[0]}' to {greatest:.3g} at '{where}' and is {values[-1]:.3g} at the last, "
            f"'{names[-1]}'{self.cure()}"
        ]

    def cure(self) -> str:
        """What keeps the variance, if anything does."""
        if self.held == len(self.variances):
            return ''
        where = f', except at {self.held} sums' if self.held else ''
        return f' (--residual balanced keeps it near {self.target:g}{where})'

    def without_sums(self) -> Notes:
        if self.rule == 'none':
            return []
        return [f'residual: {self.rule}: the net has no residual branches']
