"""Several processes train and initialize as one with all of their samples would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rank_runs
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.ranks import Ranks, launched
from goodinit.proto.caffe_pb2 import Datum

pytest.importorskip('mpi4py')
MPIEXEC = shutil.which(
    'mpiexec', path=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
)
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason='needs mpiexec')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    rng = np.random.default_rng(0)
    with create_database(folder / 'lmdb') as database:
        for i in range(50):
            pixels = rng.integers(256, size=(3, 12, 12), dtype=np.uint8)
            datum = Datum(
                channels=3, height=12, width=12, data=pixels.tobytes(), label=int(rng.integers(10))
            )
            database.put(f'{i:08}'.encode(), datum.SerializeToString())
    return folder


def mpi(n, *arguments, check=True):
    """Run a Python program on n ranks."""
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'}
    return subprocess.run(
        [MPIEXEC, '-n', str(n), sys.executable, *map(str, arguments)],
        env=environment,
        check=check,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run(n, what, folder):
    """What each rank has computed."""
    mpi(n, rank_runs.__file__, what, folder)
    return [list(np.load(folder / f'{what}_{n}_{rank}.npz').values()) for rank in range(n)]


def assert_same(ours, expected, rtol):
    for array, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(array, other, rtol=0, atol=rtol * max(1, np.abs(other).max()))


@pytest.mark.parametrize('what', ['train', 'iter_size', 'lsuv', 'pca', 'scale_bias'])
@pytest.mark.parametrize('n', [2, 4])
def test_as_one_rank_with_all_samples(n, what, folder):
    alone = rank_runs.WHAT[what](Ranks(), folder, n)
    found = run(n, what, folder)
    for rank in found:
        assert_same(rank, found[0], rtol=1e-6)
        assert_same(rank, alone, rtol=1e-5)


def test_a_resumed_run_is_the_run_that_was_never_stopped(folder):
    run(2, 'snapshot', folder)
    for ours, expected in zip(run(2, 'resume', folder), run(2, 'train', folder), strict=True):
        assert_same(ours, expected, rtol=0)
    for kind in ('solverstate', 'resume'):
        os.link(folder / f'run_2_iter_5.{kind}', folder / f'run_1_iter_5.{kind}')
    with pytest.raises(
        GoodinitError,
        match=r'run_1_iter_5\.resume was written by 2 ranks, but 1 train now: delete it',
    ):
        rank_runs.train(Ranks(), folder, 1, restore='yes')


def test_what_ends_one_rank_ends_all_with_a_line(folder):
    done = mpi(3, rank_runs.__file__, 'fail', folder, check=False)
    assert done.returncode != 0
    assert (
        'rank_runs: rank 2: a record is damaged\n' in done.stderr and 'Traceback' not in done.stderr
    )


def test_the_tool_speaks_once(folder, tmp_path):
    solver, net = (
        tmp_path / 'solver.prototxt',
        rank_runs.DATA.format(folder=folder, size=8) + rank_runs.BODY,
    )
    solver.write_text(
        f"net_param {{ {net} }} base_lr: 0.1 lr_policy: 'fixed' max_iter: 4 display: 2 "
        f"random_seed: 1 snapshot_prefix: '{tmp_path}/run'"
    )
    done = mpi(
        2,
        '-m',
        'goodinit.tools.cli.main',
        'train',
        '--solver',
        solver,
        '--init',
        'lsuv',
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count('; 2 ranks\n') == 1 and done.stderr.count('iteration 2: loss') == 1
    assert {path.name for path in tmp_path.glob('run*')} == {
        f'run_iter_4.{kind}' for kind in ('caffemodel', 'solverstate', 'resume')
    }
    refused = mpi(
        2, '-m', 'goodinit.tools.cli.main', 'train', '--solver', tmp_path / 'none', check=False
    )
    assert (
        refused.returncode != 0 and refused.stderr.count('neither a file nor a bundled model') == 1
    )


def test_mpiexec_without_mpi4py_is_an_error(monkeypatch):
    """Each process would train alone, and overwrite what the others write."""
    monkeypatch.setenv('PMI_SIZE', '2')
    monkeypatch.setitem(sys.modules, 'mpi4py', None)
    with pytest.raises(
        GoodinitError, match=r"needs the package 'mpi4py'.*pip install 'goodinit\[mpi\]'"
    ):
        launched()
