"""Whether the normalizing layers of a net have the statistics that they run on."""

from collections import defaultdict
from collections.abc import Sequence

from .errors import listed
from .layers import Layer
from .layers.shared.normalizing import Normalizing

WAY_OUT = '`goodinit bn_statistics NET WEIGHTS` measures them'
MEANINGLESS = f'their outputs mean nothing; {WAY_OUT}'


def with_statistics(layers: Sequence[Layer]) -> list[Normalizing]:
    """The layers that have parameters for a mean and a variance."""
    found = []
    for layer in layers:
        if isinstance(layer, Normalizing) and layer.keeps_statistics:
            found.append(layer)
    return found


def without_values(layers: Sequence[Layer]) -> list[Normalizing]:
    """Those of them in which nothing has been stored."""
    return [layer for layer in with_statistics(layers) if not layer.has_statistics()]


def missing_statistics(layers: Sequence[Layer], consequence: str) -> list[str]:
    """A sentence for each type of layers that run on statistics which nothing has stored."""
    kinds = defaultdict(list)
    for layer in without_values(layers):
        if not layer.from_batch:
            kinds[layer.type, layer.missing].append(layer.name)
    notes = []
    for (kind, sign), names in kinds.items():
        notes.append(
            f'{kind} layers {listed(names)} have no statistics yet ({sign}): {consequence}'
        )
    return notes
