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
from collections.abc import Callable, Iterator

import numpy as np
from goodinit.benchmarks.machine import compiled_kernels, dated_path, machine
from goodinit.netlib.engines.fast import Fast
from goodinit.netlib.engines.fast.convolution import CELLS, CELLS_FOR_WEIGHTS, shapes
from goodinit.netlib.engines.interface import Window

CHANNELS = ((8, 8), (16, 16), (16, 64), (32, 32), (64, 64), (128, 128), (256, 256), (512, 512))
KERNELS = (3, 5)
BATCHES = (1, 4, 32)
SIZES = (4, 7, 14, 28, 56)
MOST = 10**10  # multiply-adds: larger cases are left out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--seconds', type=float, default=0.2, help='for each ratio (default: %(default)s)'
    )
    args = parser.parse_args()
    engine = Fast(compiled_kernels())
    lines = []
    for line in table(engine, args.seconds):
        print(line, flush=True)
        lines.append(f'{line}\n')
    about = ', '.join(f'{name} {value}' for name, value in machine().items())
    path = dated_path('winograd.md')
    path.write_text(f'{about}, {engine.kernels.isa}\n{"".join(lines)}', encoding='utf-8')
    print(path)


def table(engine: Fast, seconds: float) -> Iterator[str]:
    """The lines of the tables, one for each kernel."""
    columns = [f'{inputs} to {outputs}' for inputs, outputs in CHANNELS]
    for kernel in KERNELS:
        yield ''
        yield f'| {kernel}x{kernel} | {" | ".join(columns)} |'
        yield '|---|' + '---|' * len(CHANNELS)
        for batch in BATCHES:
            for size in SIZES:
                cells = [cell(engine, batch, size, pair, kernel, seconds) for pair in CHANNELS]
                yield f'| {batch} of {size}x{size} | {" | ".join(cells)} |'


def cell(
    engine: Fast, batch: int, size: int, channels: tuple[int, int], kernel: int, seconds: float
) -> str:
    """Both ratios of a case; '' for one that is too large."""
    inputs, outputs = channels
    if batch * size**2 * inputs * outputs * kernel**2 > MOST:
        return ''
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, inputs, size, size), dtype='f4')
    y = rng.standard_normal((batch, outputs, size, size), dtype='f4')
    W = rng.standard_normal((outputs, inputs, kernel, kernel), dtype='f4')
    dW = np.zeros_like(W)
    out = np.empty_like(y)
    window = Window(*((n, n) for n in (kernel, 1, kernel // 2, 1)))
    known = shapes(x.shape, y.shape[1:], window, 1)
    kernels = engine.kernels

    def forward(way: int) -> None:
        kernels.conv_forward(x, W, None, None, out, known, False, bool(way))

    def backward(way: int) -> None:
        kernels.conv_backward_weights(x, y, dW, known, bool(way))

    texts = []
    for run, least in ((forward, CELLS), (backward, CELLS_FOR_WEIGHTS)):
        pays = engine.winograd(W.shape, window, 1, y.shape, least)
        text = f'{ratio(run, seconds):.2f}'
        texts.append(text if pays else f'[{text}]')
    return ' '.join(texts)


def ratio(run: Callable[[int], object], seconds: float) -> float:
    """The shortest time with way 1 over the shortest with way 0."""
    best = [np.inf, np.inf]
    end = time.perf_counter() + seconds
    run(1)
    while time.perf_counter() < end:
        for way in (0, 1):
            start = time.perf_counter()
            run(way)
            best[way] = min(best[way], time.perf_counter() - start)
    return best[1] / best[0]


if __name__ == '__main__':
    main()
