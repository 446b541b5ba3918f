"""NVIDIA's compiler on the kernels: no warnings, and no local memory."""

import functools
import os
import re
import shutil
import subprocess
import sysconfig

import pytest
from goodinit.netlib.engines.cuda import launch

CARDS = (75, 80, 90)  # compute capabilities: T4, A100, H100
FAMILIES = sorted(path.stem for path in launch.KERNELS.glob('*.cu'))


@functools.cache
def real_nvcc():
    """The path of NVIDIA's nvcc, not that of the emulated device; None without one."""
    of_pip = f'{sysconfig.get_path("purelib")}/nvidia/cu13/bin'
    for folder in [*os.environ['PATH'].split(os.pathsep), '/usr/local/cuda/bin', of_pip]:
        nvcc = shutil.which('nvcc', path=folder)
        if nvcc and 'NVIDIA' in output(nvcc, '--version'):
            return nvcc
    return None


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


@functools.cache
def compiled(family, folder):
    """What nvcc says to a family of kernels, in the form in which PyCUDA compiles it."""
    source = folder / f'{family}.cu'
    source.write_text(f'extern "C" {{\n{launch.source_of(family)}\n}}\n', encoding='utf-8')
    targets = [f'-gencode=arch=compute_{n},code=sm_{n}' for n in CARDS]
    command = [real_nvcc(), '-Werror', 'all-warnings', '-Xptxas', '-v', *targets, '--fatbin']
    return subprocess.run([*command, source, '-o', folder / family], capture_output=True, text=True)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    if real_nvcc() is None:
        pytest.skip("needs NVIDIA's nvcc")
    return tmp_path_factory.mktemp('kernels')


@pytest.mark.parametrize('family', FAMILIES)
def test_kernels_compile_without_a_warning(family, folder):
    done = compiled(family, folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize('family', FAMILIES)
def test_kernels_keep_everything_in_registers(family, folder):
    """Local memory is the card's memory: an index into an argument or an array that the compiler
    does not know puts it there."""
    said = compiled(family, folder).stderr
    frame = r'(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads'
    found = re.findall(rf'Function properties for (\w+)\n\s*{frame}', said)
    assert len(found) >= len(CARDS)
    local = [name for name, *sizes in found if any(map(int, sizes))]
    assert local == []
