"""Ranks: the processes that work on one net together, each with its own share of the samples."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .errors import import_extra

# How a launcher of MPI programs tells a process that it is one of several.
LAUNCHED = ('PMI_SIZE', 'OMPI_COMM_WORLD_SIZE', 'MPI_LOCALNRANKS')


class Ranks:
    """This process alone: rank 0 of 1. What several would exchange is what it has already."""

    rank, size = 0, 1

    def gather(self, items: list) -> list:
        """The items of all ranks, those of rank 0 first; the same on every rank."""
        return items

    def from_first(self, value: Any) -> Any:
        """The value of rank 0, on every rank."""
        return value

    def start_sum(self, array: np.ndarray) -> None:
        """Begin to replace the array, which nobody may touch meanwhile, by its sum over the ranks."""

    def finish_sums(self) -> None:
        """Wait for every sum that was begun."""

    def wait(self) -> None:
        """Go on when all ranks have come here."""

    def abort(self) -> None:
        """End all ranks now: this one cannot go on."""


class MPIRanks(Ranks):
    """The processes of an MPI communicator (mpi4py's)."""

    def __init__(self, communicator):
        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        self._sums: list[tuple[Any, np.ndarray]] = []

    def gather(self, items: list) -> list:
        return [item for part in self.communicator.allgather(items) for item in part]

    def from_first(self, value: Any) -> Any:
        return self.communicator.bcast(value)

    def start_sum(self, array: np.ndarray) -> None:
        mpi = import_extra('mpi4py.MPI', 'mpi')
        request = self.communicator.Iallreduce(mpi.IN_PLACE, array)
        self._sums.append((request, array))  # the array must live as long as the request
        for begun, _ in self._sums:
            begun.Test()  # MPI moves data only while it is called

    def finish_sums(self) -> None:
        for request, _ in self._sums:
            request.Wait()
        self._sums.clear()

    def wait(self) -> None:
        self.communicator.Barrier()

    def abort(self) -> None:
        self.communicator.Abort(1)


def launched() -> Ranks:
    """All processes that `mpiexec` started together with this one; this one alone where it was
    started without.

    Raises GoodinitError where mpi4py is missing: each process would do all the work, and overwrite
    the others' files.
    """
    if int(next((os.environ[name] for name in LAUNCHED if name in os.environ), 1)) == 1:
        return Ranks()
    return MPIRanks(import_extra('mpi4py.MPI', 'mpi').COMM_WORLD)
