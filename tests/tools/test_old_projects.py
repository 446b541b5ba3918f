"""Projects written for a checkout of Caffe: the programs they call, and `import caffe` anywhere."""

import os
import subprocess
import sys

import pytest
from goodinit.caffe import __main__ as runner
from goodinit.caffe.install import FINDER, install, uninstall
from goodinit.netlib.errors import GoodinitError
from goodinit.tools import caffe_tree
from toolkit import DEPLOY, fails, written

import goodinit

SHELL = """#!/usr/bin/env sh
set -e
TOOLS=./build/tools
$TOOLS/caffe time --model=net.prototxt --iterations=1
$TOOLS/upgrade_net_proto_text.bin net.prototxt new.prototxt
"""
SCRIPT = """
import sys
caffe_root = './'
sys.path.insert(0, caffe_root + 'python')
import caffe
import caffe.io
from caffe import layers as L
import goodinit.caffe
assert caffe is goodinit.caffe and L is caffe.layers
print(caffe.Net('net.prototxt', caffe.TEST).blobs['conv'].num)
"""
ROOT = os.path.dirname(os.path.dirname(goodinit.__file__))


def ran(*command, **environment):
    """What a command writes to stdout; it must succeed."""
    found = os.environ | {'PYTHONPATH': ROOT} | environment
    done = subprocess.run(command, capture_output=True, text=True, env=found, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tree(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, DEPLOY)
    assert caffe_tree.main([str(tmp_path)]) == 0
    assert f'{len(caffe_tree.files())} files in {tmp_path} run' in capsys.readouterr().err
    return tmp_path


def test_a_shell_script(tree):
    (tree / 'run.sh').write_text(SHELL)
    ran('sh', 'run.sh')
    assert 'Small' in (tree / 'new.prototxt').read_text()


def test_a_python_script(tree):
    (tree / 'old.py').write_text(SCRIPT)
    assert ran(sys.executable, 'old.py') == '2\n'
    ran('python/draw_net.py', 'net.prototxt', 'net.dot')
    assert (tree / 'net.dot').exists()


def test_every_program_starts(tree):
    for name in {*caffe_tree.PROGRAMS, *caffe_tree.SCRIPTS}:
        assert os.access(tree / name, os.X_OK)
    for name in ('build/tools/caffe', 'tools/extra/parse_log.py'):
        assert 'usage' in ran(f'./{name}', '--help')


def test_files_of_others_stay(tree, capsys):
    (tree / 'python/classify.py').write_text('mine')
    assert caffe_tree.main([str(tree)]) == 0
    kept = 'python/classify.py is there already and stays (--force replaces it)'
    assert kept in capsys.readouterr().err
    assert (tree / 'python/classify.py').read_text() == 'mine'
    assert caffe_tree.main([str(tree), '--force']) == 0
    assert caffe_tree.MARK in (tree / 'python/classify.py').read_text()


def test_what_cannot_be_a_tree(tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    said = fails(caffe_tree.main, [tmp_path / 'file'], capsys)
    assert said.endswith('file: is a file, needed: a folder\n')
    (tmp_path / 'build').write_text('')
    said = fails(caffe_tree.main, [tmp_path], capsys)
    assert f'cannot make {tmp_path}/build/tools' in said


# -- import caffe


def test_import_caffe_in_other_processes(tmp_path):
    """A folder of its own stands for site-packages; `site` reads the .pth file in it."""
    said = install(str(tmp_path))
    assert f'{tmp_path}/{FINDER}.pth' in said and 'ipykernel install --user' in said
    start = f'import site; site.addsitedir({str(tmp_path)!r}); '
    code = start + 'import caffe, caffe.io; from caffe import params; print(caffe.__name__)'
    assert ran(sys.executable, '-c', code) == 'goodinit.caffe\n'
    quick = start + 'import sys; print("numpy" in sys.modules, "goodinit" in sys.modules)'
    assert ran(sys.executable, '-c', quick) == 'False False\n'
    assert uninstall(str(tmp_path)).startswith('removed: ')
    assert list(tmp_path.iterdir()) == []
    assert uninstall(str(tmp_path)) == 'nothing to remove: `import caffe` was not installed'


def test_without_goodinit_another_caffe_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    install(str(tmp_path))
    (tmp_path / 'caffe.py').write_text('')
    code = f'import site; site.addsitedir({str(tmp_path)!r}); import caffe; print(caffe.__file__)'
    assert ran(sys.executable, '-S', '-c', code, PYTHONPATH='') == f'{tmp_path}/caffe.py\n'


def test_where_it_cannot_be_installed(tmp_path, monkeypatch, capsys):
    with pytest.raises(GoodinitError, match=r'cannot write .*none'):
        install(str(tmp_path / 'none'))
    monkeypatch.setattr('goodinit.caffe.install._finds_caffe', lambda: False)
    paths = {'purelib': str(tmp_path)}
    monkeypatch.setattr('sysconfig.get_paths', lambda: paths)
    assert runner.main(['--install']) == 1
    said = capsys.readouterr().err
    assert f'does not read {tmp_path} when it starts: nothing was installed' in said
    assert list(tmp_path.iterdir()) == []
    assert runner.main(['--uninstall']) == 0
    assert 'nothing to remove' in capsys.readouterr().err
