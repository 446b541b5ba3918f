"""Builds the emulated device: the libraries that g++ makes of the sources here, and an `nvcc`."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
DRIVER = (
    'libcuda.cpp',
    'accesses.cpp',
    'counts.cpp',
    'graphs.cpp',
    'libcuda_memory.cpp',
    'libcuda_kernels.cpp',
    'launch.cpp',
    'memory.cpp',
    'streams.cpp',
)
CUDNN = 'libcudnn.cpp', 'libcudnn_descriptors.cpp'
# In the order of loading. cuda.pathfinder wants to have cublasLt when it looks for cuBLAS.
LIBRARIES = 'libcuda.so.1', 'libcublasLt.so.13', 'libcublas.so.13', 'libcudnn.so.9'


def toolkit() -> Path:
    """Return the folder of the CUDA toolkit: $CUDA_ROOT, /usr/local/cuda, or the one from pip.

    Raises FileNotFoundError if none of them has cuda.h.
    """
    folders = (
        os.environ.get('CUDA_ROOT', '/usr/local/cuda'),
        sysconfig.get_path('purelib') + '/nvidia/cu13',
    )
    for folder in map(Path, folders):
        if (folder / 'include/cuda.h').exists():
            return folder
    raise FileNotFoundError(
        f'no include/cuda.h in {" or ".join(folders)}: '
        'pip install nvidia-cuda-runtime nvidia-cuda-profiler-api'
    )


def sources() -> Iterator[Path]:
    """Yield the files that the built device depends on."""
    yield from sorted(path for path in HERE.iterdir() if path.suffix in ('.cpp', '.hpp', '.py'))


def build(folder: Path) -> None:
    """Build the device in an empty folder: libraries in lib/, the stand-in nvcc in bin/."""
    library = folder / 'lib'
    nvcc = folder / 'bin/nvcc'
    rest = folder / 'unsupported.cpp'
    library.mkdir()
    nvcc.parent.mkdir()
    rest.write_text(unsupported())
    link(library / 'libcuda.so.1', *DRIVER, str(rest))
    link(library / 'libcublasLt.so.13', '-x', 'c++', '/dev/null')
    link(library / 'libcublas.so.13', 'libcublas.cpp', str(library / 'libcuda.so.1'))
    link(library / 'libcudnn.so.9', *CUDNN, str(library / 'libcuda.so.1'))
    nvcc.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HERE / "nvcc.py"}" "$@"\n')
    nvcc.chmod(0o755)


def unsupported() -> str:
    """Return C++ that defines each function of the driver that the sources here do not define."""
    headers = '#include <cuda.h>\n#include <cudaProfiler.h>\n'
    declarations = gxx('-E', '-x', 'c++', '-', text=headers)
    names = sorted(set(re.findall(r'\b(cu[A-Z]\w*)\s*\(', declarations)))
    return ''.join(
        f'extern "C" __attribute__((weak)) int {name}() {{ return 801; }}\n' for name in names
    )


def link(library: Path, *inputs: str) -> None:
    # _FORTIFY_SOURCE, a default of some g++, forbids jumps from one fiber's stack to another's.
    gxx(
        '-std=c++20',
        '-O2',
        '-ftree-vectorize',
        '-U_FORTIFY_SOURCE',
        '-shared',
        '-fPIC',
        f'-Wl,-soname,{library.name}',
        *inputs,
        '-o',
        str(library),
    )


def gxx(*arguments: str, text: str = '') -> str:
    command = ('g++', f'-I{toolkit() / "include"}', *arguments)
    try:
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=HERE
        ).stdout
    except FileNotFoundError:
        raise FileNotFoundError('the emulated CUDA device needs g++: apt-get install g++') from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f'{" ".join(command)}:\n{error.stderr}') from None


if __name__ == '__main__':
    build(Path(sys.argv[1]))
