"""The files of tools/ as programs: they run as they are, and say in one line what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import places
import pytest
from goodinit.tools.cli.main import COMMANDS, FILES

TOOLS = places.ROOT / 'tools'
NO_COMMANDS = {'__init__', 'goodinit'}
SCRIPTS = sorted(path for path in TOOLS.glob('*.py') if path.stem not in NO_COMMANDS)
SHEBANG = '#!/usr/bin/env python3\n'


def test_every_command_has_its_file():
    files = {FILES.get(command, command) for command in COMMANDS}
    published = {'lsuv_init', 'magic_init', 'measure_stat'}
    assert files | published == {path.stem for path in SCRIPTS}


@pytest.mark.skipif(os.name != 'posix', reason='needs a shebang')
@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_executable(script):
    assert script.read_text(encoding='utf-8').startswith(SHEBANG)
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which('git') is None, reason='needs git')
def test_git_knows_that_they_are():
    listing = ['git', 'ls-files', '--stage', *(path.name for path in SCRIPTS)]
    done = subprocess.run(listing, cwd=TOOLS, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip('needs a clone')
    modes = {line.split('\t')[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert {name for name, mode in modes.items() if mode != '100755'} == set()


def by_shebang(script, *arguments, folder, **changes):
    """Run a script as its shebang says, with the python of the tests as `python3`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    env = os.environ | {'PATH': path} | changes
    command = [str(script), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.skipif(os.name != 'posix', reason='needs a shebang')
def test_a_script_runs_by_its_shebang(tmp_path):
    done = by_shebang(TOOLS / 'init_net.py', '--help', folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('usage: goodinit init')


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.stem)
def test_without_goodinit_one_line_says_how_to_install_it(script, tmp_path):
    """The option -S hides all that is installed, NumPy with it."""
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    command = [sys.executable, '-S', script, '--help']
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == (
        f"{script.name}: No module named 'goodinit', which {sys.executable} needs; install it "
        f'with: {sys.executable} -m pip install -e {places.ROOT}\n'
    )


def test_a_script_does_not_find_its_neighbors_as_modules(tmp_path):
    """A user's Python layer that imports caffe must not get tools/caffe.py."""
    code = (
        'import sys, goodinit.tools.cli.console as console\n'
        'print(console.__name__, any(path.endswith("tools") for path in sys.path))'
    )
    script = tmp_path / 'tools' / 'script.py'
    script.parent.mkdir()
    script.write_text(code)
    shutil.copy(TOOLS / 'goodinit.py', script.parent)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['goodinit.tools.cli.console', 'False']


# -- what a run on the CPU imports

IMPORTED = """
import sys
from goodinit.tools.cli.main import main
status = main(sys.argv[1:])
print(*[name for name in sys.modules if name.startswith('goodinit.netlib.engines')])
sys.exit(status)
"""


@pytest.mark.parametrize(
    'arguments',
    [
        ['init', '--proto', 'lenet', '--dry-run', '--quiet'],
        ['train', '--solver', 'lenet', '--iterations', '1'],
        ['caffe', 'train', '--solver=solver.prototxt'],
    ],
)
def test_a_run_on_the_cpu_imports_nothing_of_the_gpu(arguments, tmp_path):
    (tmp_path / 'solver.prototxt').write_text(
        'max_iter: 0 base_lr: 0.1 lr_policy: "fixed" solver_mode: CPU net_param { '
        'layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 } } } }'
    )
    command = [sys.executable, '-c', IMPORTED, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    assert 'goodinit.netlib.engines.fast' in modules
    assert [name for name in modules if '.cuda' in name] == []
