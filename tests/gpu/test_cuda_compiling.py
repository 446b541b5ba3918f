"""Compiling kernels: what is kept, several processes at once, and what nvcc refuses."""

import os
import subprocess
import sys
import time

import places
import pytest
from goodinit.netlib.engines.cuda import compilation
from goodinit.netlib.errors import EngineError

pytestmark = pytest.mark.cuda

# A process that compiles, and says when PyCUDA is at work. PyCUDA takes a while, so that two
# processes meet.
COMPILING = """
import os, sys, time
import emulated_device
emulated_device.install()
os.environ.pop('PYCUDA_DISABLE_CACHE', None)
from goodinit.netlib.engines.cuda import compilation, device
from pycuda import compiler

def note(word):
    with open('log', 'a') as log:
        log.write(word + '\\n')

def slow(*arguments, **keywords):
    note('begin')
    time.sleep(0.5)
    module = original(*arguments, **keywords)
    note('end')
    return module

device.open_device()
original, compiler.SourceModule = compiler.SourceModule, slow
note('ready')
while open('log').read().count('ready') < 2:
    time.sleep(0.01)
module = compilation.compile_source('test', '__global__ void nothing() {}')
module.get_function('nothing')
"""


def test_processes_compile_one_after_the_other(cuda_device, tmp_path):
    """On a cold cache one of them compiles, and the other reads what is then a whole file."""
    path = [str(places.TESTS / 'helpers'), os.environ.get('PYTHONPATH', '')]
    variables = {
        'PYTHONPATH': os.pathsep.join(filter(None, path)),
        'PYCUDA_CACHE_DIR': str(tmp_path / 'cache'),
    }
    command = [sys.executable, '-c', COMPILING]
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=os.environ | variables, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    log = (tmp_path / 'log').read_text().split()
    assert log == ['ready', 'ready', 'begin', 'end', 'begin', 'end']
    kept = {file.suffix for file in (tmp_path / 'cache').iterdir()}
    assert kept == {'.cubin', '.lock'}


def test_the_lock_is_given_back(tmp_path, monkeypatch):
    monkeypatch.delenv('PYCUDA_DISABLE_CACHE', raising=False)
    monkeypatch.setenv('PYCUDA_CACHE_DIR', str(tmp_path / 'deep' / 'cache'))
    for _ in range(2):
        start = time.monotonic()
        with compilation.one_process() as folder:
            assert folder == str(tmp_path / 'deep' / 'cache')
        assert time.monotonic() - start < 5


def test_without_a_folder_to_write_to_nothing_is_kept(tmp_path, monkeypatch):
    """Nor does that look like a missing nvcc."""
    monkeypatch.delenv('PYCUDA_DISABLE_CACHE', raising=False)
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('PYCUDA_CACHE_DIR', str(tmp_path / 'file' / 'cache'))
    with compilation.one_process() as folder:
        assert folder is False


def test_the_cache_is_that_of_pycuda(monkeypatch):
    monkeypatch.delenv('PYCUDA_CACHE_DIR', raising=False)
    assert compilation.cache_folder().parts[-2:] == ('pycuda', 'compiler-cache-v1')


def test_what_nvcc_refuses_is_said_in_a_line(cuda):
    with pytest.raises(
        EngineError,
        match=r"^engine 'cuda': nvcc cannot compile the kernels of test\.cu: .*Needed: a",
    ):
        compilation.compile_source('test', '__global__ void wrong( {')
