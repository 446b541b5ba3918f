"""What BVLC Caffe's log says of training: lines from a solver's events, as parse_log.py and its kin
read them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ...netlib import Net
from ...proto import format_text
from ..events import (
    Clipped,
    Displayed,
    Event,
    Magnitude,
    Norms,
    NotFinite,
    Output,
    Rated,
    Snapshotted,
    Stepped,
    Tested,
)
from .glog import log, number

# BVLC's line of net.cpp for each kind of Magnitude.
MAGNITUDE_LINES = {
    ('Forward', 'top'): 593,
    ('Forward', 'param'): 605,
    ('Backward', 'bottom'): 621,
    ('Backward', 'param'): 632,
}


class SolverLog:
    """Listens to a solver: each event becomes the lines that `caffe train` writes of it.

    The speed is that since the last line with a speed; the first has done no iteration yet.
    """

    def __init__(self, display: int):
        self.display = display
        self.last: tuple[int, float] | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Displayed():
                self._displayed(event)
            case Stepped(i, step):
                log('sgd_solver.cpp:51', f'MultiStep Status: Iteration {i}, step = {step}')
            case Rated(i, lr):
                log('sgd_solver.cpp:112', f'Iteration {i}, lr = {number(lr)}')
            case Clipped(_, norm, limit):
                log(
                    'sgd_solver.cpp:99',
                    f'Gradient clipping: scaling down gradients (L2 norm {number(norm)} > '
                    f'{number(limit)}) by scale factor {number(limit / norm)}',
                )
            case Tested():
                self._tested(event)
            case Snapshotted():
                self._snapshotted(event)
            case Magnitude(direction, layer, blob, half, mean):
                log(
                    f'net.cpp:{MAGNITUDE_LINES[direction, blob.partition(" ")[0]]}',
                    f'    [{direction}] Layer {layer}, {blob} {half}: {number(mean)}',
                )
            case Norms(l1, l2):
                one, two = (f'({number(data)}, {number(diff)})' for data, diff in (l1, l2))
                log(
                    'net.cpp:721',
                    f'    [Backward] All net params (data, diff): L1 norm = {one}; L2 norm = {two}',
                    'E',
                )
            case NotFinite():
                log('solver.cpp:239', event.message, 'W')

    def _displayed(self, event):
        if event.outputs is None:
            log('solver.cpp:327', f'Iteration {event.iter}, loss = {number(event.loss)}')
            return
        now = time.perf_counter()
        before, then = self.last or (event.iter, now)
        self.last = event.iter, now
        speed = (event.iter - before) / (now - then or 1)
        log(
            'solver.cpp:239',
            f'Iteration {event.iter} ({number(speed)} iter/s, {number(now - then)}s/{self.display} '
            f'iters), loss = {number(event.loss)}',
        )
        for line in output_lines(event.outputs):
            log('solver.cpp:258', f'    Train net output #{line}')

    @staticmethod
    def _tested(event):
        log('solver.cpp:347', f'Iteration {event.iter}, Testing net (#{event.net})')
        if event.loss is not None:
            log('solver.cpp:401', f'Test loss: {number(event.loss)}')
        for line in output_lines(event.outputs):
            log('solver.cpp:414', f'    Test net output #{line}')

    @staticmethod
    def _snapshotted(event):
        hdf5 = event.state.endswith('.h5')
        kind = 'HDF5' if hdf5 else 'binary proto'
        log(f'solver.cpp:{474 if hdf5 else 464}', f'Snapshotting to {kind} file {event.weights}')
        log(
            f'sgd_solver.cpp:{296 if hdf5 else 284}',
            f'Snapshotting solver state to {kind} file {event.state}',
        )


def output_lines(outputs: Iterable[Output]) -> list[str]:
    """'0: accuracy = 0.75', '1: loss = 0.5 (* 1 = 0.5 loss)' and so on: one for each number of each
    output."""
    texts = [
        f'{output.name} = {number(value)}{weighted(value, output.loss_weight)}'
        for output in outputs
        for value in output.values.ravel()
    ]
    return [f'{i}: {text}' for i, text in enumerate(texts)]


def weighted(value: float, weight: float) -> str:
    """' (* 1 = 0.5 loss)', or nothing for an output that is no loss."""
    return f' (* {number(weight)} = {number(weight * value)} loss)' if weight else ''


def log_net(net: Net) -> None:
    """The layers of a net: their blobs, the shapes of their tops, and the memory that these take
    together."""
    log('net.cpp:53', f'Initializing net from parameters: \n{format_text(net.param).rstrip()}')
    numbers = 0
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        log('net.cpp:86', f'Creating Layer {layer.name}')
        for blob in bottom:
            log('net.cpp:408', f'{layer.name} <- {blob.name}')
        for blob in top:
            in_place = ' (in-place)' if blob in bottom else ''
            log(f'net.cpp:{369 if in_place else 382}', f'{layer.name} -> {blob.name}{in_place}')
        log('net.cpp:124', f'Setting up {layer.name}')
        for blob, weight in zip(top, layer.loss_weights, strict=True):
            log('net.cpp:131', f'Top shape: {"".join(f"{n} " for n in blob.shape)}({blob.count})')
            if weight:
                log('net.cpp:134', f'    with loss weight {number(weight)}')
            numbers += blob.count
        log('net.cpp:139', f'Memory required for data: {4 * numbers}')
    for layer, runs in reversed(list(zip(net.layers, net.runs_backward, strict=True))):
        log(
            f'net.cpp:{200 if runs else 202}',
            f'{layer.name} {"needs" if runs else "does not need"} backward computation.',
        )
    for name in net.outputs:
        log('net.cpp:244', f'This network produces output {name}')
    log('net.cpp:257', 'Network initialization done.')
