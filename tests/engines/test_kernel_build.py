"""The build of the kernels where the compiler cannot do all that it is asked for. Skipped without
g++."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which('g++')
pytestmark = pytest.mark.skipif(not COMPILER, reason='needs g++')
pytest.importorskip('setuptools', minversion='77')

KERNEL = """
#ifdef _OPENMP
extern "C" int threads() { return 1; }
#else
extern "C" int no_threads() { return 1; }
#endif
"""
WITHOUT_OPENMP = """#!/bin/sh
case " $* " in *" -fopenmp "*) echo "unknown option -fopenmp" >&2; exit 1;; esac
exec g++ "$@"
"""
NO_COMPILER = '#!/bin/sh\nexit 1\n'


def built(folder, compiler):
    """A library of one small kernel, built as an install does, None if there is none; and what
    was said."""
    kernels = folder / 'netlib/engines/fast/kernels'
    kernels.mkdir(parents=True)
    for package in ('netlib', 'netlib/engines', 'netlib/engines/fast'):
        (folder / package / '__init__.py').touch()
    (kernels / 'threads.cpp').write_text(KERNEL)
    shutil.copy(ROOT / 'setup.py', folder)
    wrapper = folder / 'compiler'
    wrapper.write_text(compiler)
    wrapper.chmod(0o755)
    environment = os.environ | {'CC': str(wrapper), 'CXX': str(wrapper)}
    command = [sys.executable, 'setup.py', 'build_ext', '--inplace']
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    library = kernels.parent / '_kernels.so'
    return library.read_bytes() if library.exists() else None, done.stdout + done.stderr


@pytest.mark.parametrize(
    'compiler, name', [('#!/bin/sh\nexec g++ "$@"\n', b'threads'), (WITHOUT_OPENMP, b'no_threads')]
)
def test_a_compiler_that_refuses_openmp_builds_without_it(tmp_path, compiler, name):
    library, said = built(tmp_path, compiler)
    assert library is not None and b'\0' + name + b'\0' in library
    assert ('the kernels will compute on one core' in said) == (name == b'no_threads')


def test_an_install_without_a_compiler_succeeds_without_kernels(tmp_path):
    library, said = built(tmp_path, NO_COMPILER)
    assert library is None and 'failed' in said
