"""The kinds of databases that commands read and write: the flag that chooses one, and Caffe's line
about one that was opened."""

from ...netlib.data.databases import LEVELDB, LMDB
from ...solvers.log.glog import log
from .console import Parser
from .gflags import add_flag
from .values import one_of

BACKENDS = {'lmdb': LMDB, 'leveldb': LEVELDB}
PLACES = {'lmdb': 'db_lmdb.cpp:35', 'leveldb': 'db_leveldb.cpp:18'}


def add_backend(parser: Parser, default: str = 'lmdb') -> None:
    """--backend, which is a name in BACKENDS."""
    help = f'the kind of database: {", ".join(BACKENDS)} (default: %(default)s)'
    add_flag(parser, 'backend', help, one_of(BACKENDS), default)


def log_opened(path: str, backend: str) -> None:
    """What Caffe logs of a database that it opens. `backend`: a name in BACKENDS."""
    log(PLACES[backend], f'Opened {backend} {path}')
