"""`python -m goodinit` is the command `goodinit`."""

import sys

from .tools.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
