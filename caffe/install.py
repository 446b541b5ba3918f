"""`import caffe` in every program of a Python environment: two small files in its site-packages.

A .pth file is read whenever Python starts; it imports a finder that costs nothing until a program
says `import caffe`.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from ..netlib.errors import GoodinitError
from ..proto import atomic_write

FINDER = 'goodinit_finds_caffe'
SOURCE = '''"""`import caffe` finds goodinit.caffe. Undo: python -m goodinit.caffe --uninstall"""

import sys


class Finder:
    """Puts goodinit's own finder in its place when `caffe` is first imported."""

    def find_spec(self, name, path=None, target=None):
        if name != 'caffe':
            return None
        try:
            from goodinit.caffe import alias
        except ImportError:  # goodinit is gone: another caffe may be there
            return None
        sys.meta_path.remove(self)
        alias.install()
        return sys.meta_path[0].find_spec(name, path, target)


sys.meta_path.insert(0, Finder())
'''
CHECK = 'import caffe; print(caffe.__name__)'


def places(folder: str | None = None) -> dict[Path, str]:
    """The files and their texts; `folder` stands for the environment's site-packages."""
    site = Path(folder or sysconfig.get_paths()['purelib'])
    return {site / f'{FINDER}.py': SOURCE, site / f'{FINDER}.pth': f'import {FINDER}\n'}


def install(folder: str | None = None) -> str:
    """Write the files, and see that a new process finds caffe; returns what to tell the user.
    Raises GoodinitError."""
    written = places(folder)
    try:
        for path, text in written.items():
            with atomic_write(path, 'w') as file:
                file.write(text)
    except OSError as error:
        raise GoodinitError(
            f'cannot write {path}: {error.strerror}; needed: an environment of your own '
            '(python -m venv)'
        ) from error
    if folder is None and not _finds_caffe():
        uninstall()
        raise GoodinitError(
            f'{sys.executable} does not read {path.parent} when it starts: nothing was installed'
        )
    names = ' and '.join(map(str, written))
    return (
        f'`import caffe` finds goodinit in every program of {sys.executable}: {names}\n'
        'a notebook finds it in a kernel of this Python: '
        f'{sys.executable} -m ipykernel install --user --name goodinit\n'
        'python -m goodinit.caffe --uninstall takes it back'
    )


def _finds_caffe() -> bool:
    """Whether a new process finds goodinit under the name of caffe."""
    run = subprocess.run([sys.executable, '-c', CHECK], capture_output=True, text=True, check=False)
    return run.stdout.strip() == 'goodinit.caffe'


def uninstall(folder: str | None = None) -> str:
    """Remove the files; returns what to tell the user. Raises GoodinitError."""
    removed = [path for path in reversed(places(folder)) if path.exists()]
    try:
        for path in removed:
            os.remove(path)
    except OSError as error:
        raise GoodinitError(f'cannot remove {path}: {error.strerror}') from error
    if not removed:
        return 'nothing to remove: `import caffe` was not installed'
    return f'removed: {" and ".join(map(str, removed))}'
