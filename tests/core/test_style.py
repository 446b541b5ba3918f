"""The checkers of style and types find nothing: `ruff check` and `mypy`, as set up in
pyproject.toml."""

import importlib.util
import subprocess
import sys

import places
import pytest

ROOT = places.ROOT


def run(folder, module, *arguments):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}: pip install 'goodinit[test]'")
    done = subprocess.run(
        [sys.executable, '-m', module, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing():
    run(ROOT, 'ruff', 'check', '.')


def test_mypy_finds_nothing(tmp_path):
    (tmp_path / 'goodinit').symlink_to(
        ROOT
    )  # the root is the package, whatever the clone is called
    folders = ('proto', 'netlib', 'initializers', 'solvers', 'caffe', 'tools')
    packages = [f'--package=goodinit.{folder}' for folder in folders]
    run(tmp_path, 'mypy', f'--config-file={ROOT}/pyproject.toml', *packages)
