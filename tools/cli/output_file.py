"""The file that a tool is to write."""

import os
from pathlib import Path

from ...netlib.errors import GoodinitError


def check_output(out: Path, force: bool) -> None:
    """Raises GoodinitError if the file could not be written, or exists and `force` is not set."""
    problem = find_problem(out, force)
    if problem:
        raise GoodinitError(f'{out}: {problem}')


def find_problem(out: Path, force: bool) -> str:
    """What keeps the file from being written; '' for nothing."""
    folder = out.parent
    if out.is_dir():
        return 'is a folder; needed: the name of a file to write'
    if not folder.is_dir():
        return f'there is no folder {folder}'
    special = out.exists() and not out.is_file()  # such as /dev/stdout
    written = out if special else folder
    if not os.access(written, os.W_OK):
        return f'{written} is not writable'
    if out.is_file() and not force:
        return 'already exists (use --force to overwrite, or --out FILE)'
    return ''
