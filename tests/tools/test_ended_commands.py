"""Commands that a signal ends, files that exist already, and two trainings on one prefix."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from goodinit.netlib.errors import SolverError
from goodinit.proto import atomic_write, written_together
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.solvers.one_training import one_training
from goodinit.tools.cli import console
from goodinit.tools.cli.signals import Ended, ending_signals
from PIL import Image

pytestmark = pytest.mark.skipif(os.name != 'posix', reason='needs signals')
CONVERT = (
    'import sys; from goodinit.tools import convert_imageset as c; import time\n'
    'make = c.make_datum\n'
    'def slow(*args):\n'
    '    print("made", flush=True); time.sleep(0.3); return make(*args)\n'
    'c.make_datum = slow\n'
    'sys.exit(c.main(["./", "list.txt", "db"]))'
)


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGHUP'])
def test_an_ended_command_leaves_nothing_behind(name, folder):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / 'a.png')
    (folder / 'list.txt').write_text('a.png 0\n' * 50)
    before = sorted(os.listdir())
    number = getattr(signal, name)
    command = subprocess.Popen(
        [sys.executable, '-c', CONVERT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    command.stdout.readline()
    command.send_signal(number)
    _, err = command.communicate()
    assert command.returncode == 128 + number
    assert err.endswith(
        f'goodinit convert_imageset: ended by {name}; no file was left half written\n'
    )
    assert sorted(os.listdir()) == before


def test_only_the_first_signal_counts():
    with pytest.raises(Ended) as ended, ending_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
    assert ended.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_file_that_is_replaced_keeps_its_mode(folder):
    for name in 'ab':
        (folder / name).write_text('old')
    (folder / 'a').chmod(0o640)
    (folder / 'b').chmod(0o604)
    with atomic_write('a') as file:
        file.write(b'new')
    with written_together(['b', 'c']) as paths:
        for path in paths:
            with open(path, 'w') as file:
                file.write('new')
    modes = [os.stat(name).st_mode & 0o777 for name in 'ab']
    assert modes == [0o640, 0o604]
    assert (folder / 'a').read_text() == (folder / 'b').read_text() == 'new'


def test_a_second_training_on_one_prefix_says_so(folder):
    param = SolverParameter(snapshot=1, snapshot_prefix='run')
    other = SolverParameter(snapshot=1, snapshot_prefix='other')
    message = (
        rf"process {os.getpid()} is training with the snapshot_prefix 'run': wait for it, or give "
        'this training another prefix'
    )
    with (
        one_training(param),
        one_training(other),
        one_training(SolverParameter()),
        pytest.raises(SolverError, match=message),
        one_training(param),
    ):
        pass
    assert os.listdir() == []
    with one_training(param):
        assert os.listdir() == ['.run.training']


def test_long_words_of_messages_are_cut():
    name = 'x' * 3000
    cut = console.shortened(f"layer '{name}' is wrong")
    assert cut == f"layer '{'x' * 79}...{'x' * 19}' is wrong"
