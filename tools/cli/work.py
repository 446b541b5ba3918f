"""How much work an initialization is, so that its progress bar knows the time that is left.

The unit is a multiply-add of a layer that runs forward. The other things that take time are counted
in this unit by how long they take beside it. The factors were measured on CaffeNet and GoogLeNet;
the time that is left comes out right within about a factor of two.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...feeding.fed_net import FedNet
from ...feeding.feed import samples_in
from ...initializers import Recipe
from ...initializers.kinds import of_kind
from ...initializers.recipe import choose, runs_data
from ...netlib import Net
from ...netlib.layers.shared.affine import Affine
from .macs import macs

ELEMENT = 30  # an output of any layer, which is written to memory and read again
BACKWARD = 2  # a multiply-add of a layer that runs backward, for its data and its weights
SQUARES = 1.5  # the same while gradients are squared image by image
FACTORING = 2  # m^2 n, for the orthonormal matrix (m, n)
SAMPLING = 2  # a multiply-add on samples
KMEANS = 4.4  # iterations over all samples
EIGENVECTORS = 10  # d^3, for the principal axes of d dimensions
EVENING = 2  # how often a net is measured while its rates are evened
WEIGHT = 1000  # a weight whose size, and whose gradient, is measured
BAR = '{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}'
NAME = 20  # characters of a layer's name


def forward_work(net: Net, i: int) -> float:
    """The work of layer i on a batch of the size that its blobs have."""
    bottom, top = net.bottoms[i], net.tops[i]
    return macs(net.layers[i], bottom, top) + ELEMENT * sum(blob.count for blob in top)


def weights_work(layer: Affine, positions: int, recipe: Recipe) -> float:
    """The work of finding the weights of a layer that is applied at so many positions of all
    images."""
    if layer.weight.count == 0:
        return 0
    outputs = layer.num_output // layer.groups
    fan_in = layer.weight.count // layer.num_output
    if recipe.weights_from == 'orthonormal':
        short, long = sorted((outputs, fan_in))
        return layer.groups * FACTORING * short**2 * long
    patches = len(layer.weight.shape) > 2
    if recipe.weights_from in of_kind('samples') and (patches or recipe.all_layers):
        rows = min(positions, recipe.memory // (4 * fan_in))
        found = rows * fan_in * (2 * fan_in + KMEANS * outputs)
        return layer.groups * SAMPLING * (found + EIGENVECTORS * fan_in**3)
    return 0


class Work:
    """The work of the recipes on a net, and how much of it is done, on a progress bar. Nothing is
    shown unless stderr is a terminal.

    measured: the samples that it is measured on, before and after.
    """

    def __init__(self, fed: FedNet, recipes: Sequence[Recipe], measured: int, quiet: bool):
        from tqdm import tqdm

        self.net = fed.net
        samples = samples_in(fed.data.batches, fed.data.axis)
        name = next(iter(fed.data.batches[0]))
        self.now = fed.net.blobs[name].shape[fed.data.axis]  # samples in the blobs
        self.weights = self._of_weights(recipes, samples)
        learned = [layer.weight for layer in fed.net.layers if isinstance(layer, Affine)]
        self.of_weights = WEIGHT * sum(weight.count for weight in learned)  # in each measurement
        self.expected = 0.0  # of the layer that is worked on, as far as it is not on the bar yet
        self.moving = threading.Lock()
        passes = self._of_passes(recipes, samples, measured)
        self.bar = tqdm(
            total=passes + sum(self.weights.values()),
            leave=False,
            file=sys.stderr,
            bar_format=BAR,
            smoothing=0,
            dynamic_ncols=True,
            disable=quiet or not sys.stderr.isatty(),
        )

    def _of_weights(self, recipes: Sequence[Recipe], samples: int) -> dict[str, float]:
        """The work of finding each layer's weights, by its name."""
        found: dict[str, float] = {}
        for recipe in recipes:
            chosen, _ = choose(self.net, recipe)
            for layer in chosen:
                top = self.net.tops[self.net.index(layer.name)]
                positions = sum(blob.count for blob in top) // (layer.num_output * self.now)
                work = weights_work(layer, samples * positions, recipe)
                found[layer.name] = found.get(layer.name, 0) + work
        return found

    def _of_passes(self, recipes: Sequence[Recipe], samples: int, measured: int) -> float:
        """The work of all passes through the net."""
        forward = sum(forward_work(self.net, i) for i in range(len(self.net.layers))) / self.now
        passes = forward * (1 + BACKWARD * SQUARES)
        work = 2 * (measured * passes + self.of_weights) if measured else 0.0
        for recipe in recipes:
            if runs_data(recipe):
                work += samples * forward
            if recipe.between != 'none':
                work += EVENING * (samples * passes + self.of_weights)
        return work

    @contextmanager
    def shown(self) -> Iterator['Work']:
        """A context in which the bar is there, and moves with each layer that the net runs."""
        hear = [(self.net.after_forward, self.ran), (self.net.after_backward, self.ran_backward)]
        for callbacks, callback in hear:
            callbacks.append(callback)
        try:
            with self._ticking(), self.bar:
                yield self
        finally:
            for callbacks, callback in hear:
                callbacks.remove(callback)

    def begin(self, what: str) -> None:
        """Say what is worked on: a layer, or something else."""
        self.expected = self.weights.get(what, 0)
        self.bar.set_description(what[:NAME], refresh=False)

    def ran(self, i: int) -> None:
        self._add(forward_work(self.net, i))

    def ran_backward(self, i: int) -> None:
        layer = self.net.layers[i]
        weights = layer.weight.count if isinstance(layer, Affine) else 0
        self._add(BACKWARD * SQUARES * forward_work(self.net, i) + WEIGHT * weights)

    def initialized(self, name: str) -> None:
        """A layer has its weights; the next one is worked on."""
        self._add(self.expected)
        after = self.net.index(name) + 1
        if after < len(self.net.layers):
            self.begin(self.net.layers[after].name)

    def _add(self, work: float) -> None:
        """Move the bar; it waits at its end if there is more work than was foreseen."""
        with self.moving:
            self.bar.update(min(work, self.bar.total - self.bar.n))

    def creep(self, seconds: float) -> None:
        """Move the bar into the work of a long layer, at the speed so far."""
        passed = self.bar.format_dict['elapsed']
        step = min(self.expected, self.bar.n / max(passed, seconds) * seconds)
        self.expected -= step
        self._add(step)
        self.bar.refresh()

    @contextmanager
    def _ticking(self, seconds: float = 1) -> Iterator[None]:
        """A context in which the bar creeps while nothing else moves it."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(seconds):
                self.creep(seconds)

        thread = threading.Thread(target=tick, daemon=True)
        if not self.bar.disable:
            thread.start()
        try:
            yield
        finally:
            done.set()
            if thread.is_alive():
                thread.join()
