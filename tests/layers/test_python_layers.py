"""Layers in a user's Python code: what they see, what is refused, and how a tool tells of their
errors."""

import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import golden
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import LayerError
from goodinit.netlib.layers.host import python
from goodinit.proto import parse_net
from goodinit.tools.cli.main import main
from toolkit import fails

IO = golden.HERE / 'io'
NET = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 1, 4, 3] } } }
layer { name: "l" type: "Python" bottom: "x" top: "y" python_param { module: "%s" layer: "%s" } }
layer { name: "ip" type: "InnerProduct" bottom: "y" top: "ip"
        inner_product_param { num_output: 2 } }"""
CODE = """import caffe

class Facts(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(1, 6)

    def forward(self, bottom, top):
        x = bottom[0]
        top[0].data[...] = x.num, x.channels, x.height, x.width, self.phase, len(self.blobs)

class Loses(Facts):
    def forward(self, bottom, top):
        top[0].data = 3

class Empty(caffe.Layer):
    pass

class Half(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(1, 6)

class Other:
    pass

class Broken(Facts):
    def reshape(self, bottom, top):
        top[0].reshape(2, helper({'wide': 3}))

def helper(sizes):
    return sizes['width']
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a user's code, on the way to be imported, and `import caffe` for it."""
    (tmp_path / 'user_layers.py').write_text(CODE)
    (tmp_path / 'unfinished.py').write_text('class Layer(:\n')
    for path in (IO, tmp_path):
        monkeypatch.syspath_prepend(str(path))
    monkeypatch.setitem(sys.modules, 'caffe', SimpleNamespace(Layer=python.PythonLayer))
    monkeypatch.setattr(python, '_announced', set())
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop('user_layers', None)


def net_of(layer, module='user_layers', **options):
    return Net(parse_net(NET % (module, layer), 'net.prototxt'), **options)


def written(folder, layer, module='user_layers'):
    (folder / 'net.prototxt').write_text(NET % (module, layer))
    return 'net.prototxt'


@pytest.mark.parametrize('path', sorted(IO.glob('Python_*.npz')), ids=lambda path: path.stem)
def test_recorded_layers(path, engine):
    for key, ours, recorded in golden.replay(path, engine):
        golden.assert_close(key, ours, recorded, 1e-6, 0)


def test_what_a_layer_sees():
    net = net_of('Facts', phase=1)
    net.forward()
    assert net.blobs['y'].data.tolist() == [[2, 1, 4, 3, 1, 0]]


def test_that_code_runs_is_said_once(caplog):
    with caplog.at_level(logging.WARNING):
        net_of('Facts')
        net_of('Facts')
    assert [record.getMessage() for record in caplog.records] == [
        f"layer 'l' runs Python code: {sys.modules['user_layers'].__file__}"
    ]


@pytest.mark.parametrize(
    'arguments, error, message',
    [
        (
            ('Facts', 'nosuch_module'),
            LayerError,
            "module 'nosuch_module': .*; put its folder on PYTHONPATH",
        ),
        (
            ('Fact',),
            LayerError,
            "layer: module 'user_layers' has no class 'Fact' derived from PythonLayer",
        ),
        (
            ('Other',),
            LayerError,
            "layer: module 'user_layers' has no class 'Other' derived from PythonLayer",
        ),
        (('Empty',), NotImplementedError, r'Empty must have reshape\(bottom, top\)'),
        (('Half',), NotImplementedError, r'Half must have forward\(bottom, top\)'),
        (('Loses',), AttributeError, 'data'),
        (('Broken',), KeyError, 'width'),
    ],
)
def test_errors_come_through_as_they_are(arguments, error, message):
    with pytest.raises(error, match=message):
        net_of(*arguments).forward()


def test_backward_must_be_there():
    net = net_of('Facts')
    with pytest.raises(
        NotImplementedError, match=r'Facts must have backward\(top, propagate_down, bottom\)'
    ):
        net.layers[1].backward(net.tops[1], [True], net.bottoms[1])


# -- refusing

REFUSED = (
    r"layer 'l' \(Python\), net.prototxt:2: module 'user_layers': Python layers run code, "
    r'and are not allowed'
)


def test_code_may_be_refused():
    with python.refused():
        with pytest.raises(LayerError, match=REFUSED):
            net_of('Facts')
        with python.refused(when=False), pytest.raises(LayerError, match=REFUSED):
            net_of('Facts')
    assert 'user_layers' not in sys.modules
    python.allow(False)
    with pytest.raises(LayerError, match=REFUSED):
        net_of('Facts')
    python.allow(True)
    net_of('Facts')


@pytest.mark.parametrize(
    'arguments',
    [
        ['init', '--proto', 'net.prototxt', '--out', 'out.caffemodel'],
        ['stats', '--proto', 'net.prototxt'],
        ['show', 'net.prototxt'],
        ['train', '--solver', 'solver.prototxt'],
        ['caffe', 'time', '--model', 'net.prototxt'],
        ['caffe', 'train', '--solver', 'solver.prototxt'],
    ],
)
def test_tools_refuse_code(folder, arguments, capsys):
    written(folder, 'Facts')
    (folder / 'solver.prototxt').write_text(
        'net: "net.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 1 '
        'solver_mode: CPU snapshot_prefix: "s"'
    )
    assert main([*arguments, '--no-python-layers']) == 1
    assert (
        'Python layers run code, and are not allowed here'
        in capsys.readouterr().err.splitlines()[-1]
    )
    assert 'user_layers' not in sys.modules
    net_of('Facts')


# -- errors in tools


@pytest.mark.parametrize(
    'arguments, message',
    [
        (
            ('Broken',),
            "layer 'l' (Python), net.prototxt:2: its code at {}/user_layers.py:30 raised "
            "KeyError: 'width'\n",
        ),
        (
            ('Half',),
            "layer 'l' (Python), net.prototxt:2: its code raised NotImplementedError: Half must "
            'have forward(bottom, top)\n',
        ),
        (
            ('Layer', 'unfinished'),
            "layer 'l' (Python), net.prototxt:2: its code raised SyntaxError: invalid syntax "
            '(unfinished.py, line 1)\n',
        ),
    ],
)
def test_a_tool_says_in_one_line_whose_code_failed(folder, arguments, message, capsys):
    found = fails(
        main, ['init', '--proto', written(folder, *arguments), '--out', 'out.caffemodel'], capsys
    )
    assert found == message.format(folder)


def test_errors_that_are_not_a_users_are_not_blamed_on_one():
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert python.blame(caught.value) == ''


def test_what_a_terminal_shows(folder):
    """That code runs, once, though the tool builds more than one net; nothing that looks like a
    traceback."""
    (folder / 'user_layers.py').write_text(
        CODE.replace(
            'import caffe',
            'from goodinit.netlib.layers.host import python as caffe; '
            'caffe.Layer = caffe.PythonLayer',
        )
    )
    command = [
        sys.executable,
        '-W',
        'error',
        '-m',
        'goodinit.tools.cli.main',
        'init',
        '--proto',
        written(folder, 'Facts'),
        '--dry-run',
        '--quiet',
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {'PYTHONPATH': str(folder)}
    )
    assert (
        done.stderr == f"layer 'l' runs Python code: {folder}/user_layers.py\n"
        and done.returncode == 0
    )
