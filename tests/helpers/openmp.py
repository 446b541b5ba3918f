"""How many threads the CPU kernels compute on."""

import ctypes

from goodinit.netlib.engines.fast import native


class threads:
    """OpenMP's number of threads, for a while."""

    def __init__(self, n):
        self.n, self.openmp = n, ctypes.CDLL(str(native.LIBRARY))

    def __enter__(self):
        self.before = self.openmp.omp_get_max_threads()
        self.openmp.omp_set_num_threads(self.n)

    def __exit__(self, *error):
        self.openmp.omp_set_num_threads(self.before)
