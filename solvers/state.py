"""What a solver remembers from one iteration to the next; a snapshot writes it and reads it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..netlib.blob import Blob
from ..netlib.memory import Tensor


@dataclass
class TrainingState:
    """What the next iteration depends on besides the nets and their data.

    `history`: the blobs of the update rule, in the order of a .solverstate. `losses`: those of the
    last `average_loss` iterations, the newest last. `iter` counts the updates done, `current_step`
    the steps that lr_policy multistep has taken. `resumed`: the state was read from a snapshot, and
    no iteration has run since; its losses then belong to the iterations to come.
    """

    history: list[Blob]
    losses: deque[float | Tensor]
    iter: int = 0
    current_step: int = 0
    resumed: bool = False

    @property
    def smoothed_loss(self) -> float:
        """The mean of `losses`, 0 without any."""
        return sum(map(float, self.losses)) / max(len(self.losses), 1)

    def begin_run(self) -> None:
        """Start the mean loss anew, except where a snapshot has just been read."""
        if not self.resumed:
            self.losses.clear()
        self.resumed = False
