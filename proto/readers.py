"""Which layer of a net reads what a layer writes."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from .caffe_pb2 import LayerParameter


def sole_readers(layers: Iterable[LayerParameter]) -> dict[int, LayerParameter]:
    """For each layer, by its place, whose first top is read only once: the layer that reads it.
    What a later layer writes under the same name is another top."""
    versions: Counter[str] = Counter()  # how often a blob has been written
    readers: defaultdict[tuple[str, int], list[LayerParameter]] = defaultdict(list)
    tops = {}
    for i, layer in enumerate(layers):
        for name in layer.bottom:
            readers[name, versions[name]].append(layer)
        versions.update(layer.top)
        if layer.top:
            tops[i] = readers[layer.top[0], versions[layer.top[0]]]
    return {i: found[0] for i, found in tops.items() if len(found) == 1}
