"""Training on several ranks: their gradients become the mean of all, layer by layer while backward
still runs."""

from __future__ import annotations

from ..netlib import Net
from ..netlib.blob import Param


class Averaging:
    """The mean over the ranks of a net's gradients, as Caffe takes it over several GPUs.

    Each rank has gone forward and backward over a batch of its own. The sum of a parameter's
    gradients begins as soon as the last layer that uses it has run backward; `finish` waits for all
    and divides. With `overlap` False (several passes add to one gradient) all sums begin in
    `finish`.
    """

    def __init__(self, net: Net, learnable: list[Param], overlap: bool):
        self.net, self.params = net, learnable
        self.overlaps = overlap and net.ranks.size > 1
        self.begun: set[Param] = set()
        users = {}  # owner -> the layer that is the last to add to its gradient
        for i in reversed(range(len(net.layers))):
            users.update({param.owner: i for param in net.layers[i].params if net.runs_backward[i]})
        self.complete: dict[int, list[Param]] = {}
        for param, layer in users.items():
            self.complete.setdefault(layer, []).append(param)
        if self.overlaps:
            net.after_backward.append(self._layer_done)

    def _layer_done(self, layer: int) -> None:
        for param in self.complete.get(layer, ()):
            self.begun.add(param)
            self.net.ranks.start_sum(param.diff)

    def finish(self) -> None:
        """Replace the gradients by their means."""
        ranks = self.net.ranks
        if ranks.size == 1:
            return
        for param in self.params:
            if param not in self.begun:
                ranks.start_sum(param.diff)
        ranks.finish_sums()
        self.begun.clear()
        for param in self.params:
            self.net.engine.axpby(1 / ranks.size, param.diffs, 0, out=param.diffs)
