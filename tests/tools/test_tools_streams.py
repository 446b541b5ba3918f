"""What a tool does if its streams are closed or full, and with odd names of files."""

import os
import subprocess
import sys

import pytest
from goodinit.tools.cli import main as goodinit_command
from goodinit.tools.init_net import main
from toolkit import samples, written

COMMAND = [
    sys.executable,
    '-c',
    'import sys; from goodinit.tools.cli.main import main; sys.exit(main(sys.argv[1:]))',
]


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
@pytest.mark.parametrize(
    'arguments, name', [(['show', 'lenet'], 'goodinit show'), (['--version'], 'goodinit')]
)
def test_results_that_cannot_be_printed(arguments, name):
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (
        1,
        f'{name}: standard output: No space left on device\n',
    )


@pytest.mark.parametrize('arguments', [['show', 'lenet'], ['--help']])
def test_a_reader_that_has_gone(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, 'w') as gone:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=gone, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (141, '')


@pytest.mark.skipif(os.name != 'posix', reason='needs a shell')
@pytest.mark.parametrize('closed', ['>&-', '2>&-', '>&- 2>&-'])
def test_closed_streams(closed, tmp_path):
    line = f'"$@" {closed}'
    done = subprocess.run(
        ['sh', '-c', line, 'sh', *COMMAND, 'init', '--proto', 'lenet', '--dry-run'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and 'Traceback' not in done.stderr
    assert ('conv1' in done.stdout) == (closed == '2>&-')


@pytest.mark.skipif(sys.platform != 'linux', reason='needs file names that are bytes')
def test_a_name_that_is_no_utf8(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b'\xfc.prototxt')
    written(tmp_path, name=name)
    assert main(['--proto', name, '--data', samples(tmp_path)]) == 0
    assert (
        os.path.exists(os.fsdecode(b'\xfc.caffemodel'))
        and '\\udcfc.prototxt' in capsys.readouterr().err
    )


def test_an_interruption_before_the_command_has_begun(monkeypatch, capsys):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(goodinit_command, 'import_module', interrupt)
    assert goodinit_command.main(['init']) == 130
    assert capsys.readouterr().err == 'goodinit: interrupted; no file was left half written\n'
