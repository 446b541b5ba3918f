"""What Python declares of the kernels is what their sources define, in C++ and in CUDA: none is
forgotten, and their arguments have the same types in the same order."""

import re
import shutil
import subprocess

import pytest
from goodinit.netlib.engines.cuda import declarations as cuda
from goodinit.netlib.engines.cuda.launch import HEADERS, KERNELS
from goodinit.netlib.engines.fast import declarations as fast
from goodinit.netlib.engines.fast import native
from goodinit.netlib.errors import EngineError

ISA = 'baseline'
FAST_SOURCES = sorted((native.LIBRARY.parent / 'kernels').glob(f'*_{ISA}.cpp'))
FAMILIES = sorted(path.stem for path in KERNELS.glob('*.cu'))

# The types of C for those of fast/native.py.
C_TYPES = {
    native.Long: 'long',
    native.Flag: 'long',
    native.Word: 'uint32_t',
    native.Float: 'float',
    native.Array: 'float*',
    native.OptionalArray: 'float*',
    native.Parameters: 'float*',
    native.Integers: 'long*',
    native.Doubles: 'double*',
    native.Steps: 'Step*',
}
NUMBERS = ('long*', 'float*', 'double*')  # every other pointer is to a struct


def preprocessed(source, *options):
    """The text of a source with its macros expanded."""
    compiler = shutil.which('g++')
    if compiler is None:
        pytest.skip('needs g++')
    command = [compiler, '-E', '-P', '-std=c++17', '-fopenmp', *options, '-x', 'c++', source]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def parameter_types(parameters):
    """The types of C's parameters, without const and namespaces: 'float*', 'long'."""
    found = []
    for parameter in filter(None, parameters.split(',')):
        words = re.sub(r'\bconst\b|\b__grid_constant__\b|\w+::', '', parameter)
        kind, pointer, _ = re.fullmatch(r'\s*(\w+)\s*(\*?)\s*(\w+)\s*', words).groups()
        found.append(kind + pointer)
    return found


# -- fast


def defined_in_cpp():
    """{name: (type of the result, types of the parameters)} of the functions for one instruction
    set."""
    text = ''.join(map(preprocessed, FAST_SOURCES))
    pattern = rf'extern "C" (\w+) {ISA}_(\w+)\(([^)]*)\)'
    found = re.findall(pattern, text)
    assert len(found) == len({name for _, name, _ in found})
    return {name: (result, parameter_types(parameters)) for result, name, parameters in found}


def declared_for_cpp():
    """{name: stub} of the kernels that Kernels declares."""
    found = {}
    members = {name: value for each in fast.Kernels.__mro__ for name, value in vars(each).items()}
    for member in members.values():
        if isinstance(member, native.Declared):
            found[member.name] = member
        elif isinstance(member, native.DeclaredTable):
            found |= {kernel.name: kernel for kernel in member.kernels.values()}
    return found


def fits(argument, c_type):
    """Whether what ctypes makes of an argument is what C expects."""
    if argument is native.c_type(native.Struct):
        return c_type.endswith('*') and c_type not in NUMBERS
    known = {native.c_type(annotation): name for annotation, name in C_TYPES.items()}
    return known[argument] == c_type


def test_every_cpp_kernel_is_declared():
    assert declared_for_cpp().keys() == defined_in_cpp().keys()


def test_declarations_have_the_types_of_cpp():
    defined = defined_in_cpp()
    for name, declared in declared_for_cpp().items():
        result, types = defined[name]
        assert (declared.result is None) == (result == 'void'), name
        assert len(declared.arguments) == len(types), name
        pairs = zip(declared.arguments, types, strict=True)
        assert [c_type for argument, c_type in pairs if not fits(argument, c_type)] == [], name


def test_a_library_that_lacks_a_kernel_says_so():
    if not native.LIBRARY.exists():
        pytest.skip('goodinit was installed without a C++ compiler')

    def stub(n: native.Long) -> None: ...

    kernel = native.Declared(stub, 'new_kernel')
    with pytest.raises(
        EngineError,
        match="the compiled kernels lack 'new_kernel' because they are older than goodinit",
    ):
        kernel.function(ISA)


# -- CUDA


def defined_in_cuda(family):
    headers = ['-D__launch_bounds__(...)=']
    for name in HEADERS:
        headers += ['-include', str(KERNELS / name)]
    text = preprocessed(KERNELS / f'{family}.cu', *headers)
    found = re.findall(r'__global__ void +(\w+)\(([^)]*)\)', text)
    return {name: parameter_types(parameters) for name, parameters in found}


def declared_for_cuda(family):
    """{name: kernel} of a family's declarations."""
    kernels = vars(cuda.Kernels(device=None))
    members = []
    for name in dir(type(kernels[family])):
        member = getattr(kernels[family], name)
        members += member.values() if isinstance(member, dict) else [member]
    found = [member.kernel for member in members if hasattr(member, 'kernel')]
    return {kernel.name: kernel for kernel in found}


def test_every_cuda_source_is_a_family():
    kernels = vars(cuda.Kernels(device=None))
    assert {name: family.source for name, family in kernels.items()} == dict(
        zip(FAMILIES, FAMILIES, strict=True)
    )


@pytest.mark.parametrize('family', FAMILIES)
def test_every_cuda_kernel_is_declared_with_its_types(family):
    declared = declared_for_cuda(family)
    assert {name: kernel.types for name, kernel in declared.items()} == defined_in_cuda(family)
