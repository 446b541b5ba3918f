"""Zero weights for the layers whose outputs are the scores."""

from ..kinds import Notes
from ..reach import last_layers
from .whole import WholeNet


def zero_last(whole: WholeNet) -> Notes:
    """Zero the weights of the chosen layers that reach no other which learns; an interpolation of
    the scores does not count."""
    last = last_layers(whole.net)
    notes = []
    for layer in whole.chosen:
        if layer in last:
            layer.weight.data = 0
            notes.append(f"layer '{layer.name}': a last layer, its weights are zero")
    return notes
