"""The state that a solver keeps between iterations; snapshots write and read it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..netlib.blob import Blob
from ..netlib.memory import Tensor


@dataclass
class TrainingState:
    """The state that the next iteration depends on, besides the nets and their data.

    `history`: the blobs of the update rule, in the order of a .solverstate. `losses`: those of the
    last `average_loss` iterations, the newest last. `iter` counts the updates, and `current_step`
    counts the steps of lr_policy multistep. `resumed`: the state was read from a snapshot, and
    no iteration has run since; its losses then belong to the iterations to come.
    """

    history: list[Blob]
    losses: deque[float | Tensor]
    iter: int = 0
    current_step: int = 0
    resumed: bool = False

    @property
    def smoothed_loss(self) -> float:
        """The mean of `losses`, or 0 if there are none."""
        return sum(map(float, self.losses)) / max(len(self.losses), 1)

    def begin_run(self) -> None:
        """Restart the mean loss, unless a snapshot has just been read."""
        if not self.resumed:
            self.losses.clear()
        self.resumed = False
