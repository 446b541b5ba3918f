"""The part of cuBLAS that the engine uses, through ctypes."""

import ctypes
import functools
from ctypes import POINTER, byref, c_float, c_int, c_longlong, c_void_p
from typing import Any

from ...errors import EngineError
from .device import open_device
from .gpu import Gpu, status_text
from .libraries import declare, load_library

INSTALL = 'install the CUDA toolkit, or pip install nvidia-cublas'
FLOAT32_MATH, TF32_MATH = 0, 3  # CUBLAS_DEFAULT_MATH and CUBLAS_TF32_TENSOR_OP_MATH

# The arguments of the functions, as cublas_v2.h declares them. After the handle, a product takes
# two operations, three extents, alpha, the matrices a and b, beta and the matrix c.
SCALAR = POINTER(c_float)
MATRIX = (c_void_p, c_int)  # its address, and its leading dimension
MATRICES = (*MATRIX, c_longlong)  # and the distance between matrices
PRODUCT = (c_void_p, c_int, c_int, c_int, c_int, c_int, SCALAR)
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    'cublasCreate_v2': (POINTER(c_void_p),),
    'cublasSetStream_v2': (c_void_p, c_void_p),
    'cublasSetMathMode': (c_void_p, c_int),
    'cublasGetVersion_v2': (c_void_p, POINTER(c_int)),
    'cublasSgemm_v2': (*PRODUCT, *MATRIX, *MATRIX, SCALAR, *MATRIX),
    'cublasSgemmStridedBatched': (*PRODUCT, *MATRICES, *MATRICES, SCALAR, *MATRICES, c_int),
}
# cublasStatus_t; older versions of cuBLAS cannot say these words themselves.
STATUSES = {
    1: 'CUBLAS_STATUS_NOT_INITIALIZED',
    3: 'CUBLAS_STATUS_ALLOC_FAILED',
    7: 'CUBLAS_STATUS_INVALID_VALUE',
    8: 'CUBLAS_STATUS_ARCH_MISMATCH',
    11: 'CUBLAS_STATUS_MAPPING_ERROR',
    13: 'CUBLAS_STATUS_EXECUTION_FAILED',
    14: 'CUBLAS_STATUS_INTERNAL_ERROR',
    15: 'CUBLAS_STATUS_NOT_SUPPORTED',
    16: 'CUBLAS_STATUS_LICENSE_ERROR',
}


class Cublas:
    """A cuBLAS handle that computes in the stream of a device, for matrices in row order; `tf32`
    rounds factors to 10 bits after the point."""

    def __init__(self, device: Gpu, tf32: bool = False):
        self.device = device
        self.library = load_cublas()
        self.handle = c_void_p()
        self.library.cublasCreate_v2(byref(self.handle))
        self.library.cublasSetStream_v2(self.handle, device.stream.handle)
        self.library.cublasSetMathMode(self.handle, TF32_MATH if tf32 else FLOAT32_MATH)

    def gemm(
        self,
        a: int,
        b: int,
        out: int,
        m: int,
        n: int,
        k: int,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
        accumulate: bool = False,
        count: int = 1,
        shared_a: bool = False,
    ) -> None:
        """out (m, n) (+)= a (m, k) b (k, n), given by their addresses; `count` such products of
        consecutive matrices, or all of them with the same a.

        transpose_a: a is (k, m), transpose_b: b is (n, k). cuBLAS orders matrices by columns: it
        sees (m, n) in row order as (n, m), and so computes out' = b' a'.
        """
        if m * n * count == 0:
            return
        lda = max(1, m if transpose_a else k)
        ldb = max(1, k if transpose_b else n)
        head = (self.handle, int(transpose_b), int(transpose_a), n, m, k, byref(c_float(1)))
        beta = byref(c_float(accumulate))
        if count == 1:
            product = self.library.cublasSgemm_v2
            self.device.call('cuBLAS', product, *head, b, ldb, a, lda, beta, out, n)
        else:
            step_a = 0 if shared_a else m * k
            matrices = (b, ldb, k * n, a, lda, step_a, beta, out, n, m * n)
            product = self.library.cublasSgemmStridedBatched
            self.device.call('cuBLAS', product, *head, *matrices, count)

    def version(self) -> str:
        """'13.1.0', of the number 130100."""
        number = c_int()
        self.library.cublasGetVersion_v2(self.handle, byref(number))
        major, rest = divmod(number.value, 10000)
        return f'{major}.{rest // 100}.{rest % 100}'


def load_cublas() -> ctypes.CDLL:
    """The library, with FUNCTIONS as attributes. Raises NotInstalled, or EngineError if it does not
    load."""
    missing = f"engine 'cuda' needs cuBLAS, which was not found: {INSTALL}"
    library = load_library('cublas', 'cuBLAS', missing, f'Install it again: {INSTALL}')
    declare(library, FUNCTIONS, check_status)
    return library


def check_status(status: int) -> None:
    """Raises EngineError if `status` says that a cuBLAS function failed."""
    if status:
        text = status_text(status, STATUSES.get(status, 'unknown'))
        raise EngineError(f'cuBLAS failed with {text}')


@functools.cache
def open_cublas(tf32: bool) -> Cublas:
    """The handle that all engines share."""
    return Cublas(open_device(), tf32)
