"""Files that ask for more than there is: each ends in one line, or in the right result, with little
memory and in little time."""

import re

import pytest
from bombs import BOMBS
from forked import run_forked

GIGABYTE = 10**9
# What some of them end with.
MESSAGES = {
    'million_layers': r'net\.prototxt: [\d,]+ fields are too many; needed: at most 1,000,000',
    'string': r'net\.prototxt:2: a string or word of more than 1,048,576 characters',
    'data_cifar_gz': r'c\.bin\.gz: unpacks to more than 1,024 MB; unpack it first',
    'data_npz': r"'x': \d+ bytes unpack to 4\d{9}; unpack it first",
    'num_output': r"net '' needs .* of memory to run",
}


@pytest.mark.parametrize('name', BOMBS)
def test_resource_bombs(name, tmp_path):
    ended = run_forked(BOMBS[name](tmp_path), tmp_path, seconds=20)
    assert ended.status in (0, 1), (ended.status, ended.err[-2000:])
    assert ended.peak < 3 * GIGABYTE
    if ended.status == 1:
        assert 0 < len(ended.err) < 1500, ended.err[:3000]
    assert re.search(MESSAGES.get(name, ''), ended.err), ended.err
