"""Run a program that was written for pycaffe, unchanged: its `import caffe` finds goodinit.caffe.

python -m goodinit.caffe script.py arguments...
python -m goodinit.caffe -m module arguments...
python -m goodinit.caffe -c 'code' arguments...
"""

import os
import runpy
import sys
from types import ModuleType

from . import alias


def main(argv: list[str]) -> int:
    """Run what the arguments name as `python` itself would; returns 2 where there is no such thing."""
    if not argv or argv[0] in ('-h', '--help') or argv[0] in ('-m', '-c') and len(argv) == 1:
        sys.stderr.write(__doc__ or '')
        return 2
    option, rest = (argv[0], argv[1:]) if argv[0] in ('-m', '-c') else ('', argv)
    if not option and not os.path.exists(rest[0]):
        sys.stderr.write(f'there is no script {rest[0]}\n')
        return 2
    alias.install()
    sys.argv = [option, *rest[1:]] if option == '-c' else rest
    sys.path[0] = os.getcwd() if option else os.path.dirname(os.path.abspath(rest[0]))
    if option == '-m':
        runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
    elif option == '-c':
        sys.modules['__main__'] = ModuleType('__main__')
        exec(compile(rest[0], '<string>', 'exec'), vars(sys.modules['__main__']))
    else:
        runpy.run_path(rest[0], run_name='__main__')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
