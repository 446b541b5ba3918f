"""How a training tells what happens: a line for each event, and a progress bar on a terminal."""

import shutil
import sys
from types import TracebackType

from ...solvers import Clipped, Displayed, Event, NotFinite, Snapshotted, Solver, Tested
from ...solvers.events import Magnitude
from ...solvers.log.caffe_log import output_lines
from ...solvers.log.glog import number

BAR = '{percentage:3.0f}%|{bar}| {n}/{total} [{elapsed}<{remaining}{postfix}]'

WIDE = 80  # columns that have room for everything
STILL = 0.01  # by how much of itself a loss moves that is said to stay


class Progress:
    """A line for each event of a solver on stderr, and if that is a terminal a bar below them: the
    iteration, the loss, the rate, images per second, and the time that is left."""

    def __init__(self, solver: Solver):
        from tqdm import tqdm

        self.solver = solver
        self.first: tuple[int, float] | None = None  # the first iteration displayed, and its loss
        self.told = False
        self.images = solver.net.tops[0][0].shape[0] * solver.param.iter_size
        self.bar = tqdm(
            total=solver.param.max_iter,
            initial=solver.iter,
            leave=False,
            file=sys.stderr,
            bar_format=BAR,
            ncols=shutil.get_terminal_size().columns if sys.stderr.isatty() else None,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> 'Progress':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def advance(self) -> None:
        """An iteration is done."""
        if self.bar.disable:
            return
        speed = (self.bar.format_dict['rate'] or 0) * self.images
        parts = [f'loss {number(self.solver.smoothed_loss)}', f'rate {number(self.solver.lr)}']
        if self.bar.ncols is None or self.bar.ncols >= WIDE:
            parts.append(f'{speed:.0f} images/s')
        self.bar.set_postfix_str(', '.join(parts), refresh=False)
        self.bar.update()

    def tell(self, event: Event) -> None:
        """Print a line for the event, if it is worth one."""
        text = self.text(event)
        if text:
            self.bar.write(f'iteration {self.solver.iter}: {text}', file=sys.stderr)
        if isinstance(event, Displayed):
            self._watch(event.loss)

    def _watch(self, loss: float) -> None:
        """Say it, once, if the loss stays where it began because weights are zero."""
        if self.first is None:
            self.first = (self.solver.iter, loss)
            return
        begin, first = self.first
        names = [layer.name for layer in self.solver.zeros.layers]
        stays = abs(loss - first) <= STILL * abs(first)
        if names and stays and not self.told:
            self.told = True
            self.bar.write(
                f'note: the loss has moved by less than {STILL:.0%} since iteration {begin}: '
                f'the weights of {", ".join(names)} are 0 and never learn',
                file=sys.stderr,
            )

    def text(self, event: Event) -> str:
        """What the line says; '' for no line."""
        match event:
            case Displayed(_, loss, None):
                return f'loss {number(loss)}'
            case Displayed(_, loss, _):
                return f'loss {number(loss)}, rate {number(self.solver.lr)}'
            case Tested():
                return tested(event)
            case Clipped(_, norm):
                return f'gradients clipped from norm {number(norm)}'
            case Snapshotted():
                return f'snapshot {event.state}'
            case NotFinite():
                return f'warning: {event.message}'
            case Magnitude(direction, layer, blob, half, mean):
                return f'{direction.lower()}, {layer}, {blob}, mean absolute {half} {number(mean)}'
        return ''


def tested(event: Tested) -> str:
    """The outputs of a test net: 'test net 0: accuracy = 0.75, loss = 0.85'; that it made no pass
    where it has none."""
    outputs = []
    for line in output_lines(event.outputs):
        _, _, value = line.partition(': ')
        outputs.append(value.partition(' (')[0])
    said = ', '.join(outputs) or 'no pass (test_iter: 0)'
    return f'test net {event.net}: {said}'
