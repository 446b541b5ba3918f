"""Recurrent layers: a Scan over the steps in ONNX, a loop in PyTorch.

The state before the first step is 0 unless the net is given one: a file keeps nothing from one run
to the next, as Caffe does between batches without expose_hidden.
"""

from math import prod

import numpy as np

from ..batch import varies
from ..onnx_graph import as_float32
from ..registry import onnx, torch

CARRIED = 'a sequence goes on from one run to the next without expose_hidden'
STATES = {'LSTM': ('h', 'c'), 'RNN': ('h',)}


@onnx('LSTM', 'RNN', unless=CARRIED)
def recurrent(g, step, x, cont, *others):
    states, static = parted(step, others)
    gates = inputs(g, step, x, static)
    before = [g.op('Squeeze', state, [0]) for state in states] or zeros(g, step, x)
    made = len(before)
    body, first = scan_body(g, step, made)
    seen = [g.op('Unsqueeze', cont, [2]), gates]
    *after, hidden = g.ops(
        'Scan', *before, *seen, outputs=made + 1, body=body, num_scan_inputs=len(first)
    )
    if step.type == 'RNN':
        hidden = g.op('MatMul', hidden, transposed(g, step, 'weight_o'))
        hidden = g.op('Tanh', g.op('Add', hidden, g.weight(step, 'bias_o')))
    exposed = after if len(step.tops) > 1 else []
    return [hidden, *[g.op('Unsqueeze', state, [0]) for state in exposed]]


def parted(step, others):
    """The states that the net gives, and the input that all steps see, if there is one."""
    count = len(STATES[step.type]) if step.param.recurrent_param.expose_hidden else 0
    static = others[: len(others) - count]
    return others[len(static) :], static


def transposed(g, step, name):
    """A weight matrix as MatMul wants it."""
    values = as_float32(step.weights[name])
    return g.constant(np.ascontiguousarray(values.T), f'{step.name}.{name}')


def inputs(g, step, x, static):
    """What the gates of all steps get from x and the static input: (T, N, gates D)."""
    if len(step.x) != 3:
        x = g.reshape(x, [0, 0, prod(step.x[2:])])
    gates = g.op('MatMul', x, transposed(g, step, 'weight_x'))
    gates = g.op('Add', gates, g.weight(step, 'bias'))
    for s in static:
        flat = g.op('Flatten', s, axis=1)
        gates = g.op('Add', gates, g.op('MatMul', flat, transposed(g, step, 'weight_static')))
    return gates


def zeros(g, step, x):
    """A state of 0 for each stream."""
    count, width = len(STATES[step.type]), step.y[2]
    if not varies(step.x[1]):
        return [g.constant(np.zeros((step.x[1], width), np.float32))] * count
    streams = g.op('Slice', g.op('Shape', x), [1], [2])
    shape = g.op('Concat', streams, [width], axis=0)
    return [g.op('Expand', 0.0, shape)] * count


def scan_body(g, step, states):
    """What one step does: from states, cont and gates to the states after it."""
    names = [f'{step.name}/{state}' for state in STATES[step.type]]
    first = [f'{step.name}/cont', f'{step.name}/gates']
    body = g.inner([*names, *first])
    h = body.op('Mul', names[0], first[0])
    gate = body.op('Gemm', h, g.weight(step, 'weight_h'), first[1], transB=1)
    if step.type == 'RNN':
        after = [body.op('Tanh', gate)]
    else:
        after = lstm_step(body, gate, names[1], first[0])
    body.outputs = [*after, body.op('Identity', after[0])]
    return body, first


def lstm_step(g, gates, c, cont):
    """h and c after a step, from its gates i, f, o, g before their nonlinearities."""
    i, f, o, new = g.ops('Split', gates, outputs=4, axis=-1)
    kept = g.op('Mul', cont, g.op('Mul', g.op('Sigmoid', f), c))
    c = g.op('Add', kept, g.op('Mul', g.op('Sigmoid', i), g.op('Tanh', new)))
    return [g.op('Mul', g.op('Sigmoid', o), g.op('Tanh', c)), c]


@onnx('LSTMUnit')
def lstm_unit(g, step, c, gates, cont):
    h, c = lstm_step(g, gates, c, g.op('Unsqueeze', cont, [2]))
    return [c, h]


@torch('LSTM', 'RNN', unless=CARRIED)
def recurrent_torch(t, step, x, cont, *others):
    states, static = parted(step, others)
    layer = t.weights(step)
    named = {'static': static[0]} if static else {}
    if states:
        named['states'] = f'({", ".join(f"{state}[0]" for state in states)},)'
    made = t.call(step.type.lower(), layer, x, cont, **named)
    return made if len(step.tops) > 1 else f'{made}[0]'


@torch('LSTMUnit')
def lstm_unit_torch(t, step, c, gates, cont):
    return t.call('lstm_unit', c, gates, f'{cont}.unsqueeze(2)')
