"""Nets whose photographs are not there can be looked at and checked all the same."""

import json

from goodinit.feeding.filled_net import Net
from goodinit.proto.spec import NetBuilder
from goodinit.tools.lint import lint
from goodinit.tools.show import main as show
from small_fast_rcnn import body, data_layer, known_regions, written
from toolkit import fails

GONE = 'no such folder; needed: a VOCdevkit'


def net_of(folder, name='net.prototxt', **options):
    net = NetBuilder('Tiny')
    data_layer(net, 'regions', **{'data': str(folder / 'gone'), **options})
    body(net)
    return written(folder, net.param, name)


def test_shapes_are_shown(tmp_path, capsys):
    assert show([net_of(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert '2 3 96 128' in shown and '24 84' in shown


def test_they_are_those_of_the_data(tmp_path):
    """As far as photographs are alike: regions are at most as many, sides as long."""
    there = NetBuilder('Tiny')
    data_layer(there, known_regions(tmp_path))
    net = Net(there.param, 'train')
    (layer,) = net.layers
    images, *others = layer.shapes_without_data()
    assert images == net.tops[0][0].shape
    for told, blob in zip(others, net.tops[0][1:], strict=True):
        assert told[1:] == blob.shape[1:] and len(told) == blob.axes


def test_lint_warns_and_checks_the_rest(tmp_path):
    path = net_of(tmp_path)
    (finding,) = lint(path)
    assert finding.warning and GONE in finding.message and finding.layer == 'data'
    with open(path, encoding='utf-8') as file:
        text = file.read()
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text.replace('pooled_h: 2', 'pooled_h: 0'))
    missing, wrong = sorted(lint(path), key=lambda each: each.layer)
    assert missing.warning and 'pooled_h must be > 0' in wrong.message and not wrong.warning


def test_wrong_options_are_errors(tmp_path, capsys):
    (finding,) = lint(net_of(tmp_path, scales=[0]))
    assert not finding.warning and 'scales: found 0, needed: 1 or more' in finding.message
    assert 'scales: found 0' in fails(show, [net_of(tmp_path, scales=[0])], capsys)


def test_classification_too(tmp_path, capsys):
    net = NetBuilder('Classes')
    options = {'data': str(tmp_path / 'gone'), 'batch_size': 7, 'crop_size': 33}
    layer = {
        'module': 'goodinit.voc.classification_data',
        'layer': 'ClassificationData',
        'param_str': json.dumps(options),
    }
    net.add('Python', 'data', top=['data', 'label'], python_param=layer)
    net.conv('conv', 'data', 4, 3)
    path = written(tmp_path, net.param, 'classes.prototxt')
    assert show([path]) == 0
    assert '7 3 33 33' in capsys.readouterr().out
    assert [each.warning for each in lint(path) if GONE in each.message] == [True]
