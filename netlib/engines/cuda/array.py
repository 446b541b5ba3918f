"""A tensor as the ops of the CUDA engine receive it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from ...errors import EngineError
from ...shapes import Shape

ITEM = 4  # bytes of a number

# Kernels count the places of a tensor by an int, in steps of a block of at most so many threads: in
# none of them does the step beyond the last place overflow.
MOST_NUMBERS = 2**31 - 1 - 1024


def check_count(numbers: int, what: str, way_out: str = 'Use a smaller batch') -> None:
    """Raises EngineError for more numbers than kernels can count; `what` they are of."""
    if numbers > MOST_NUMBERS:
        raise EngineError(
            f"engine 'cuda' takes {what} of at most {MOST_NUMBERS} numbers; found {numbers}. "
            f'{way_out}'
        )


@dataclass(frozen=True, slots=True)
class DeviceArray:
    """The address on the device of float32 (or int32) numbers, and their shape."""

    address: int
    shape: Shape

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __getitem__(self, i: int) -> 'DeviceArray':
        """The i-th part along the first axis."""
        rest = self.shape[1:]
        return DeviceArray(self.address + ITEM * range(self.shape[0])[i] * prod(rest), rest)

    def __iter__(self) -> Iterator['DeviceArray']:
        return (self[i] for i in range(self.shape[0]))

    def from_element(self, i: int) -> 'DeviceArray':
        """The array that begins at element i of this one."""
        return DeviceArray(self.address + ITEM * i, self.shape)
