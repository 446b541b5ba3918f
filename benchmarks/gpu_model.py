"""What a training step may take on a card at best, from what it asks of the card: gpu.py --model.

The emulated device counts the calls, and this machine times the host that makes them; NVIDIA's
driver takes 1 to 2 us a call more. The bytes that an op moves are at least those of its tensors,
each read or written once. Products (of matrices, and convolutions) take as long as their operations
or their bytes, whichever is longer; all other ops as long as their bytes.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from goodinit.benchmarks.subjects import operations
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.cuda.block import DeferredBlock
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.memory import Tensor

ITEM = 4  # bytes of a number
PASSES = 3  # of a step that compute as many products as a forward pass does
STEPS = 30  # of which the fastest is taken


class Card(NamedTuple):
    """Products in TFLOP/s, in both precisions; memory in TB/s."""

    fp32: float
    tf32: float
    memory: float


CARDS = {'H200': Card(51, 386, 4.3)}  # as first_card.sh has measured it
DEFAULT = 'H200'


class Asked(NamedTuple):
    """What a step asks: calls, bytes of products and of other ops, operations of products; and the
    seconds of the host that makes the calls."""

    calls: int
    product_bytes: float
    other_bytes: float
    operations: float
    host: float


class Expected(NamedTuple):
    """The milliseconds of a step on the card, and what it spends most of them on; 'host' where the
    host takes longer than the card."""

    card: float
    bound: str


class Traffic(Cuda):
    """Counts the bytes of its ops, by their names."""

    can_record = False
    moved: Counter[str] = Counter()

    @contextmanager
    def blockwise(self) -> Iterator[DeferredBlock]:
        with super().blockwise() as block:
            yield block
            self.moved['blockwise'] += block_bytes(block)


def counting(name: str) -> Callable[..., None]:
    """An op that counts its tensors, then computes."""
    compute = getattr(Cuda, name)

    def call(self: Traffic, *inputs: Any, **outputs: Any) -> None:
        for operand in (*inputs, *outputs.values()):
            if isinstance(operand, Tensor):
                self.moved[name] += ITEM * operand.size
        compute(self, *inputs, **outputs)

    return call


for op in OPS:
    setattr(Traffic, op, counting(op))


def block_bytes(block: DeferredBlock) -> int:
    """Of tensors that several steps use, once for reading and once for writing."""
    read: dict[int, int] = {}
    written: dict[int, int] = {}
    for _, size, a, b, out, _ in block.steps:
        read |= {address: size for address in (a, b) if address}
        written[out] = size
    return ITEM * (sum(read.values()) + sum(written.values()))


def show_model(nets: dict[str, int], name: str) -> None:
    """Print the expected times of nets, given with their batches, on a card."""
    card = card_of(name)
    print(f'{name}: {card.fp32:g} TFLOP/s in fp32, {card.tf32:g} in tf32, {card.memory:g} TB/s')
    print('net           batch  calls      GB  fp32 ms  tf32 ms  host ms  bound by')
    for net, batch in nets.items():
        asked = ask(net, batch)
        fp32 = expected(asked, card.fp32, card)
        tf32 = expected(asked, card.tf32, card)
        moved = 1e-9 * (asked.product_bytes + asked.other_bytes)
        counts = f'{net:12} {batch:6} {asked.calls:6} {moved:7.2f}'
        times = f'{fp32.card:8.2f} {tf32.card:8.2f} {1e3 * asked.host:8.2f}'
        print(f'{counts} {times}  {fp32.bound}, {tf32.bound}', flush=True)


def card_of(name: str) -> Card:
    """The card of this name, or of these three numbers, as 51,386,4.3. Raises
    argparse.ArgumentTypeError."""
    if name in CARDS:
        return CARDS[name]
    try:
        fp32, tf32, memory = map(float, name.split(','))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"no card '{name}': use {', '.join(CARDS)}, or the TFLOP/s in fp32 and in tf32 and the "
            'TB/s, as 51,386,4.3'
        ) from error
    return Card(fp32, tf32, memory)


def expected(asked: Asked, tflops: float, card: Card) -> Expected:
    """The times at these TFLOP/s."""
    by_operations = 1e-9 * asked.operations / tflops
    by_bytes = 1e-9 * asked.product_bytes / card.memory
    products = max(by_operations, by_bytes)
    others = 1e-9 * asked.other_bytes / card.memory
    bound = 'products' if products > others else 'memory'
    if 1e3 * asked.host > products + others:
        bound = 'host'
    return Expected(products + others, bound)


def ask(net: str, batch: int) -> Asked:
    """Count a step. Bytes grow with the batch, everything else stays: so two small batches, for
    which the emulated device has room, tell of a large one."""
    from device_counts import counted, emptied

    with emptied():
        one, two = (bytes_of_step(net, images) for images in (1, 2))
        step = step_of(net, 2, Cuda())
        counted()
        step()
        calls = sum(count for name, count in counted().items() if is_call(name))
        host = min(seconds(step) for _ in range(STEPS))
    product, other = [a + (batch - 1) * (b - a) for a, b in zip(one, two, strict=True)]
    return Asked(calls, product, other, PASSES * operations(net, batch), host)


def is_call(name: str) -> bool:
    """Whether a count is one of what the card is asked to do; a graph launches calls that are
    counted by themselves."""
    return not name.endswith('bytes') and name != 'graph launch'


def bytes_of_step(net: str, batch: int) -> tuple[int, int]:
    """Of products, and of other ops."""
    step = step_of(net, batch, Traffic())
    Traffic.moved.clear()
    step()
    products = sum(count for name, count in Traffic.moved.items() if is_product(name))
    return products, Traffic.moved.total() - products


def is_product(op: str) -> bool:
    return op == 'gemm' or op.startswith('conv_')


def step_of(net: str, batch: int, engine: Cuda) -> Callable[[], None]:
    """A step on inputs that are on the card."""
    from device_counts import training

    engine.device.pool.release()
    solver, _ = training(net, batch, engine)
    return lambda: solver.step(1)


def seconds(run: Callable[[], None]) -> float:
    """Of the processor."""
    begin = time.process_time()
    run()
    return time.process_time() - begin
