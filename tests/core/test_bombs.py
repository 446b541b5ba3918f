"""Files that ask for more than there is: each ends as bomb_ends.py says, in one line or in the
right result, with little memory and in little time."""

import re

import pytest
from bomb_ends import ENDS
from bombs import BOMBS
from forked import run_forked

GIGABYTE = 10**9


@pytest.mark.parametrize('name', BOMBS)
def test_resource_bombs(name, tmp_path):
    ended = run_forked(BOMBS[name](tmp_path), tmp_path, seconds=20)
    text = ended.out + ended.err
    assert ended.status == (name in ENDS), (ended.status, text[-2000:])
    assert re.search(ENDS.get(name, ''), text), text[-2000:]
    assert ended.peak < 3 * GIGABYTE
    assert len(ended.err) < 1500, ended.err[:3000]


def test_every_end_is_of_a_bomb():
    assert set(ENDS) <= set(BOMBS)
