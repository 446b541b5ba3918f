"""Elementwise ops that are put off, and then computed in one launch."""

import numpy as np

from ...errors import EngineError
from .device import Device, DeviceArray

# What the kernel `steps` of ../kernels/elementwise.cu computes, in the order of the numbers that it
# knows them by,
FUNCTIONS = (
    'axpby',
    'unary_relu',
    'unary_sign',
    'unary_power',
    'binary_add',
    'binary_mul',
    'binary_div',
)
MOST = 64  # how many at a time, and its struct Step
STEP = np.dtype(
    [('function', 'i4'), ('n', 'i4'), ('a', 'u8'), ('b', 'u8'), ('out', 'u8'), ('p', 'f4', 3)],
    align=True,
)


class Steps:
    """Calls of the kernels of elementwise.cu, which `run` makes up for."""

    def __init__(self, device: Device):
        self.device = device
        self.calls: list[tuple] = []

    def add(self, kernel: str, n: int, *arguments) -> None:
        """Put a call off. Raises EngineError for what `run` does not know, or where operands
        broadcast."""
        arrays = [x for x in arguments if isinstance(x, DeviceArray)]
        if kernel not in FUNCTIONS or any(x.size != n for x in arrays):
            shapes = ', '.join(str(x.shape) for x in arrays)
            raise EngineError(
                f"blockwise: engine 'cuda' puts off {', '.join(FUNCTIONS)} of tensors of one shape; "
                f'found {kernel} of {shapes}'
            )
        (a, *b), out = ([x.address for x in some] for some in (arrays[:-1], arrays[-1:]))
        parameters = [x for x in arguments if isinstance(x, float)]
        self.calls.append(
            (FUNCTIONS.index(kernel), n, a, *(b or [0]), *out, (*parameters, 0, 0, 0)[:3])
        )

    def run(self) -> None:
        """Compute all, in their order."""
        for start in range(0, len(self.calls), MOST):
            calls = self.calls[start : start + MOST]
            table = np.zeros(MOST, STEP)
            table[: len(calls)] = calls
            self.device.per_element(
                'elementwise', 'steps', int(table['n'].max()), len(calls), table.view(np.uint8)
            )
