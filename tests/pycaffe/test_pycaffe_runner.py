"""`python -m goodinit.caffe`: programs that say `import caffe` run unchanged."""

import importlib
import os
import subprocess
import sys

import goodinit.caffe
import pytest
from goodinit.caffe import alias

SCRIPT = """
import sys
import caffe, caffe.io
import caffe.net_spec as net_spec
from caffe import layers as L, params as P
from caffe.proto import caffe_pb2
from google.protobuf import text_format
import goodinit.caffe, goodinit.proto
from helper import Twice

assert caffe is goodinit.caffe and caffe.io is goodinit.caffe.io
assert net_spec.layers is L is caffe.layers
assert caffe_pb2 is goodinit.proto.caffe_pb2
assert caffe.__name__ == caffe.__spec__.name == 'goodinit.caffe'

n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 2]))
n.out = L.Python(n.data, module='helper', layer='Twice')
with open('net.prototxt', 'w') as file:
    file.write(text_format.MessageToString(n.to_proto()))
net = caffe.Net('net.prototxt', caffe.TEST)
net.blobs['data'].data[...] = 3
print(__name__, sys.argv[1:], net.forward()['out'].tolist())
"""
HELPER = """
import caffe

class Twice(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data
"""
TEST = """
import caffe
from helper import Twice

def test_same():
    assert issubclass(Twice, caffe.Layer)

def test_wrong():
    assert 'Relu' in caffe.layer_type_list()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Scripts in a folder of their own, run from another one."""
    (tmp_path / 'scripts').mkdir()
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    for name, text in (
        ('old', SCRIPT),
        ('helper', HELPER),
        ('test_old', TEST),
        ('fails', 'import sys; sys.exit(3)'),
    ):
        (tmp_path / 'scripts' / f'{name}.py').write_text(text)
    return tmp_path / 'scripts'


def run(*arguments, cwd=None):
    environment = os.environ | {'PYTHONWARNINGS': 'error'}
    done = subprocess.run(
        [sys.executable, '-m', 'goodinit.caffe', *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_script(folder):
    status, out, err = run(folder / 'old.py', 'one', '--two')
    assert (status, out) == (0, "__main__ ['one', '--two'] [[6.0, 6.0]]\n"), err
    assert err.count('\n') == 1 and "layer 'out' runs Python code" in err


def test_a_module(folder):
    status, out, err = run('-m', 'old', 'one', cwd=folder)
    assert (status, out) == (0, "__main__ ['one'] [[6.0, 6.0]]\n"), err


def test_pytest(folder):
    status, out, err = run('-m', 'pytest', '-q', '-p', 'no:cacheprovider', folder)
    assert status == 1 and '1 failed, 1 passed' in out and 'test_old.py::test_wrong' in out, (
        out + err
    )


def test_code(folder):
    code = (
        'import caffe.draw, helper, sys; '
        'print(sys.argv, __name__, helper.Twice.__mro__[1] is caffe.Layer)'
    )
    assert run('-c', code, 'x', cwd=folder) == (0, "['-c', 'x'] __main__ True\n", '')


def test_the_exit_status_is_the_scripts_own(folder):
    assert run(folder / 'fails.py') == (3, '', '')


@pytest.mark.parametrize('arguments', [(), ('-h',), ('-c',)])
def test_usage(arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, '') and 'python -m goodinit.caffe script.py arguments...' in err


def test_a_script_that_is_not_there():
    assert run('no.py') == (2, '', 'no such script: no.py\n')


@pytest.fixture
def installed(monkeypatch):
    """The alias, in this process, for one test."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    alias.install()
    yield
    for name in set(sys.modules) - before:
        if name.partition('.')[0] == 'caffe':
            del sys.modules[name]


def test_names_are_the_same_modules(installed):
    alias.install()
    assert sum(isinstance(finder, alias.Alias) for finder in sys.meta_path) == 1
    for name in ('', '.io', '.net_spec', '.pycaffe', '.proto', '.proto.caffe_pb2'):
        ours = importlib.import_module(f'goodinit.caffe{name}')
        spec = ours.__spec__
        assert importlib.import_module(f'caffe{name}') is ours and ours.__spec__ is spec
    assert goodinit.caffe.io.__spec__.name == 'goodinit.caffe.io'
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'caffe\.nothing'"):
        importlib.import_module('caffe.nothing')


def test_importing_it_loads_nothing_heavy():
    heavy = 'sklearn', 'scipy', 'matplotlib', 'pydot', 'goodinit.caffe.classifier'
    code = f'import sys, goodinit.caffe; print([name for name in {heavy} if name in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == '[]\n', done.stdout + done.stderr
