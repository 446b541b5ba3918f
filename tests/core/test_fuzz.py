"""The fuzzer on a few cases of every kind of file; `tests/fuzz.py N` runs more."""

import os

import pytest
from fuzz_kinds import KINDS
from fuzzing import Fuzzer

CASES = 30  # of each kind


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
def test_damaged_files_are_read_or_refused():
    kinds = sorted(KINDS)
    found = Fuzzer(kinds).run(CASES * len(kinds))
    assert list(found.findings.values()) == []
    assert set(found.outcomes) == set(kinds)
    for outcomes in found.outcomes.values():
        assert outcomes.total() == CASES


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
@pytest.mark.parametrize(
    'harm, outcome',
    [
        (lambda: 1 / 0, 'error'),
        (lambda: os.kill(os.getpid(), 9), 'death'),
        (lambda: os.kill(os.getpid(), 27), 'hang'),
    ],
)
def test_the_fuzzer_finds(harm, outcome, monkeypatch):
    parent = os.getpid()

    def kind(folder, rng):
        if os.getpid() != parent:
            harm()

    monkeypatch.setitem(KINDS, 'harmful', kind)
    found = Fuzzer(['harmful'], first=5).run(3)
    assert found.outcomes['harmful'][outcome] == 3
    (text,) = found.findings.values()
    assert text.startswith(f'{outcome}: harmful --seed 5: ')
