"""The walk: every layer of a net once per batch, in topological order, pausing at each layer.

Layers that share weights take one turn together where they can (turns.py).

There is only one. All layer-by-layer work on a net is a loop over it. This loop gives each layer's
outputs unit variance:

    >>> import numpy as np
    >>> from goodinit import Net
    >>> from goodinit.initializers import fill, walk
    >>> from goodinit.proto import parse_net
    >>> net = Net(parse_net('''
    ...     input: "x"  input_shape { dim: 50 dim: 8 }
    ...     layer { name: "ip1"  type: "InnerProduct"  bottom: "x"  top: "ip1"
    ...             inner_product_param { num_output: 20  weight_filler { type: "msra" } } }
    ...     layer { name: "relu1"  type: "ReLU"  bottom: "ip1"  top: "ip1" }
    ...     layer { name: "ip2"  type: "InnerProduct"  bottom: "ip1"  top: "ip2"
    ...             inner_product_param { num_output: 5  weight_filler { type: "msra" } } }
    ... '''))
    >>> rng = np.random.default_rng(0)
    >>> fill(net, rng)
    >>> batches = [{'x': rng.standard_normal((50, 8))} for _ in range(2)]

    >>> for step in walk(net, batches):
    ...     if step.affine:
    ...         moments = step.forward()
    ...         step.rescale(1 / np.sqrt(moments.total_var))
    ...         print(step.layer.name, round(step.moments.total_var, 3))
    ip1 1.0
    ip2 1.0

At each pause, the layer's bottoms are known for all batches, but not yet its tops. `step.forward()`
computes the tops; if the loop does not call it, the walk does. `step.rescale` changes the weights,
and the tops with them, without running the layer again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from numpy import ndarray

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers.shared.normalizing import Normalizing
from ..proto.caffe_pb2 import TEST
from .activations import Activations, Batch
from .reach import drawing_layers
from .step import Step
from .turns import turns


def walk(net: Net, batches: Sequence[Batch], keep: Iterable[str] = ()) -> Iterator[Step]:
    """Pause at each layer in turn, or at several that share weights.

    batches: for each batch, the values of the net's Input blobs (an empty dict if data layers feed
    the net; they read the next batch each time). Activations are freed after their last use,
    except the blobs named in `keep`.
    """
    order = turns(net)
    kept = Activations(net, batches, set(keep), order)
    for turn in order:
        step = Step(net, turn, kept)
        yield step
        step.forward()
        for index in turn:
            net.layers[index].work.free()
            kept.release(index)
        net.plan.scratch.clear()


@contextmanager
def measuring(net: Net, dropout: bool = False) -> Iterator[None]:
    """A context that prepares a net for initializers.

    Dropout is off (unless `dropout`). Statistics that forward changes (those of BatchNorm) are
    restored afterwards.
    """
    state = _state(net)
    try:
        with without_drawing(net, dropout):
            yield
    finally:
        for param, values in state:
            param.data = values


@contextmanager
def without_drawing(net: Net, dropout: bool = False) -> Iterator[None]:
    """A context in which dropout is off (unless `dropout`)."""
    drawing = [] if dropout else drawing_layers(net)
    phases = [layer.phase for layer in drawing]
    for layer in drawing:
        layer.phase = TEST
    try:
        yield
    finally:
        for layer, phase in zip(drawing, phases, strict=True):
            layer.phase = phase


def _state(net: Net) -> list[tuple[Param, ndarray]]:
    """Copies of the statistics that forward changes: those that a layer does not only read."""
    state = []
    for layer in net.layers:
        if isinstance(layer, Normalizing) and not layer.from_batch:
            continue
        for param in layer.params:
            if param.owner is param and param.is_statistic:
                state.append((param, param.data.copy()))
    return state
