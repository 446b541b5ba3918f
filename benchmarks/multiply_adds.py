"""How many multiply-adds the kernels do in a command of goodinit: with the processor's peak, the
least time that it could take.

    python benchmarks/multiply_adds.py init --proto lenet --out lenet.caffemodel

runs the command and prints what its products come to, by kernel. Convolutions count as they are
computed, by Winograd's transform with the products that it leaves. Of k-means, a row that bounds
spare its products counts one. What NumPy, SciPy and the other kernels compute is not counted, so
the least time is a lower bound.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goodinit.netlib.engines.fast import Fast
from goodinit.netlib.engines.fast.convolution import CELL
from goodinit.netlib.engines.fast.declarations import Kernels

Rule = Callable[..., float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--to', type=Path, help='a file for the counts, as JSON')
    parser.add_argument('command', nargs=argparse.REMAINDER, help='a command and its arguments')
    args = parser.parse_args()
    counts = count(args.command)
    if args.to:
        args.to.write_text(json.dumps(counts))
        return
    for name, number in counts.most_common():
        print(f'{number / 1e9:10.1f} G  {name}')
    print(f'{counts.total() / 1e9:10.1f} G  in all')


def count(arguments: list[str]) -> Counter[str]:
    """Runs a command; the multiply-adds of each kernel. Ends as the command does if it fails."""
    from goodinit.tools.cli.main import main as goodinit

    counts: Counter[str] = Counter()
    Fast.can_record = False  # what is recorded runs again without being seen here
    for name, rule in RULES.items():
        watch(name, rule, counts)
    status = goodinit(arguments)
    if status:
        sys.exit(status)
    return counts


def watch(name: str, rule: Rule, counts: Counter[str]) -> None:
    """Let each call of a kernel add to the counts."""
    kernel = getattr(Kernels, name)

    def watched(self: Kernels, *arguments: Any) -> Any:
        counts[name] += int(rule(*arguments))
        return kernel.function(self.isa)(*arguments)

    setattr(Kernels, name, watched)


def of_convolution(
    x: Any, W: Any, y: Any, convolution: tuple[int, ...], winograd: bool, *, by_data: bool = False
) -> float:
    """Of a convolution, and of its gradients; the arrays do not matter."""
    images, channels, *seen = convolution[:4]
    outputs, *made = convolution[4:7]
    kernel_y, kernel_x = convolution[7:9]
    groups = convolution[-1]
    pairs = images * outputs * channels / groups
    if not winograd:
        return pairs * made[0] * made[1] * kernel_y * kernel_x
    height, width = seen if by_data else made
    cells = -(-height // CELL) * -(-width // CELL)
    return pairs * cells * (CELL + kernel_y - 1) * (CELL + kernel_x - 1)


def of_forward(
    x: Any, W: Any, scale: Any, bias: Any, y: Any, convolution: Any, *rest: Any
) -> float:
    return of_convolution(x, W, y, convolution, rest[-1])


def of_backward_data(dy: Any, W: Any, dx: Any, convolution: Any, winograd: bool) -> float:
    return of_convolution(dy, W, dx, convolution, winograd, by_data=True)


def of_gemm(a: Any, b: Any, c: Any, M: int, N: int, K: int, *rest: Any) -> float:
    return M * N * K


def of_triangle(x: Any, out: Any, rows: int, size: int) -> float:
    return rows * size * (size + 1) / 2


def of_reflections(
    rows: Any, vectors: Any, middle: Any, known: Any, reflected: tuple[int, ...]
) -> float:
    """kernels/reflect.hpp."""
    count, size, _, height = reflected
    return height**2 * size + (count - height) * (2 * height * size)


def of_clusters(
    x: Any, centers: Any, moved: Any, bounds: Any, near: Any, sums: Any, clustered: tuple[int, ...]
) -> float:
    _, _, rows, size, count = clustered
    return rows * size * (count if moved is None else 1)


RULES: dict[str, Rule] = {
    'conv_forward': of_forward,
    'conv_backward_data': of_backward_data,
    'conv_backward_weights': of_convolution,
    'conv_squared_gradients': of_convolution,
    'gemm': of_gemm,
    'scatter_matrix': of_triangle,
    'project_rows': of_triangle,
    'reflect': of_reflections,
    'cluster': of_clusters,
}

if __name__ == '__main__':
    main()
