"""How a kernel of kernels/*.cu is declared, compiled and launched."""

import functools
import inspect
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MethodType
from typing import Annotated, Any, TypeVar

import numpy as np

from ..functions import Functions
from .array import DeviceArray, check_count
from .chunks import Chunked
from .compilation import compile_source
from .geometry import packed_divisor, packed_terms
from .gpu import Gpu

KERNELS = Path(__file__).parent / 'kernels'
HEADERS = ('common.cuh', 'sums.cuh')  # compiled in front of each family
THREADS = 256  # of a block, as MAX_THREADS in common.cuh
LARGEST = float(np.finfo(np.float32).max)
WIDE = 32  # results of a block, as in reduction.cu
Stub = TypeVar('Stub', bound=Callable[..., None])


# -- the types of arguments: Python's, C's, and the function that makes what the module struct packs


def address(array: DeviceArray) -> int:
    return array.address


def optional_address(array: DeviceArray | None) -> int:
    return 0 if array is None else array.address


def as_it_is(value: Any) -> Any:
    return value


def float32(value: float) -> float:
    """A number that fits into a float32: infinity instead of a larger one."""
    if -LARGEST <= value <= LARGEST:
        return value
    with np.errstate(over='ignore'):
        return float(np.float32(value))


Int = Annotated[int, 'int', as_it_is]
Flag = Annotated[bool, 'int', as_it_is]
Word = Annotated[int, 'unsigned', as_it_is]
Float = Annotated[float, 'float', float32]
Array = Annotated[DeviceArray, 'float*', address]
OptionalArray = Annotated[DeviceArray | None, 'float*', optional_address]
Integers = Annotated[DeviceArray, 'int*', address]
IntegersAt = Annotated[int, 'int*', as_it_is]
ArrayAt = Annotated[int, 'float*', as_it_is]
WordsAt = Annotated[int, 'unsigned*', as_it_is]
Divisor = Annotated[int, 'Divisor', packed_divisor]
Terms = Annotated[Chunked, 'Terms', packed_terms]
Box = Annotated[bytes, 'Box', as_it_is]
Window = Annotated[bytes, 'Window', as_it_is]
Steps = Annotated[bytes, 'Steps', as_it_is]

# The letters of the module struct. A struct is aligned as its largest member.
POINTERS = ('float*', 'int*', 'unsigned*')
LETTERS = {'int': 'i', 'unsigned': 'I', 'float': 'f', **dict.fromkeys(POINTERS, 'P')}
ALIGNED_AS = {**dict.fromkeys(('Divisor', 'Box', 'Window', 'Terms'), 'int'), 'Steps': 'float*'}


# -- declarations


class Kernel:
    """A kernel: its name and the types of its arguments, from the signature of a stub.

    first: the number of arguments of the stub that are not the kernel's own.
    parameters: how many numbers the stub's *parameters stand for.
    """

    def __init__(self, stub: Callable[..., None], name: str, first: int = 0, parameters: int = 0):
        self.name = name
        types = []
        for argument in list(inspect.signature(stub).parameters.values())[1 + first :]:
            several = argument.kind is inspect.Parameter.VAR_POSITIONAL
            types += [argument.annotation.__metadata__] * (parameters if several else 1)
        self.types = [c_type for c_type, _ in types]
        self.converters = [converter for _, converter in types]
        self.layout: struct.Struct | None = None  # of the arguments, known from the first call on

    def launch(self, family: 'Family', blocks: int, threads: int, arguments: Sequence[Any]) -> None:
        if blocks:
            found = function(family.source, self.name)
            packed = self.packed(arguments)
            family.device.launch(found, blocks, threads, packed, f'kernel {self.name}')

    def packed(self, arguments: Sequence[Any]) -> bytes:
        """The arguments as the members of a C struct."""
        pairs = zip(self.converters, arguments, strict=True)
        values = [convert(value) for convert, value in pairs]
        if self.layout is None:
            self.layout = layout(self.types, values)
        return self.layout.pack(*values)


