"""Pictures of nets: what the graph says, what `dot` makes of it, and what happens without it."""

import shutil
import subprocess
import sys

import pytest
from goodinit.caffe import draw
from goodinit.feeding.bundled import find_model, model_names
from goodinit.netlib.errors import GoodinitError
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import parse_net, parse_text, read_net
from goodinit.tools import draw as draw_net
from toolkit import DEPLOY, fails, train_val, written

pytest.importorskip('pydot')
DOT = pytest.mark.skipif(not shutil.which('dot'), reason='needs the program dot of Graphviz')

LABELS = [
    ('name: "r" type: "ReLU"', 'LR', r'"r\n(ReLU)"'),
    (
        'name: "c" type: "Convolution" convolution_param { kernel_size: 5 stride: 2 }',
        'LR',
        r'"c\n(Convolution)\nkernel size: 5\nstride: 2\npad: 0"',
    ),
    (
        'name: "c" type: "Deconvolution" '
        'convolution_param { kernel_h: 1 kernel_w: 7 pad_h: 0 pad_w: 3 }',
        'TB',
        '"c (Deconvolution) kernel size: 1x7 stride: 1 pad: 0x3"',
    ),
    (
        'name: "c" type: "Convolution" convolution_param { kernel_size: 3 kernel_size: 5 }',
        'BT',
        '"c (Convolution) kernel size: 3x5 stride: 1 pad: 0"',
    ),
    (
        'name: "p" type: "Pooling" pooling_param { pool: AVE kernel_size: 3 pad: 1 }',
        'BT',
        '"p (Pooling AVE) kernel size: 3 stride: 1 pad: 1"',
    ),
    (
        'name: "p" type: "Pooling" pooling_param { global_pooling: true }',
        'TB',
        '"p (Pooling MAX) kernel size: all stride: 1 pad: 0"',
    ),
    (r'name: "a\"b\\c" type: "ReLU"', 'TB', r'"a\"b\\c (ReLU)"'),
]


def layer(text):
    return parse_text(text, pb.LayerParameter(), 'test')


@pytest.mark.parametrize(('text', 'rankdir', 'label'), LABELS)
def test_labels_of_layers(text, rankdir, label):
    assert draw.get_layer_label(layer(text), rankdir) == label


@pytest.mark.parametrize(
    ('text', 'multipliers'),
    [
        ('', (1, 1)),
        ('param { lr_mult: 3 }', (3, 1)),
        ('param { lr_mult: 0.5 } param { decay_mult: 0 }', (0.5, 1)),
        ('param { lr_mult: 1 } param { lr_mult: 2 }', (1, 2)),
    ],
)
def test_multipliers_of_the_learning_rate(text, multipliers):
    found = layer(f'name: "ip" type: "InnerProduct" {text}')
    assert draw.get_layer_lr_mult(found) == multipliers
    assert 'lr mult: {:.1f}, {:.1f}'.format(*multipliers) in draw.get_layer_label(
        found, 'LR', display_lrm=True
    )
    assert 'lr mult' not in draw.get_layer_label(found, 'LR')


def test_layers_that_do_not_learn():
    relu, frozen = (
        layer('name: "r" type: "ReLU"'),
        layer('name: "f" type: "InnerProduct" param { lr_mult: 0 } param { lr_mult: 0 }'),
    )
    assert draw.get_layer_label(relu, 'TB', True) == '"r (ReLU)"'
    assert draw.get_layer_label(frozen, 'TB', True) == '"f (InnerProduct)"'
    with pytest.raises(ValueError, match='ReLU layers do not have a learning rate multiplier'):
        draw.get_layer_lr_mult(relu)


@pytest.mark.parametrize(
    ('text', 'label'),
    [
        ('type: "Data" data_param { batch_size: 64 }', 'Batch 64'),
        ('type: "Convolution" convolution_param { num_output: 20 }', '20'),
        ('type: "InnerProduct" inner_product_param { num_output: 500 }', '500'),
        ('type: "Softmax"', '""'),
    ],
)
def test_labels_of_edges(text, label):
    assert draw.get_edge_label(layer(text)) == label


def test_colors_and_kinds_of_pooling():
    assert draw.get_pooling_types_dict() == {0: 'MAX', 1: 'AVE', 2: 'STOCHASTIC'}
    colors = [
        draw.choose_color_by_layertype(kind)
        for kind in ('Deconvolution', 'Pooling', 'InnerProduct', 'LRN')
    ]
    assert colors == ['#FF5050', '#FF9900', '#CC33FF', '#6495ED']


def edges(graph):
    return {
        (edge.get_source().strip('"'), edge.get_destination().strip('"'))
        for edge in graph.get_edges()
    }


