"""Where the tests find what is not beside them: the clone, recorded cases, data."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
GOLDEN = TESTS / 'golden'
SHARED = ROOT.parent / 'shared'  # more cases and data; tests that need them are skipped without
DATA = SHARED / 'data'
