"""Training on several ranks: gradients are averaged over all ranks, layer by layer, while backward
is still running."""

from __future__ import annotations

from ..netlib import Net
from ..netlib.blob import Param


class Averaging:
    """The mean of a net's gradients over the ranks, as in Caffe over several GPUs.

    Each rank runs forward and backward over its own batch. The sum of a parameter's gradients
    starts as soon as the last layer that uses it has run backward; `finish` waits for all sums and
    divides. If `overlap` is False (several passes add to one gradient), all sums start in `finish`.
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

    If layers share a parameter, that is the first of them, since backward starts at the last layer.
    A layer below may compute the gradients of the ones above it.
    """
    last_user: dict[Param, int] = {}
    for i in reversed(range(len(net.layers))):
        if net.runs_backward[i]:
            runs = net.plan.backed_by.get(i, i)
            for param in net.layers[i].params:
                last_user[param.owner] = min(runs, last_user.get(param.owner, runs))
    completed: dict[int, list[Param]] = {}
    for param, layer in last_user.items():
        completed.setdefault(layer, []).append(param)
    return completed
