"""Commands share what lies in the folders of tools/, and import no other command."""

import ast
import subprocess
import sys

import places
import pytest

TOOLS = places.ROOT / 'tools'
NO_COMMANDS = {'__init__', 'goodinit'}
COMMANDS = sorted(path.stem for path in TOOLS.glob('*.py') if path.stem not in NO_COMMANDS)


def imported(command):
    """The modules of goodinit.tools that a command imports, as 'lint' or 'cli.console'."""
    for node in ast.walk(ast.parse((TOOLS / f'{command}.py').read_text(encoding='utf-8'))):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('goodinit.tools'):
            module = node.module.removeprefix('goodinit.tools').removeprefix('.')
            yield from ([module] if module else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix('goodinit.tools.') for alias in node.names)


@pytest.mark.parametrize('command', COMMANDS)
def test_commands_import_no_command(command):
    assert set(imported(command)) & set(COMMANDS) == set()


@pytest.mark.parametrize('command', ['train', 'caffe', 'convert_imageset', 'lint', 'plot_log'])
def test_they_do_without_the_drop_in(command):
    code = f'import sys, goodinit.tools.{command}; print("goodinit.caffe" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == 'False\n', done.stderr
