"""Run a program that was written for pycaffe, unchanged: its `import caffe` finds goodinit.caffe.

python -m goodinit.caffe script.py arguments...
python -m goodinit.caffe -m module arguments...
python -m goodinit.caffe -c 'code' arguments...
python -m goodinit.caffe --install      `import caffe` works in all programs of this environment
python -m goodinit.caffe --uninstall    and no longer
"""

import os
import runpy
import sys
from collections.abc import Callable
from types import ModuleType

from ..netlib.errors import GoodinitError
from . import alias
from .install import install, uninstall

INSTALLING = {'--install': install, '--uninstall': uninstall}
USAGE_ERROR = 2  # as Python's own exit status


def main(argv: list[str]) -> int:
    """Run what the arguments name, as `python` itself would. Returns 2 for a wrong command line,
    and for a script that does not exist."""
    if not argv or argv[0] in ('-h', '--help') or argv in (['-m'], ['-c']):
        sys.stderr.write(__doc__ or '')
        return USAGE_ERROR
    if argv[0] in INSTALLING:
        return install_alias(INSTALLING[argv[0]])
    if argv[0] == '-m':
        run_module(argv[1], argv[1:])
    elif argv[0] == '-c':
        run_code(argv[1], argv[2:])
    elif os.path.exists(argv[0]):
        run_script(argv[0], argv)
    else:
        sys.stderr.write(f'no such script: {argv[0]}\n')
        return USAGE_ERROR
    return 0


def install_alias(action: Callable[[], str]) -> int:
    """Install or uninstall; returns the exit status."""
    try:
        said = action()
    except GoodinitError as error:
        sys.stderr.write(f'goodinit.caffe: {error}\n')
        return 1
    sys.stderr.write(f'{said}\n')
    return 0


def run_module(name: str, argv: list[str]) -> None:
    prepare_process(argv, os.getcwd())
    runpy.run_module(name, run_name='__main__', alter_sys=True)


def run_code(code: str, arguments: list[str]) -> None:
    prepare_process(['-c', *arguments], os.getcwd())
    main_module = ModuleType('__main__')
    sys.modules['__main__'] = main_module
    exec(compile(code, '<string>', 'exec'), vars(main_module))


def run_script(path: str, argv: list[str]) -> None:
    prepare_process(argv, os.path.dirname(os.path.abspath(path)))
    runpy.run_path(path, run_name='__main__')


def prepare_process(argv: list[str], folder: str) -> None:
    """Let `import caffe` find goodinit.caffe, and give the program its arguments and its folder."""
    alias.install()
    sys.argv = argv
    sys.path[0] = folder


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
