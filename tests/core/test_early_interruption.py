"""Ctrl-C while the command `goodinit` is still being loaded."""

import os
import signal
import subprocess
import sys

import places
import pytest

import goodinit

COMMAND = places.ROOT / 'goodinit_command.py'
INTERRUPTED = f"""
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.{{}})
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == 'goodinit.netlib':
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ['--version']
runpy.run_path({str(COMMAND)!r}, run_name='__main__')
"""


LOADED = f"""
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.{{}})
sys.argv[1:] = ['--version']
runpy.run_path({str(COMMAND)!r})['main']()
print(signal.getsignal(signal.SIGINT) is signal.{{}})
"""
pytestmark = pytest.mark.skipif(os.name != 'posix', reason='needs signals')


def run(code, folder, handler):
    return subprocess.run(
        [sys.executable, '-c', code.replace('{}', handler)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_it_ends_in_silence(tmp_path):
    done = run(INTERRUPTED, tmp_path, 'default_int_handler')
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, '', '')


def test_it_goes_on_in_the_background_of_a_shell(tmp_path):
    done = run(INTERRUPTED, tmp_path, 'SIG_IGN')
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f'goodinit {goodinit.__version__}\n',
        '',
    )


@pytest.mark.parametrize('handler', ['default_int_handler', 'SIG_IGN'])
def test_then_ctrl_c_does_as_ever(handler, tmp_path):
    done = run(LOADED, tmp_path, handler)
    assert done.stdout.splitlines() == [f'goodinit {goodinit.__version__}', 'True']
