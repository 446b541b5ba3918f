"""A net's weights as PyTorch names and shapes them, out and back home."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import NetError, did_you_mean
from ..netlib.layers import Layer
from ..netlib.shapes import Shape
from .cut import without_splits
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

    def write(self, values: np.ndarray) -> None:
        """Take values home."""
        values = values.T if self.transposed else values
        self.param.data = values.reshape(self.param.shape)
        if self.factor is not None:
            self.factor.data = 1


def entries(net: Net, called: Mapping[str, str] | None = None) -> list[Entry]:
    """Every weight of the net, layer by layer.

    A name is the layer's as an identifier, and weight, bias and the like. What a Scale does after a
    BatchNorm is the BatchNorm's weight and bias. called: identifiers, where the layers are part of
    a larger net.
    """
    plain = without_splits(net.param)
    called = called or identifiers(layer.name for layer in plain.layer)
    norms = {scale: norm for norm, scale in scaled_norms(plain).items()}
    out = []
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


def state_dict(net: Net) -> dict[str, np.ndarray]:
    """The weights by name, as `torch.nn.Module.state_dict` has them; views where that is possible."""
    return {entry.key: entry.read() for entry in entries(net)}


def load_state_dict(net: Net, weights: Mapping[str, np.ndarray], strict: bool = True) -> list[str]:
    """Put weights into the net by name; returns the names that the net lacks.

    strict: every weight of the net must be there. Raises NetError for what is missing and for
    shapes that do not fit, all at once, before anything is changed.
    """
    found: list[tuple[Entry, np.ndarray]] = []
    problems, used = [], set()
    for entry in entries(net):
        key = next((key for key in (entry.key, *entry.others) if key in weights), None)
        if key is None:
            if strict and entry.param.owner is entry.param:
                problems.append(f"'{entry.key}' is missing{did_you_mean(entry.key, weights)}")
            continue
        used.add(key)
        values = np.asarray(weights[key])
        if values.shape == entry.shape:
            found.append((entry, values))
        else:
            problems.append(f"'{key}' has shape {values.shape}; the net needs {entry.shape}")
    if problems:
        raise NetError(f"these weights do not fit net '{net.name}': {listed(problems)}")
    for entry, values in found:
        entry.write(values)
    return [key for key in weights if key not in used and not key.endswith(IGNORED)]


# Counters that PyTorch keeps and Caffe has no use for.
IGNORED = '.num_batches_tracked'


def listed(lines: list[str]) -> str:
    """The lines in one, of many the first."""
    more = [f'and {len(lines) - MOST_NAMED} more'] if len(lines) > MOST_NAMED else []
    return '; '.join([*lines[:MOST_NAMED], *more])
