"""Fresh weights for recurrent layers (LSTM, RNN), at their turn in the walk.

W_h       orthonormal for each gate: the state neither grows nor fades with the steps
          (Saxe et al. 2014)
W_x, W_s  by the recipe's method; if it normalizes, each gate is scaled so that what comes in,
          W_x x + W_s s over all steps and streams, has variance 1 (lsuv: its target)
W_o       of RNN, by the method; if it normalizes, W_o h has variance 1
b         of the forget gates: forget_bias, so that at first memory lasts (Gers et al. 2000,
          Jozefowicz et al. 2015); all other biases keep their fillers

A parameter that does not learn, or that belongs to another layer, keeps its values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib.blob import Param
from ..netlib.layers.shared.recurrent import Recurrent
from ..netlib.memory import Tensor
from .from_samples.directions import GAUSSIAN
from .from_shape.filler import fill_array
from .kinds import INITIALIZERS, Notes
from .moments import TINY, Moments, moments_by_output, pooled
from .step import Step

Run = Callable[[], Tensor]  # runs a layer on its loaded bottoms: (gates, rows, D)


@dataclass
class Method:
    """What a recipe says of a recurrent layer: where W comes from, the variance of what comes in
    (None: as it falls), and the bias of forget gates."""

    weights_from: str
    target: float | None
    forget_bias: float


def initialize_recurrent(step: Step, rng: Generator, method: Method) -> Notes:
    """Give a recurrent layer weights, before it runs; returns notes."""
    layer = step.layer
    said = [f'input matrices {by_name(method.weights_from)}']
    for W in filter(settable, input_weights(layer)):
        fill_by_gate(step, W, method.weights_from, rng)
    if settable(layer.W_h):
        fill_by_gate(step, layer.W_h, 'orthonormal', rng)
        said.insert(0, 'recurrent matrices orthonormal')
    notes = []
    if method.target is not None:
        said[-1] += f' with variance {method.target:g} of what comes into each gate'
        notes += scale_gates(step, input_weights(layer), gate_inputs(step), method.target)
    output = getattr(layer, 'W_o', None)
    if output is not None and settable(output):
        fill_by_gate(step, output, method.weights_from, rng)
        if method.target is not None:
            notes += scale_gates(step, [output], outputs(step), method.target)
    if layer.forget_gate is not None and settable(layer.b):
        gate(layer, layer.b, layer.forget_gate)[...] = method.forget_bias
        said.append(f'bias {method.forget_bias:g} of the forget gates')
    return ['; '.join(said), *notes]


def by_name(name: str) -> str:
    """What `fill_by_gate` makes of the name of an initializer."""
    return 'Gaussian' if INITIALIZERS[name].kind == 'samples' else name


def settable(param: Param) -> bool:
    return param.owner is param and param.learns


def input_weights(layer: Recurrent) -> list[Param]:
    return [layer.W_x, layer.W_s] if layer.static else [layer.W_x]


def gate(layer: Recurrent, param: Param, k: int) -> ndarray:
    """The rows of gate k, a view."""
    return param.data.reshape(-1, layer.D, *param.shape[1:])[k]


def fill_by_gate(step: Step, W: Param, name: str, rng: Generator) -> None:
    """Fill the rows of each gate by an initializer from a shape; those from samples leave all but
    convolutions Gaussian."""
    gates = W.shape[0] // step.layer.D
    if INITIALIZERS[name].kind == 'samples':
        W.data = fill_array(W.shape, GAUSSIAN, rng)
        return
    layer = SimpleNamespace(weight=W, groups=gates)
    INITIALIZERS[name](SimpleNamespace(layer=layer, net=step.net), rng, {})


def scale_gates(step: Step, weights: list[Param], run: Run, target: float) -> Notes:
    """Scale the rows of each gate so that its part of what `run` gives has variance `target`."""
    layer: Any = step.layer
    notes = []
    for k, moments in enumerate(gate_moments(step, run)):
        if moments.total_var <= TINY:
            notes.append(f'gate {k}: what comes in is constant, so its weights are not scaled')
            continue
        factor = np.float32(np.sqrt(target / moments.total_var))
        for W in filter(settable, weights):
            gate(layer, W, k)[...] *= factor
    return notes


def gate_moments(step: Step, run: Run) -> list[Moments]:
    """The moments of each gate's part of what `run` gives, over all batches of all ranks."""
    layer = step.layer
    state = layer.state()
    batches = []
    for batch in range(step.kept.batches):
        step.kept.load(batch, step.bottom)
        layer.reshape(step.bottom, step.top)
        batches.append([moments_by_output(layer, rows.reshape(-1, layer.D, 1)) for rows in run()])
    layer.restore(state)
    gathered = step.net.ranks.gather(batches)
    return [pooled(parts) for parts in zip(*gathered, strict=True)]


def gate_inputs(step: Step) -> Run:
    """W_x x + W_s s, for all steps at once."""
    layer = step.layer

    def run() -> Tensor:
        gates = layer.all_gates('gates')
        biases = layer.b.data.copy()
        layer.b.data = 0
        layer.add_inputs(step.bottom, gates)
        layer.b.data = biases
        return gates.reshape(layer.gates, -1, layer.D)

    return run


def outputs(step: Step) -> Run:
    """W_o h, of an RNN."""
    layer = step.layer

    def run() -> Tensor:
        layer.forward(step.bottom, step.top)
        rows = layer.buffer('W_o h', 1, layer.T * layer.N, layer.D)
        layer.multiply(layer.sequence('h').reshape(-1, layer.D), layer.W_o, out=rows)
        return rows

    return run
