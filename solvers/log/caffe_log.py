"""BVLC Caffe's log of training: lines for a solver's events, readable by parse_log.py and similar
tools."""

from __future__ import annotations

import time
from collections.abc import Iterable

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
    """Listens to a solver, and writes the lines of `caffe train` for each event.

    `display` is the solver's: the lines give the time of that many iterations. A speed is measured
    since the previous line with a speed; the first line is written before any iteration.
    """

    def __init__(self, display: int):
        self.display = display
        self.last: tuple[int, float] | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Displayed():
                self._displayed(event)
            case Rated(i, lr):
                log('sgd_solver.cpp:112', f'Iteration {i}, lr = {number(lr)}')
            case Stepped(i, step):
                log('sgd_solver.cpp:51', f'MultiStep Status: Iteration {i}, step = {step}')
            case Clipped():
                _log_clipped(event)
            case Tested():
                _log_tested(event)
            case Snapshotted():
                _log_snapshotted(event)
            case Magnitude():
                _log_magnitude(event)
            case Norms():
                _log_norms(event)
            case NotFinite():
                log('solver.cpp:239', event.message, 'W')

    def _displayed(self, event: Displayed) -> None:
        loss = number(event.loss)
        if event.outputs is None:
            log('solver.cpp:327', f'Iteration {event.iter}, loss = {loss}')
            return
        speed = self._speed(event.iter)
        log('solver.cpp:239', f'Iteration {event.iter} ({speed}), loss = {loss}')
        for line in output_lines(event.outputs):
            log('solver.cpp:258', f'    Train net output #{line}')

    def _speed(self, i: int) -> str:
        now = time.perf_counter()
        last_iter, last_time = self.last or (i, now)
        self.last = (i, now)
        seconds = now - last_time
        speed = (i - last_iter) / (seconds or 1)
        return f'{number(speed)} iter/s, {number(seconds)}s/{self.display} iters'


def _log_clipped(event: Clipped) -> None:
    norm = number(event.norm)
    limit = number(event.limit)
    factor = number(event.limit / event.norm)
    log(
        'sgd_solver.cpp:99',
        f'Gradient clipping: scaling down gradients (L2 norm {norm} > {limit}) '
        f'by scale factor {factor}',
    )


def _log_tested(event: Tested) -> None:
    log('solver.cpp:347', f'Iteration {event.iter}, Testing net (#{event.net})')
    if event.loss is not None:
        log('solver.cpp:401', f'Test loss: {number(event.loss)}')
    for line in output_lines(event.outputs):
        log('solver.cpp:414', f'    Test net output #{line}')


def _log_snapshotted(event: Snapshotted) -> None:
    if event.state.endswith('.h5'):
        log('solver.cpp:474', f'Snapshotting to HDF5 file {event.weights}')
        log('sgd_solver.cpp:296', f'Snapshotting solver state to HDF5 file {event.state}')
    else:
        log('solver.cpp:464', f'Snapshotting to binary proto file {event.weights}')
        log('sgd_solver.cpp:284', f'Snapshotting solver state to binary proto file {event.state}')


def _log_magnitude(event: Magnitude) -> None:
    kind, _, _ = event.blob.partition(' ')
    line = MAGNITUDE_LINES[event.direction, kind]
    mean = number(event.mean)
    text = f'Layer {event.layer}, {event.blob} {event.half}: {mean}'
    log(f'net.cpp:{line}', f'    [{event.direction}] {text}')


def _log_norms(event: Norms) -> None:
    l1 = _data_and_diff(event.l1)
    l2 = _data_and_diff(event.l2)
    text = f'All net params (data, diff): L1 norm = {l1}; L2 norm = {l2}'
    log('net.cpp:721', f'    [Backward] {text}', 'E')


def _data_and_diff(norms: tuple[float, float]) -> str:
    data, diff = norms
    return f'({number(data)}, {number(diff)})'


def output_lines(outputs: Iterable[Output]) -> list[str]:
    """A line for each number of each output: '0: accuracy = 0.75', '1: loss = 0.5 (* 1 = 0.5
    loss)', and so on."""
    lines: list[str] = []
    for output in outputs:
        for value in output.values.ravel():
            loss = weighted(value, output.loss_weight)
            lines.append(f'{len(lines)}: {output.name} = {number(value)}{loss}')
    return lines


def weighted(value: float, weight: float) -> str:
    """An output's share of the loss, such as ' (* 1 = 0.5 loss)'; '' for a weight of 0."""
    if not weight:
        return ''
    loss = number(weight * value)
    return f' (* {number(weight)} = {loss} loss)'
