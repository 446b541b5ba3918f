"""Training on several ranks: the gradients of each become the mean over all, layer by layer while
backward still runs."""

from __future__ import annotations

from ..netlib import Net
from ..netlib.blob import Param


class Averaging:
    """The mean over the ranks of a net's gradients, as Caffe takes it over several GPUs.

    Each rank has run forward and backward over a batch of its own. The sum of a parameter's
    gradients begins as soon as the last layer that uses it has run backward; `finish` waits for all
    sums and divides. With `overlap` False (several passes add to one gradient) all sums begin in
    `finish`.
    """

    def __init__(self, net: Net, learnable: list[Param], overlap: bool):
        self.net = net
        self.params = learnable
        self.overlaps = overlap and net.ranks.size > 1
        self.begun: set[Param] = set()
        self.completed_by = _completed_by(net)
        if self.overlaps:
            net.after_backward.append(self._layer_done)

    def _layer_done(self, layer: int) -> None:
        for param in self.completed_by.get(layer, ()):
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


def _completed_by(net: Net) -> dict[int, list[Param]]:
    """For each layer's index, the parameters whose gradient is complete once it has run backward.

    Of the layers that share a parameter that is the first one, since backward runs from the last.
    """
    last_user: dict[Param, int] = {}
    for i in reversed(range(len(net.layers))):
        if net.runs_backward[i]:
            for param in net.layers[i].params:
                last_user[param.owner] = i
    completed: dict[int, list[Param]] = {}
    for param, layer in last_user.items():
        completed.setdefault(layer, []).append(param)
    return completed