def test_the_graph_of_a_net():
    graph = draw.get_pydot_graph(parse_net(DEPLOY), 'LR')
    assert edges(graph) == {
        ('data_Input', 'data_blob'),
        ('data_blob', 'conv_Convolution'),
        ('conv_Convolution', 'conv_blob'),
        ('conv_blob', 'relu_ReLU'),
        ('relu_ReLU', 'conv_blob'),
        ('conv_blob', 'drop_Dropout'),
        ('drop_Dropout', 'conv_blob'),
        ('conv_blob', 'ip_InnerProduct'),
        ('ip_InnerProduct', 'ip_blob'),
        ('ip_blob', 'prob_Softmax'),
        ('prob_Softmax', 'prob_blob'),
    }
    (relu,), (conv,) = graph.get_node('"relu_ReLU"'), graph.get_node('"conv_Convolution"')
    assert (relu.get_fillcolor(), conv.get_fillcolor()) == ('#90EE90', '#FF5050')
    bare = draw.get_pydot_graph(parse_net(DEPLOY), 'LR', label_edges=False)
    assert {edge.get_label() for edge in graph.get_edges()} == {None, '""', '4', '5'}
    assert {edge.get_label() for edge in bare.get_edges()} == {None, '""'}


def test_phases():
    found = {
        phase: {
            name
            for name, _ in edges(draw.get_pydot_graph(parse_net(train_val()), 'LR', phase=phase))
        }
        for phase in (None, pb.TRAIN, pb.TEST)
    }
    assert 'images_Data' in found[None] & found[pb.TRAIN] and 'images_Data' not in found[pb.TEST]


def test_older_formats_are_drawn():
    net = parse_text(
        'name: "old" input: "x" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4 '
        'layers { name: "r" type: RELU bottom: "x" top: "y" }',
        pb.NetParameter(),
        'test',
    )
    assert edges(draw.get_pydot_graph(net, 'LR')) == {
        ('input_Input', 'x_blob'),
        ('x_blob', 'r_ReLU'),
        ('r_ReLU', 'y_blob'),
    }


def test_text_needs_no_dot(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', '')
    net = parse_net(DEPLOY)
    for name in ('net.dot', 'net.gv', 'net.raw'):
        draw.draw_net_to_file(net, tmp_path / name)
        lines = (tmp_path / name).read_text().splitlines()
        assert lines[0] == 'digraph "Small" {' and '"data_blob" -> "conv_Convolution";' in lines
    with pytest.raises(GoodinitError, match=r'apt install graphviz.*a \.dot file needs none'):
        draw.draw_net_to_file(net, tmp_path / 'net.png')
    assert not (tmp_path / 'net.png').exists()


def test_without_pydot(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydot', None)
    with pytest.raises(
        GoodinitError, match=r"needs the package 'pydot' .*pip install 'goodinit\[plot\]'"
    ):
        draw.draw_net(parse_net(DEPLOY), 'LR', 'dot')


@DOT
@pytest.mark.parametrize(
    'name', [name for name in model_names() if 'fitnet' not in name and 'resnet' not in name]
)
def test_dot_reads_every_graph(name):
    """-Tcanon reads the graph and lays nothing out; every node has its quotes."""
    text = draw.draw_net(read_net(find_model(name)), 'LR', 'dot', display_lrm=True)
    done = subprocess.run(['dot', '-Tcanon'], input=text, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b'')


@DOT
def test_pictures():
    net = read_net(find_model('lenet'))
    assert draw.draw_net(net, 'LR').startswith(b'\x89PNG')
    svg = draw.draw_net(net, 'TB', 'svg', pb.TEST).decode()
    assert 'conv1 (Convolution) kernel size: 5 stride: 1 pad: 0' in svg and 'Batch 64' not in svg
    with pytest.raises(GoodinitError, match=r'dot -Tnope: Format: "nope" not recognized'):
        draw.draw_net(net, 'LR', 'nope')


def test_the_tool(tmp_path, capsys):
    proto, out = written(tmp_path, train_val()), tmp_path / 'net.dot'
    assert (
        draw_net.main([proto, str(out), '--rankdir', 'TB', '--phase', 'TRAIN', '--display_lrm'])
        == 0
    )
    assert capsys.readouterr().err == f'Drawing net to {out}\n'
    text = out.read_text()
    assert (
        'rankdir=TB' in text
        and 'conv (Convolution) kernel size: 3 stride: 1 pad: 0 lr mult: 1.0, 1.0' in text
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['no.prototxt', 'net.png'], "'no.prototxt' is neither a file nor a bundled model"),
        (['lenet', 'net.dot', '--rankdir', 'UP'], "unknown 'UP' (known: LR, RL, TB, BT)"),
        (['lenet', 'net.dot', '--phase', 'train'], "unknown 'train'; did you mean 'TRAIN'?"),
    ],
)
def test_mistakes(arguments, message, capsys):
    assert message in fails(draw_net.main, arguments, capsys)


def test_extensions_in_capitals(tmp_path):
    assert draw_net.main(['lenet', str(tmp_path / 'net.DOT')]) == 0
    assert (tmp_path / 'net.DOT').read_text().startswith('digraph')


@pytest.mark.parametrize(
    ('out', 'message'),
    [
        ('net', 'net: found no extension, needed: .png'),
        ('no/net.dot', 'no/net.dot: there is no folder no'),
    ],
)
def test_outputs_that_cannot_be(out, message, capsys):
    assert draw_net.main(['lenet', out]) == 1
    assert message in capsys.readouterr().err
