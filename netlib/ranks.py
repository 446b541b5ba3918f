"""Ranks: processes that work together on one net, each with its own share of the samples."""

from __future__ import annotations

import os
from itertools import chain
from typing import Any

import numpy as np

from .errors import import_extra

# Environment variables that an MPI launcher sets for each of several processes.
LAUNCHED = ('PMI_SIZE', 'OMPI_COMM_WORLD_SIZE', 'MPI_LOCALNRANKS')


class Ranks:
    """This process alone: rank 0 of 1. There is nothing to exchange."""

    rank = 0
    size = 1

    def gather(self, items: list) -> list:
        """The items of all ranks, those of rank 0 first; the same on every rank."""
        return items

    def from_first(self, value: Any) -> Any:
        """The value of rank 0, on every rank."""
        return value

    def start_sum(self, array: np.ndarray) -> None:
        """Start replacing the array by its sum over the ranks; nothing may use it until then."""

    def finish_sums(self) -> None:
        """Wait for every sum that has begun."""

    def wait(self) -> None:
        """Continue when all ranks have reached this point."""

    def abort(self) -> None:
        """End all ranks now: this one cannot continue."""


class MPIRanks(Ranks):
    """The processes of an MPI communicator (mpi4py's)."""

    def __init__(self, communicator: Any):
        self.communicator = communicator
        self.rank = communicator.Get_rank()
        self.size = communicator.Get_size()
        self._sums: list[tuple[Any, np.ndarray]] = []

    def gather(self, items: list) -> list:
        parts = self.communicator.allgather(items)
        return list(chain.from_iterable(parts))

    def from_first(self, value: Any) -> Any:
        return self.communicator.bcast(value)

    def start_sum(self, array: np.ndarray) -> None:
        mpi = import_extra('mpi4py.MPI', 'mpi')
        request = self.communicator.Iallreduce(mpi.IN_PLACE, array)
        self._sums.append((request, array))  # the array must outlive the request
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
    """All processes that `mpiexec` started together, or this one alone without `mpiexec`.

    Raises GoodinitError if mpi4py is missing under `mpiexec`: each process would do all the work
    and overwrite the others' files.
    """
    sizes = [os.environ[name] for name in LAUNCHED if name in os.environ]
    if not sizes or int(sizes[0]) == 1:
        return Ranks()
    return MPIRanks(import_extra('mpi4py.MPI', 'mpi').COMM_WORLD)
