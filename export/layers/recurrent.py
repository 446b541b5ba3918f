"""Recurrent layers: a Scan over the steps in ONNX, a loop in PyTorch.

The state before the first step is 0 unless the net is given one: a file keeps nothing from one run
to the next, as Caffe does between batches without expose_hidden.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from ..batch import varies
from ..onnx_graph import OnnxGraph, Tensor, as_float32
from ..registry import onnx, torch
from ..steps import Step
from ..torch_module import TorchModule

CARRIED = 'a sequence goes on from one run to the next without expose_hidden'
STATES = {'LSTM': ('h', 'c'), 'RNN': ('h',)}


def given_states(step: Step) -> int:
    """How many of the bottoms, the last ones, are states."""
    return len(STATES[step.type]) if step.param.recurrent_param.expose_hidden else 0


# -- ONNX


@onnx('LSTM', 'RNN', unless=CARRIED)
def recurrent(g: OnnxGraph, step: Step, x: Tensor, cont: Tensor, *others: Tensor) -> list[Tensor]:
    static = others[: len(others) - given_states(step)]
    states = [g.op('Squeeze', state, [0]) for state in others[len(static) :]]
    before = states or zeros(g, step, x)
    body = scan_body(g, step)
    *after, hidden = g.ops(
        'Scan',
        *before,
        g.op('Unsqueeze', cont, [2]),
        gate_inputs(g, step, x, static),
        outputs=len(before) + 1,
        body=body,
        num_scan_inputs=2,
    )
    if step.type == 'RNN':
        hidden = hidden_to_output(g, step, hidden)
    if len(step.tops) == 1:
        return [hidden]
    return [hidden, *[g.op('Unsqueeze', state, [0]) for state in after]]


def hidden_to_output(g: OnnxGraph, step: Step, hidden: Tensor) -> Tensor:
    y = g.op('MatMul', hidden, transposed(g, step, 'weight_o'))
    return g.op('Tanh', y + g.weight(step, 'bias_o'))


def transposed(g: OnnxGraph, step: Step, name: str) -> Tensor:
    """A weight matrix as MatMul wants it."""
    values = as_float32(step.weights[name])
    return g.constant(np.ascontiguousarray(values.T), f'{step.name}.{name}')


def gate_inputs(g: OnnxGraph, step: Step, x: Tensor, static: Sequence[Tensor]) -> Tensor:
    """What the gates of all steps get from x and the static input: (T, N, gates D)."""
    if len(step.x) != 3:
        x = g.reshape(x, [0, 0, prod(step.x[2:])])
    gates = g.op('MatMul', x, transposed(g, step, 'weight_x'))
    gates = gates + g.weight(step, 'bias')
    for s in static:
        flat = g.op('Flatten', s, axis=1)
        gates = gates + g.op('MatMul', flat, transposed(g, step, 'weight_static'))
    return gates


def zeros(g: OnnxGraph, step: Step, x: Tensor) -> list[Tensor]:
    """A state of 0 for each stream."""
    states, width = len(STATES[step.type]), step.y[2]
    if varies(step.x[1]):
        shape = g.concat([g.size(x, 1), [width]], axis=0)
        return [g.op('Expand', 0.0, shape)] * states
    return [g.constant(np.zeros((step.x[1], width), np.float32))] * states


def scan_body(g: OnnxGraph, step: Step) -> OnnxGraph:
    """What one step does: from states, cont and gates to the states after it and h."""
    states = [f'{step.name}/{state}' for state in STATES[step.type]]
    seen = [f'{step.name}/cont', f'{step.name}/gates']
    body = g.inner([*states, *seen])
    h, *c, cont, gates = [body.named(name) for name in body.inputs]
    weight = g.weight(step, 'weight_h')
    gate = body.op('Gemm', h * cont, weight, gates, transB=1)
    after = lstm_step(body, gate, c[0], cont) if c else [body.op('Tanh', gate)]
    made = [*after, body.op('Identity', after[0])]
    body.outputs = [tensor.name for tensor in made]
    return body


def lstm_step(g: OnnxGraph, gates: Tensor, c: Tensor, cont: Tensor) -> list[Tensor]:
    """h and c after a step, from its gates i, f, o, g before their nonlinearities."""
    i, f, o, new = g.ops('Split', gates, outputs=4, axis=-1)
    kept = cont * (g.op('Sigmoid', f) * c)
    c = kept + g.op('Sigmoid', i) * g.op('Tanh', new)
    h = g.op('Sigmoid', o) * g.op('Tanh', c)
    return [h, c]


@onnx('LSTMUnit')
def lstm_unit(g: OnnxGraph, step: Step, c: Tensor, gates: Tensor, cont: Tensor) -> list[Tensor]:
    h, c = lstm_step(g, gates, c, g.op('Unsqueeze', cont, [2]))
    return [c, h]


# -- PyTorch


@torch('LSTM', 'RNN', unless=CARRIED)
def recurrent_torch(t: TorchModule, step: Step, x: str, cont: str, *others: str) -> str:
    static = others[: len(others) - given_states(step)]
    states = ', '.join(f'{state}[0]' for state in others[len(static) :])
    named = {'static': static[0]} if static else {}
    if states:
        named['states'] = f'({states},)'
    made = t.call(step.type.lower(), t.weights(step), x, cont, **named)
    return made if len(step.tops) > 1 else f'{made}[0]'


@torch('LSTMUnit')
def lstm_unit_torch(t: TorchModule, step: Step, c: str, gates: str, cont: str) -> str:
    return t.call('lstm_unit', c, gates, f'{cont}.unsqueeze(2)')