def layout(types: Sequence[str], values: Sequence[Any]) -> struct.Struct:
    """How C lays out arguments of these types, in a buffer that begins where any of them may."""
    letters = ''
    for c_type, value in zip(types, values, strict=True):
        if c_type in ALIGNED_AS:
            letters += f'0{LETTERS[ALIGNED_AS[c_type]]}{len(value)}s'
        else:
            letters += LETTERS[c_type]
    return struct.Struct(letters)


class Family:
    """The kernels of a .cu file, declared as methods without a body."""

    source: str  # the name of the file

    def __init__(self, device: Gpu):
        self.device = device

    def for_each(
        self, prefix: str, suffix: str, stub: Stub, functions: Functions[tuple[str, ...]]
    ) -> Functions[Stub]:
        """A kernel per four elements for each of these functions, given with their parameters."""
        found: Functions[Any] = Functions()
        for name, parameters in functions.items():
            kernel = Kernel(stub, f'{prefix}{name}{suffix}', parameters=len(parameters))
            found[name] = MethodType(launched_per_element(kernel, of_thread=4), self)
        return found


def per_element(stub: Stub) -> Stub:
    """Declares a kernel with one thread for each of n elements, where n is its first argument."""
    return declared(stub, launched_per_element(Kernel(stub, stub.__name__)))


def per_four(stub: Stub) -> Stub:
    """Declares a kernel with one thread for each four of n elements, where n is its first
    argument."""
    return declared(stub, launched_per_element(Kernel(stub, stub.__name__), of_thread=4))


def per_column(stub: Stub) -> Stub:
    """Declares a kernel with one block for each WIDE of n results, where n is its first
    argument."""
    return declared(stub, launched_per_element(Kernel(stub, stub.__name__), of_block=WIDE))


def launched_per_element(
    kernel: Kernel, of_thread: int = 1, of_block: int = 0
) -> Callable[..., None]:
    of_block = of_block or of_thread * THREADS

    def launch(self, n, *arguments):
        check_count(n, 'results')
        kernel.launch(self, -(-n // of_block), THREADS, (n, *arguments))

    vars(launch)['kernel'] = kernel
    return launch


def per_chunk(stub: Stub) -> Stub:
    """Declares a kernel with one block for each chunk of the terms of each result, where its first
    argument says which those are."""
    kernel = Kernel(stub, stub.__name__)

    def launch(self, terms, *arguments):
        check_count(terms.kept * terms.units * terms.width, 'terms')
        kernel.launch(self, terms.blocks, threads_for(terms.length), (terms, *arguments))

    vars(launch)['kernel'] = kernel
    return declared(stub, launch)


def per_block(terms: str) -> Callable[[Stub], Stub]:
    """Declares a kernel with one block for each result, in which each thread takes every n-th of
    the terms. The number of results is an argument before the kernel's own; the argument named
    `terms` is the number of terms."""

    def declare(stub: Stub) -> Stub:
        kernel = Kernel(stub, stub.__name__, first=1)
        place = list(inspect.signature(stub).parameters).index(terms) - 2

        def launch(self, blocks, *arguments):
            kernel.launch(self, blocks, threads_for(arguments[place]), arguments)

        vars(launch)['kernel'] = kernel
        return declared(stub, launch)

    return declare


def threads_for(terms: int) -> int:
    """The smallest power of two that is not below `terms`, but at least a warp and at most
    THREADS."""
    return min(THREADS, 1 << max(terms - 1, 31).bit_length())


def declared(stub: Stub, launch: Any) -> Stub:
    functools.update_wrapper(launch, stub)
    return launch


# -- compilation


@functools.cache
def function(family: str, name: str) -> Any:
    """A kernel of a family, as PyCUDA calls it."""
    return compiled(family).get_function(name)


@functools.cache
def compiled(family: str) -> Any:
    """The compiled module of one .cu file. Raises EngineError without nvcc."""
    return compile_source(family, source_of(family))


def source_of(family: str) -> str:
    """The text of one .cu file, with the headers in front of it."""
    source = ''
    for name in (*HEADERS, f'{family}.cu'):
        path = KERNELS / name
        source += f'#line 1 "{path.as_posix()}"\n{path.read_text()}\n'
    return source
