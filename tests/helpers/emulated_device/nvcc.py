"""Stands in for nvcc: `nvcc --cubin [OPTION...] FILE.cu` compiles FILE.cu for the emulated device.

g++ preprocesses the file first, so that kernels written by macros are found, too. Of the options
only -D and -I mean anything here; -DCOUNTED has a kernel's loads and stores counted.
"""

import re
import subprocess
import sys
from pathlib import Path

DEVICE = Path(__file__).with_name('device.hpp')
GXX = ('g++', '-std=c++20', '-x', 'c++')
# A call in front of each access to memory (accesses.cpp), which no library of g++ is to receive.
COUNTED = ('-fsanitize=thread', '--param=tsan-instrument-func-entry-exit=0')

KERNEL = re.compile(r'__global__\s+(?:void\s+)?(\w+)\s*\(')
DYNAMIC_SHARED = re.compile(r'extern\s+__shared__\s+([\w\s]+?)\s*\b(\w+)\s*\[\s*\]\s*;')
SHARED_SECTION = 'static __attribute__((section("shared_memory")))'


def translate(code: str) -> str:
    """Return the C++ of preprocessed CUDA C: plain functions and an entry for each kernel."""
    kernels = KERNEL.findall(code)
    code = DYNAMIC_SHARED.sub(
        r'\1* \2 = reinterpret_cast<\1*>(cuda_emulator::dynamic_shared);', code
    )
    code = code.replace('__global__', '').replace('__shared__', SHARED_SECTION)
    entries = (
        f'extern "C" {{ cuda_emulator::Kernel {name}_kernel = '
        f'cuda_emulator::entry<{name}>("{name}", {name}); }}\n'
        for name in kernels
    )
    return code + ''.join(entries)


def compile_kernels(source: Path, options: list[str]) -> None:
    """Write the shared object that holds the kernels of `source` beside it, as a .cubin file."""
    preprocess = [*GXX, '-E', '-include', str(DEVICE), *options, str(source)]
    code = subprocess.run(preprocess, stdout=subprocess.PIPE, text=True, check=True).stdout
    counted = COUNTED if '-DCOUNTED' in options else ()
    compiled = str(source.with_suffix('.o'))
    build = [*GXX, '-O2', '-w', '-fPIC', *counted, '-c', '-', '-o', compiled]
    subprocess.run(build, input=translate(code), text=True, check=True)
    link = ['g++', '-shared', compiled, '-o', str(source.with_suffix('.cubin'))]
    subprocess.run(link, check=True)


def main(arguments: list[str]) -> None:
    if '--version' in arguments:
        sys.stdout.write('nvcc of the emulated CUDA device\n')
        return
    try:
        options = [option for option in arguments if option[:2] in ('-D', '-I')]
        compile_kernels(Path(arguments[-1]), options)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == '__main__':
    main(sys.argv[1:])
