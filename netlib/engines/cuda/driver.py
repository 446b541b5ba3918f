"""The CUDA driver by way of PyCUDA, which is imported when it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, import_extra


def driver() -> Any:
    """The module pycuda.driver, initialized. Raises EngineError if there is no usable GPU."""
    import_extra('pycuda', 'cuda')
    with no_gpu_said():
        import pycuda.driver

        pycuda.driver.init()
    return pycuda.driver


@contextmanager
def no_gpu_said() -> Iterator[None]:
    """Turns what PyCUDA raises without a GPU into an EngineError."""
    try:
        yield
    # PyCUDA defines its errors in pycuda.driver, and importing that module may fail.
    except Exception as error:
        raise EngineError(
            f"engine 'cuda' found no GPU ({str(error).strip()}): it needs an NVIDIA GPU and its "
            "driver; the engines 'fast' and 'reference' need no GPU"
        ) from error
