"""Where Winograd's transform pays: its time divided by that of the plain product, for one
convolution at a time.

    python benchmarks/winograd.py

A row for each kernel, batch and image, a column for each number of inputs and outputs; each cell
has the ratio of the forward pass and that of the gradient by the weights, of the fastest runs of
both, which take turns. In brackets are those where the engine's rule
(netlib/engines/fast/convolution.py) takes the plain product. The table goes to
results/DATE-winograd.md.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from goodinit.benchmarks.initializers import machine
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast.convolution import TILES, TILES_FOR_WEIGHTS, shapes
from goodinit.netlib.engines.interface import Window

RESULTS = Path(__file__).parent / 'results'
CHANNELS = ((8, 8), (16, 16), (16, 64), (32, 32), (64, 64), (128, 128), (256, 256), (512, 512))
KERNELS, BATCHES, SIZES = (3, 5), (1, 4, 32), (4, 7, 14, 28, 56)
MOST = 10**10  # multiply-adds: larger cases are left out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--seconds', type=float, default=0.2, help='for each ratio (default: %(default)s)'
    )
    args = parser.parse_args()
    now, lines = datetime.now(UTC), []
    engine = make_engine('fast')
    for kernel in KERNELS:
        lines += [
            '',
            f'| {kernel} x {kernel} | ' + ' | '.join(f'{c} to {m}' for c, m in CHANNELS) + ' |',
            '|---|' + '---|' * len(CHANNELS),
        ]
        for batch in BATCHES:
            for size in SIZES:
                cells = [
                    cell(engine, batch, size, *pair, kernel, args.seconds) for pair in CHANNELS
                ]
                lines.append(f'| {batch} of {size} x {size} | ' + ' | '.join(cells) + ' |')
                print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f'{now:%Y-%m-%d-%H%M}-winograd.md'
    about = ', '.join(f'{name} {value}' for name, value in machine().items())
    path.write_text(f'{about}, {engine.kernels.isa}\n' + '\n'.join(lines) + '\n')
    print(path)


def cell(
    engine, batch: int, size: int, inputs: int, outputs: int, kernel: int, seconds: float
) -> str:
    if batch * size**2 * inputs * outputs * kernel**2 > MOST:
        return ''
    rng = np.random.default_rng(0)
    x, y, W = (
        rng.standard_normal(shape, dtype='f4')
        for shape in (
            (batch, inputs, size, size),
            (batch, outputs, size, size),
            (outputs, inputs, kernel, kernel),
        )
    )
    window = Window(*((n, n) for n in (kernel, 1, kernel // 2, 1)))
    known, out, dW = shapes(x.shape, y.shape[1:], window, 1), np.empty_like(y), np.zeros_like(W)
    ratios = (
        ratio(
            lambda way: engine.kernels.conv_forward(x, W, None, None, out, known, 0, way), seconds
        ),
        ratio(lambda way: engine.kernels.conv_backward_weights(x, y, dW, known, way), seconds),
    )
    rules = (
        engine.winograd(W.shape, window, 1, y.shape, least) for least in (TILES, TILES_FOR_WEIGHTS)
    )
    return ' '.join(
        f'{value:.2f}' if pays else f'[{value:.2f}]'
        for value, pays in zip(ratios, rules, strict=True)
    )


def ratio(run: Callable[[int], object], seconds: float) -> float:
    """The shortest time with way 1 over the shortest with way 0."""
    best, end = [np.inf, np.inf], time.perf_counter() + seconds
    run(1)
    while time.perf_counter() < end:
        for way in (0, 1):
            start = time.perf_counter()
            run(way)
            best[way] = min(best[way], time.perf_counter() - start)
    return best[1] / best[0]


if __name__ == '__main__':
    main()
