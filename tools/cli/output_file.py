"""The file that a tool is to write."""

import os
from pathlib import Path

from ...netlib.errors import GoodinitError


def check_output(out: Path, force: bool) -> None:
    """Raises GoodinitError if the file could not be written, or exists and `force` is not set."""
    if out.is_dir():
        raise GoodinitError(f'{out}: is a folder; needed: the name of a file to write')
    if not out.parent.is_dir():
        raise GoodinitError(f'{out}: there is no folder {out.parent}')
    special = out.exists() and not out.is_file()  # such as /dev/stdout
    written = out if special else out.parent
    if not os.access(written, os.W_OK):
        raise GoodinitError(f'{out}: {written} is not writable')
    if out.is_file() and not force:
        raise GoodinitError(f'{out}: already exists (use --force to overwrite, or --out FILE)')
