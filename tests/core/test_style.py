"""The checkers of style and types find nothing: `ruff check` and `mypy`, as set up in
pyproject.toml."""

import fcntl
import importlib.util
import shutil
import subprocess
import sys

import pytest
from places import ROOT
from sources import FOLDERS

PYPROJECT = ROOT / 'pyproject.toml'
CACHE = ROOT / '.mypy_cache'


def run(module, *arguments, folder=ROOT):
    """Run a checker; returns its exit status and what it wrote."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}: pip install 'goodinit[test]'")
    command = [sys.executable, '-m', module, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_ruff_finds_nothing():
    status, output = run('ruff', 'check', '.')
    assert status == 0, output


def test_ruff_would_lay_nothing_out_anew():
    status, output = run('ruff', 'format', '--check', '.')
    assert status == 0, output


@pytest.fixture(scope='module')
def types():
    """The lines that mypy writes about the package, laid out as an installed one.

    That layout stays where it is, for mypy to find what it knows about it; one process at a time
    uses it.
    """
    CACHE.mkdir(exist_ok=True)
    options = [f'--config-file={PYPROJECT}', f'--cache-dir={CACHE}', '--package=goodinit']
    with open(CACHE / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, output = run('mypy', *options, folder=laid_out(CACHE / 'site-packages'))
    assert status in (0, 1), output
    return output.splitlines()


def laid_out(site_packages):
    """A folder with links to the parts of the package."""
    package = site_packages / 'goodinit'
    shutil.rmtree(site_packages, ignore_errors=True)
    package.mkdir(parents=True)
    parts = [ROOT / folder for folder in FOLDERS - {'goodinit'}]
    for path in [*parts, *(ROOT / 'goodinit').iterdir()]:
        (package / path.name).symlink_to(path)
    return site_packages


@pytest.mark.parametrize(
    'folder',
    [*sorted(FOLDERS - {'goodinit', 'docs'}), '__init__.py'],
)
def test_mypy_finds_nothing(types, folder):
    inside = [line for line in types if line.startswith(f'goodinit/{folder}')]
    found = [line for line in inside if ': error: ' in line]
    assert not found, '\n'.join(found)


def test_mypy_reads_the_package(types):
    assert 'source file' in types[-1]
