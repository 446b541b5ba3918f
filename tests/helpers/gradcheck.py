"""Gradients by central differences in float64: the oracle of every backward.

check_gradients(case)   raises AssertionError with every place that is off: where, analytic, numeric
"""

import numpy as np
from goodinit.netlib.engines import make_engine

STEP = 1e-5
TOLERANCE = 1e-6
SHOWN = 5


def check_gradients(case, tolerance=TOLERANCE):
    """Compare backward with differences, for each bottom that gets a gradient and each parameter
    that learns, except for those that the case calls ruled."""
    net = case.net(make_engine('checked:reference', dtype=np.float64))
    net.forward()
    case.backward(net)
    analytic = {name: blob.diff for name, blob in case.gradients(net).items()}
    net = case.net(make_engine('reference', dtype=np.float64))
    objective = make_objective(case, net)
    wrong = []
    ruled = [f'param {i}' for i in case.ruled]
    for name, blob in case.gradients(net).items():
        if name in ruled:
            continue
        for where, slope in differences(objective, blob):
            ours = analytic[name][where]
            if abs(ours - slope) > tolerance * max(1, abs(slope)):
                wrong.append(f'{name} at {where}: analytic {ours:.9g}, numeric {slope:.9g}')
    if wrong:
        raise AssertionError(
            f'{case.id}: {len(wrong)} gradients are wrong:\n  ' + '\n  '.join(wrong[:SHOWN])
        )


def make_objective(case, net):
    """A function of no arguments: the sum of top_diffs * tops after a forward pass of the last
    layer."""
    net.forward()
    layer, bottom, top = net.layers[-1], net.bottoms[-1], net.tops[-1]
    weights = case.top_diffs(net)

    def objective():
        layer.rng = np.random.default_rng(0)
        layer.forward(bottom, top)
        return sum(float(np.sum(w * blob.data)) for w, blob in zip(weights, top, strict=True))

    return objective


def differences(objective, blob):
    """(where, slope) of each element of the blob."""
    for where in np.ndindex(blob.shape):
        kept = blob.data[where]
        blob.data[where] = kept + STEP
        above = objective()
        blob.data[where] = kept - STEP
        below = objective()
        blob.data[where] = kept
        yield where, (above - below) / (2 * STEP)
