"""Ctrl-C while the command `goodinit` is still being loaded."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import goodinit
import pytest

COMMAND = Path(goodinit.__file__).parent / 'goodinit_command.py'
INTERRUPTED = f"""
import os, runpy, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == 'goodinit.netlib':
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
runpy.run_path({str(COMMAND)!r}, run_name='__main__')
"""


@pytest.mark.skipif(os.name != 'posix', reason='needs signals')
def test_it_ends_in_silence(tmp_path):
    done = subprocess.run([sys.executable, '-c', INTERRUPTED], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, '', '')


def test_then_ctrl_c_interrupts_as_ever(tmp_path):
    code = f"import runpy, signal; run = runpy.run_path({str(COMMAND)!r})['main']\n" \
           "import sys; sys.argv[1:] = ['--version']; run(); print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f'goodinit {goodinit.__version__}', 'default_int_handler']
