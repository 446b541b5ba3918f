"""A net's weights as PyTorch names and shapes them, out and back home."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...proto import array_to_blob
from ...proto.caffe_pb2 import NetParameter
from ..blob import Param
from ..errors import NetError, did_you_mean
from ..graph import without_splits
from ..layers import Layer
from ..shapes import Shape
from .formats import LayeredNet
from .names import identifiers, scaled_norms, weight_names

MOST_NAMED = 8  # in one message


@dataclass
class Entry:
    """A weight by its name in Python. others: further names that it answers to."""

    key: str
    param: Param
    shape: Shape
    transposed: bool = False
    factor: Param | None = None  # by which a BatchNorm's statistics are multiplied
    others: tuple[str, ...] = ()

    def read(self) -> np.ndarray:
        """The values as PyTorch has them: float32, a view where that is possible."""
        values = self.param.values.array().astype(np.float32, copy=False)
        if self.factor is not None:
            factor = float(self.factor.values.item())
            values = values * np.float32(1 / factor if factor else 0)
        return values.T if self.transposed else values.reshape(self.shape)

    def at_home(self, values: np.ndarray) -> np.ndarray:
        """Values of PyTorch's as the layer keeps them."""
        return (values.T if self.transposed else values).reshape(self.param.shape)

    def write(self, values: np.ndarray) -> None:
        """Take values home."""
        self.param.data = self.at_home(values)
        if self.factor is not None:
            self.factor.data = 1


def state_entries(net: LayeredNet, called: Mapping[str, str] | None = None) -> list[Entry]:
    """Every weight of the net, layer by layer.

    A name is the layer's as an identifier, and weight, bias and the like. What a Scale does after a
    BatchNorm is the BatchNorm's weight and bias. called: identifiers, where the layers are part of
    a larger net.
    """
    plain = without_splits(NetParameter(layer=[layer.param for layer in net.layers]))
    called = called or identifiers(layer.name for layer in plain.layer)
    norms = {scale: norm for norm, scale in scaled_norms(plain).items()}
    out: list[Entry] = []
    for layer in net.layers:
        if layer.params:
            owner = norms.get(layer.name, layer.name)
            out += _entries_of(layer, called.get(owner, owner), owner)
    return out


def _entries_of(layer: Layer, prefix: str, owner: str) -> Iterator[Entry]:
    names = weight_names(layer.param, len(layer.params))
    for name, param in zip(names, layer.params, strict=True):
        if name == 'factor':
            continue
        others = (f'{layer.name}.{name}', f'{owner}.{name}')
        entry = Entry(f'{prefix}.{name}', param, torch_shape(layer, param), others=others)
        entry.transposed = layer.type == 'InnerProduct' and is_transposed(layer, name)
        if entry.transposed:
            entry.shape = param.shape[::-1]
        if layer.type == 'BatchNorm':
            entry.factor = layer.params[2]
        yield entry


def is_transposed(layer: Layer, name: str) -> bool:
    """Whether a layer keeps a matrix (inputs, outputs), where PyTorch has (outputs, inputs)."""
    return layer.param.inner_product_param.transpose and name == 'weight'


def torch_shape(layer: Layer, param: Param) -> Shape:
    """A weight's shape in PyTorch."""
    if layer.type == 'BN':
        return (param.count,)
    if layer.type == 'PReLU' and not param.shape:
        return (1,)
    return param.shape


def state_dict(net: LayeredNet) -> dict[str, np.ndarray]:
    """The weights by name, as `torch.nn.Module.state_dict` gives them; views where possible."""
    return {entry.key: entry.read() for entry in state_entries(net)}


def load_state_dict(
    net: LayeredNet, weights: Mapping[str, np.ndarray], strict: bool = True
) -> list[str]:
    """Put weights into the net by name; returns the names that the net lacks.

    strict: every weight of the net must be there. Raises NetError for what is missing and for
    shapes that do not fit, all at once, before anything is changed.
    """
    found, missing, unknown = match_state(net, weights)
    if missing and strict:
        raise _misfit(net, [_missing(key, weights) for key in missing])
    for entry, values in found:
        entry.write(values)
    return unknown


def match_state(
    net: LayeredNet, weights: Mapping[str, np.ndarray]
) -> tuple[list[tuple[Entry, np.ndarray]], list[str], list[str]]:
    """The entries with their values, the names of weights that the net needs and does not get, and
    those that it lacks. Raises NetError for shapes that do not fit, all at once."""
    found: list[tuple[Entry, np.ndarray]] = []
    missing, wrong, used = [], [], set()
    for entry in state_entries(net):
        key = next((key for key in (entry.key, *entry.others) if key in weights), None)
        if key is None:
            if entry.param.owner is entry.param:
                missing.append(entry.key)
            continue
        used.add(key)
        values = np.asarray(weights[key])
        if values.shape == entry.shape:
            found.append((entry, values))
        else:
            wrong.append(f"'{key}' has shape {values.shape}; the net needs {entry.shape}")
    if wrong:
        raise _misfit(net, wrong + [_missing(key, weights) for key in missing])
    unknown = [key for key in weights if key not in used and not key.endswith(IGNORED)]
    return found, missing, unknown


def state_message(net: LayeredNet, weights: Mapping[str, np.ndarray]) -> NetParameter:
    """The weights by name as the layers of a caffemodel; a layer that the net lacks has no blobs.
    Raises NetError for shapes that do not fit."""
    found, _, unknown = match_state(net, weights)
    blobs = {id(entry.param): entry.at_home(values) for entry, values in found}
    out = NetParameter()
    for layer in net.layers:
        given = [blobs[id(param)] for param in layer.params if id(param) in blobs]
        if layer.type == 'BatchNorm' and given:
            given.append(np.ones(1, np.float32))
        if given:
            saved = out.layer.add(name=layer.name)
            for array in given:
                array_to_blob(np.ascontiguousarray(array, np.float32), blob=saved.blobs.add())
    for key in dict.fromkeys(key.rpartition('.')[0] for key in unknown):
        out.layer.add(name=key).blobs.add(data=[0])
    return out


# Counters that PyTorch keeps and Caffe has no use for.
IGNORED = '.num_batches_tracked'


def _missing(key: str, weights: Mapping[str, np.ndarray]) -> str:
    return f"'{key}' is missing{did_you_mean(key, weights)}"


def _misfit(net: LayeredNet, problems: list[str]) -> NetError:
    """All problems in one line, of many the first."""
    if len(problems) > MOST_NAMED:
        problems = [*problems[:MOST_NAMED], f'and {len(problems) - MOST_NAMED} more']
    return NetError(f"these weights do not fit net '{net.name}': {'; '.join(problems)}")
