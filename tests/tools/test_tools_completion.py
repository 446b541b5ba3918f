"""Completion: the script is made of the commands as they are, and a shell completes by it."""

import shutil
import subprocess

import pytest
from goodinit.feeding.bundled import model_names
from goodinit.tools.cli.main import COMMANDS
from goodinit.tools.completion import main
from toolkit import fails

pytest.importorskip('shtab')

# What bash does when a user presses Tab after the words "$@".
TAB = """
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$(complete -p goodinit | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
echo "${COMPREPLY[@]}"
"""


@pytest.fixture(scope='module')
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp('completion') / 'goodinit'
    with pytest.MonkeyPatch.context() as patch, path.open('w') as file:
        patch.setattr('sys.stdout', file)
        assert main(['bash']) == 0
    return path


@pytest.mark.skipif(not shutil.which('bash'), reason='needs bash')
@pytest.mark.parametrize(
    'words, expected',
    [
        (['compl'], {'completion'}),
        (['init', '--meth'], {'--method'}),
        (['init', 'lenet', '--method', 'spher'], set()),
        (['init', 'lenet', '--method', 'km'], {'kmeans'}),
        (['train', 'len'], {'lenet', 'lens.jpg'}),
        (['show', 'squ'], {'squeezenet'}),
        (['init', 'lenet', '--data', 'len'], {'lens.jpg'}),
    ],
)
def test_bash_completes(words, expected, script, tmp_path):
    (tmp_path / 'lens.jpg').touch()
    command = ['bash', '-c', f'source {script}{TAB}', 'bash', 'goodinit', *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ''
    assert set(done.stdout.split()) == expected


def test_every_command_and_model_is_in_the_script_for_zsh(capsys):
    assert main(['zsh']) == 0
    text = capsys.readouterr().out
    assert text.startswith('#compdef goodinit')
    assert [name for name in (*COMMANDS, *model_names()) if name not in text] == []


def test_other_shells_are_refused(capsys):
    assert "unknown 'bush'; did you mean 'bash'? (known: bash, zsh)" in fails(
        main, ['bush'], capsys
    )
