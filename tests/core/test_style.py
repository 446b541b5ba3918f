"""The checkers of style and types find nothing: `ruff check` and `mypy`, as set up in
pyproject.toml."""

import importlib.util
import subprocess
import sys

import pytest
from places import ROOT
from sources import FOLDERS

PYPROJECT = ROOT / 'pyproject.toml'


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
def types(tmp_path_factory):
    """The lines that mypy writes about the package, laid out as an installed one."""
    site_packages = tmp_path_factory.mktemp('site-packages')
    package = site_packages / 'goodinit'
    package.mkdir()
    parts = [ROOT / folder for folder in FOLDERS - {'goodinit'}]
    for path in [*parts, *(ROOT / 'goodinit').iterdir()]:
        (package / path.name).symlink_to(path)
    cache = f'--cache-dir={ROOT / ".mypy_cache"}'
    options = [f'--config-file={PYPROJECT}', cache, '--package=goodinit']
    status, output = run('mypy', *options, folder=site_packages)
    assert status in (0, 1), output
    return output.splitlines()


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
