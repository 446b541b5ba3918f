"""What all tests share: the engines they run over, and the way to the modules in helpers/."""

import os
import random
import sys
from importlib.util import find_spec
from pathlib import Path

import goodinit.initializers  # noqa: F401 - registers the fillers that DummyData draws from
import pytest
from goodinit.netlib import rng
from goodinit.netlib.engines import make_engine

sys.path.insert(0, str(Path(__file__).parent / 'helpers'))

# Every test that takes `engine` runs over these. One that needs a device is pytest.param(name,
# marks=pytest.mark.cuda).
ENGINES = [
    'reference',
    'checked:reference',
    'fast',
    'checked:fast',
    pytest.param('cuda', marks=pytest.mark.cuda),
]


@pytest.fixture(params=ENGINES)
def engine(request):
    if 'cuda' in request.param:
        request.getfixturevalue('cuda_device')
    # Deterministic, as what is compared to the bit must not depend on cuDNN's clock.
    return make_engine(request.param, deterministic=True)


@pytest.fixture(autouse=True)
def repeatable(request, monkeypatch):
    """A test draws the same numbers in every run, also where it gives no seed."""
    seeds = random.Random(request.node.nodeid)
    monkeypatch.setattr(rng, 'new_seed', lambda: seeds.getrandbits(rng.UNPREDICTABLE_BITS))


def pytest_collection_modifyitems(items):
    """Tests that name LevelDB need its package, of which newer versions of Python have no wheel."""
    if find_spec('plyvel'):
        return
    for item in items:
        if 'leveldb' in item.nodeid.lower():
            item.add_marker(pytest.mark.skip(reason='needs the package plyvel'))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the test's own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope='session')
def cuda_device():
    """'real' or 'emulated': the CUDA device that the process has now. Without one the test is
    skipped, or fails where GOODINIT_REQUIRE_CUDA=1."""
    import emulated_device

    try:
        return emulated_device.install()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        (pytest.fail if os.environ.get('GOODINIT_REQUIRE_CUDA') == '1' else pytest.skip)(str(error))
