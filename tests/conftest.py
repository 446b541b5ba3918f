"""What all tests share: the engines they run over, and the way to the modules beside them (golden, cases, gradcheck)."""
import sys
from pathlib import Path

import pytest

try:
    import goodinit.initializers.fillers  # noqa: F401  (registers the fillers that DummyData draws from)
except ImportError:
    pass
from goodinit.netlib.engines import make_engine

sys.path.insert(0, str(Path(__file__).parent))

# Every test that takes `engine` runs over these. One that needs a device is pytest.param(name, marks=pytest.mark.cuda).
ENGINES = ['reference', 'checked:reference']


@pytest.fixture(params=ENGINES)
def engine(request):
    return make_engine(request.param)
