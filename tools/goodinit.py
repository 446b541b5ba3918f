"""What a script of this folder finds first when it imports goodinit: the way to the real one.

Python looks for modules beside a script before it looks among those that are installed. So this
file is run first; it takes this folder out of the search, and imports goodinit again. If that
fails, the script ends with a line that says how to install it.
"""

import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent


def find_installed() -> None:
    """Put the real goodinit in the place of this file."""
    del sys.modules['goodinit']
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != TOOLS]
    try:
        import goodinit  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(
            f'{Path(sys.argv[0]).name}: {error}, which {sys.executable} needs; install it with: '
            f'{sys.executable} -m pip install -e {TOOLS.parent}'
        )


if __name__ == 'goodinit':
    find_installed()
