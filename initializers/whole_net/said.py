"""What rounds of rescaling found out: numbers for the summary, and notes for the user."""

from math import exp, expm1

from ..kinds import Notes
from .factors import LARGEST
from .held_rates import APART, reasons_of
from .rounds import ALLOWED, SETTLED, Rounds


def arrived(rounds: Rounds) -> Notes:
    """Make sure that the function stayed, and say what kept rates from moving further."""
    moved = rounds.keep_function()
    measured = rounds.whole.measured
    measured['function_moved'] = moved
    measured['rates_apart'] = rounds.model.spread(rounds.step)
    rounds.whole.outputs.update(rounds.outputs.by_name())
    return [*without_rate(rounds), *too_far(rounds), *unsettled(rounds), *changed(rounds, moved)]


def without_rate(rounds: Rounds) -> Notes:
    """A note on each chosen layer without a change rate."""
    known = set(rounds.model.weights)
    notes = []
    for layer in rounds.whole.chosen:
        if layer.weight.owner not in known:
            notes.append(
                f"layer '{layer.name}': no gradient reaches its weights, or they are zero: its "
                'change rate does not count'
            )
    return notes


def too_far(rounds: Rounds) -> Notes:
    """A note if a factor reached its limit."""
    if not rounds.factors.stopped:
        return []
    return [
        'between layers: change rates differ so much that scaling stopped at a factor of '
        f'{exp(LARGEST):.0e}'
    ]


def unsettled(rounds: Rounds) -> Notes:
    """A note if more rounds were needed."""
    if rounds.leeway or not rounds.scales.nearly or rounds.expected < SETTLED:
        return []
    names = ', '.join(near.name for near in rounds.scales.nearly)
    return [
        f'between layers: after {rounds.settling} rounds change rates still moved by '
        f'{expm1(rounds.moved):.0%}; these layers are only nearly homogeneous: {names} '
        '(--strict keeps the scales of their blobs)'
    ]


def changed(rounds: Rounds, moved: float) -> Notes:
    """A note if the net no longer computes the same."""
    if moved < ALLOWED:
        return []
    names = ', '.join(near.name for near in rounds.scales.nearly)
    if not names or rounds.leeway:
        return [f'between layers: outputs moved by {moved:.2g} of the largest, by rounding']
    return [
        f'between layers: outputs moved by {moved:.2g} of the largest, as allowed; these layers '
        f'are only nearly homogeneous: {names} (without --allow-change outputs stay)'
    ]


def apart(rounds: Rounds) -> Notes:
    """A note on change rates that differ although they are as near as they can be, and on what
    holds them."""
    spread = rounds.model.spread(rounds.step)
    if spread < APART:
        return []
    bounds = []
    if rounds.leeway:
        for row, name in rounds.leeway.reached(rounds.factors.total):
            why = f'{name}, which goes as far as the outputs allow (--allow-change lifts this)'
            bounds.append((row, why))
    reasons = reasons_of(rounds.model, rounds.step, rounds.scales, bounds)
    return [
        f'between layers: change rates stay {spread:.3g} apart ({extremes(rounds)}); held by '
        f'{"; ".join(reasons) or "layers that may not change"}'
    ]


def extremes(rounds: Rounds) -> str:
    """The layers with the greatest and the smallest rate."""
    values = rounds.model.values(rounds.step)
    names = [weight.name.rpartition('[')[0] for weight in rounds.model.weights]
    parts = []
    for i in (values.argmax(), values.argmin()):
        parts.append(f"'{names[i]}' {exp(values[i]):.2g} times their mean")
    return ', '.join(parts)
