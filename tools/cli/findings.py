"""What the measures of a net say in words: what is good, what is not, and what would mend it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...initializers import Recipe, Row
from ...netlib.errors import listed
from . import report

AGREE = 2  # the factor within which change rates agree
DEAD = 0.1  # the share of dead units that is worth a word
SATURATED = 0.3  # the share of saturated outputs; of normal ones with variance 1, 0.14 after TanH
WITHIN = ('--normalize', 'within')
SIMILAR = 10  # the factor within which outputs are of one size
CONSTANT = 3  # the ratio of outputs' means to their deviations: nine tenths of z^2 are constant


@dataclass
class Finding:
    """A sentence on a net, and what would mend what it says.

    flags    the option of `goodinit init` that mends it, with its value; none if nothing is to be
             mended, or if no option can
    effect   what they do, as 'evens rates'
    layers   whose outputs that moves by their biases
    """

    good: bool
    text: str
    flags: tuple[str, ...] = ()
    effect: str = ''
    layers: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """For the terminal."""
        if not self.flags:
            return self.text
        return f'{self.text} (goodinit init {" ".join(self.flags)} {self.effect})'


def find_all(rows: Sequence[Row], recipes: Sequence[Recipe] = ()) -> list[Finding]:
    """Everything that there is to say of a net, which the recipes have initialized."""
    found = [
        *about_rates(rows, recipes),
        *about_outputs(rows),
        *about_constants(rows),
        *about_dead_units(rows),
        *about_saturation(rows),
    ]
    found = [untried(each, recipes) for each in found]
    return sorted(found, key=lambda each: each.good)


def untried(finding: Finding, recipes: Sequence[Recipe]) -> Finding:
    """The finding without an advice that a recipe has followed already."""
    if finding.flags:
        flag, value = finding.flags
        part = flag.removeprefix('--')
        if any(getattr(recipe, part) == value for recipe in recipes):
            return Finding(finding.good, finding.text)
    return finding


def progress(before: Sequence[Row], after: Sequence[Row]) -> list[Finding]:
    """What an initialization has changed: the ratio of change rates, if it has come down."""
    old, new = report.spread(before), report.spread(after)
    if not old > AGREE * new:
        return []
    text = (
        f'change rates differed by a factor of {report.number(old)} before, and differ by '
        f'{report.number(new)} now'
    )
    return [Finding(True, text)]


def about_rates(rows: Sequence[Row], recipes: Sequence[Recipe]) -> list[Finding]:
    """Whether all layers will learn at the same pace and, unless it was tried, what mends that."""
    rates = {row.layer: row.change_rate for row in rows if row.change_rate > 0}
    factor = report.spread(rows)
    if math.isnan(factor):
        return []
    if factor <= AGREE:
        text = (
            f'change rates agree within a factor of {report.number(factor)}: all layers learn at '
            'about the same pace'
        )
        return [Finding(True, text)]
    fastest = max(rates, key=lambda layer: rates[layer])
    slowest = min(rates, key=lambda layer: rates[layer])
    text = (
        f'change rates differ by a factor of {report.number(factor)}: relative to its weights, '
        f"'{fastest}' learns that much faster than '{slowest}'"
    )
    if any(recipe.between != 'none' for recipe in recipes):
        return [Finding(False, text)]
    if any(recipe.normalize == 'lsuv' for recipe in recipes):
        text += '; LSUV evens variances, not rates'
    return [Finding(False, text, ('--between', 'exact'), 'evens rates')]


def about_outputs(rows: Sequence[Row]) -> list[Finding]:
    """Whether signals keep their size from layer to layer."""
    stds = {row.layer: row.output_std for row in rows if row.output_std > 0}
    if not stds:
        return []
    if len(stds) == 1:
        [(name, std)] = stds.items()
        text = f"the outputs of '{name}' have a standard deviation of {report.number(std)}"
        return [Finding(True, text)]
    largest = max(stds, key=lambda layer: stds[layer])
    smallest = min(stds, key=lambda layer: stds[layer])
    high, low = (report.number(stds[name]) for name in (largest, smallest))
    if stds[largest] <= SIMILAR * stds[smallest]:
        span = f'of {low}' if low == high else f'from {low} to {high}'
        text = (
            f'signals keep their size: the outputs of the {len(stds)} layers have standard '
            f'deviations {span}'
        )
        return [Finding(True, text)]
    factor = report.number(stds[largest] / stds[smallest])
    text = (
        f'signals differ in size by a factor of {factor}: outputs have a standard deviation of '
        f"{high} in '{largest}' and of {low} in '{smallest}'"
    )
    if report.spread(rows) <= AGREE:
        return [Finding(True, f'{text}; layers learn at one pace all the same')]
    return [Finding(False, text, ('--normalize', 'lsuv'), 'makes every variance 1')]


def about_constants(rows: Sequence[Row]) -> list[Finding]:
    """Layers whose outputs are nearly the same for every sample."""
    found = above(rows, lambda row: row.mean_to_std, CONSTANT)
    if not found:
        return []
    named = written_out(found, report.number)
    text = (
        'outputs hardly depend on the input; their means are larger than their deviations by '
        f'these factors: {named}'
    )
    return [Finding(False, text, WITHIN, 'centers every output', tuple(found))]


def about_dead_units(rows: Sequence[Row]) -> list[Finding]:
    """Units that no sample brings through their ReLU."""
    known = [row for row in rows if not math.isnan(row.dead)]
    found = above(rows, lambda row: row.dead, DEAD)
    if found:
        text = f'units that are zero after ReLU for every sample: {written_out(found, percent)}'
        return [Finding(False, text, WITHIN, 'brings every unit to life', tuple(found))]
    if not known:
        return []
    worst = max(known, key=lambda row: row.dead)
    if not worst.dead:
        return [Finding(True, 'no unit is dead: each is above zero after ReLU for some sample')]
    text = (
        f"few units are dead: at most {percent(worst.dead)} of a layer's, in '{worst.layer}', are "
        'zero after ReLU for every sample'
    )
    return [Finding(True, text)]


def about_saturation(rows: Sequence[Row]) -> list[Finding]:
    """Outputs that a sigmoid or tanh has pressed against its limits."""
    known = [row for row in rows if not math.isnan(row.saturated)]
    found = above(rows, lambda row: row.saturated, SATURATED)
    if found:
        named = written_out(found, percent)
        text = f'outputs at the ends of their sigmoid or tanh, where gradients vanish: {named}'
        return [Finding(False, text, ('--normalize', 'lsuv'), 'brings them to the middle')]
    if not known:
        return []
    worst = max(known, key=lambda row: row.saturated)
    text = (
        f"sigmoid and tanh are not saturated: at most {percent(worst.saturated)} of a layer's "
        f"outputs, in '{worst.layer}', are at their ends"
    )
    return [Finding(True, text)]


def above(rows: Sequence[Row], measure: Callable[[Row], float], limit: float) -> dict[str, float]:
    """The layers in which a measure is above the limit, with its value."""
    found = {}
    for row in rows:
        value = measure(row)
        if value > limit:
            found[row.layer] = value
    return found


def written_out(found: Mapping[str, float], written: Callable[[float], str]) -> str:
    """Layers with values: 'conv1 12%, conv2 31%'."""
    return listed([f'{layer} {written(value)}' for layer, value in found.items()])


def percent(share: float) -> str:
    return f'{share:.0%}'
