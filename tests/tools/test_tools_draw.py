"""`goodinit draw`: a net as boxes without Graphviz, filters, and what a layer makes of an image."""

import re
import sys
from itertools import pairwise

import numpy as np
import pytest
from goodinit.feeding.bundled import model_names
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.netlib import Net
from goodinit.tools.draw import main
from goodinit.tools.plots.filters import activation_figure, filter_figure
from goodinit.tools.plots.tiles import image_of, sheet_of_channels, sheet_of_filters
from goodinit.tools.report_page.net_graph import HEIGHT, NO_PACE, PACES, WIDTH, boxes_of, graph_rows
from goodinit.tools.report_page.numbers import layers_of_net
from PIL import Image
from toolkit import DEPLOY, fails, initialized, samples, written

for name in ('vl_convert', 'fast_sugiyama', 'matplotlib'):
    pytest.importorskip(name)
STARTS = {'.png': b'\x89PNG', '.svg': b'<svg', '.pdf': b'%PDF'}
RESIDUAL = ['fitresnet4/relu', 'googlenet', 'unet']


def rows_of(name, rates=None):
    file = read_net_file(name)
    net = Net(shaped(file, DataOptions()))
    return graph_rows(layers_of_net(file.param, net), rates or {})


# -- the net


@pytest.mark.parametrize('suffix', STARTS)
def test_the_suffix_decides_the_format(suffix, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', '')  # no Graphviz
    out = tmp_path / f'net{suffix.upper()}'
    assert main(['lenet', str(out)]) == 0, capsys.readouterr().err
    assert out.read_bytes().startswith(STARTS[suffix])
    said = capsys.readouterr().err
    assert said == f'{out}: 8 boxes, from the input at the top to the outputs\n'


def test_a_picture_has_names_and_shapes(tmp_path):
    out = tmp_path / 'net.svg'
    assert main(['lenet', str(out), '--phase', 'TEST']) == 0
    text = out.read_text()
    for words in ('conv1', 'InnerProduct + ReLU', '20 x 24 x 24', 'accuracy'):
        assert f'>{words}</text>' in text
    assert 'var(--' not in text


def test_what_works_in_place_is_in_the_box():
    file = read_net_file('lenet')
    boxes = boxes_of(layers_of_net(file.param, Net(shaped(file, DataOptions()))))
    assert [box.name for box in boxes] == [
        'mnist', 'conv1', 'pool1', 'conv2', 'pool2', 'ip1', 'ip2', 'loss'
    ]  # fmt: skip
    [ip1] = [box for box in boxes if box.name == 'ip1']
    assert ip1.lines == ['ip1', 'InnerProduct + ReLU', '500']


@pytest.mark.parametrize('name', RESIDUAL)
def test_boxes_do_not_overlap_and_lines_go_down(name):
    rows = rows_of(name)
    boxes = sorted(rows['boxes'], key=lambda box: (box['top'], box['left']))
    for one, next_one in pairwise(boxes):
        beside = next_one['left'] >= one['right']
        assert next_one['top'] >= one['bottom'] or beside, (one['name'], next_one['name'])
    ends = rows['lines']
    for upper, lower in zip(ends[::2], ends[1::2], strict=True):
        assert upper['line'] == lower['line'] and upper['y'] < lower['y']


def test_every_bundled_net_is_laid_out():
    for name in model_names():
        if 'fitnet' not in name and 'vgg' not in name:
            rows = rows_of(name)
            assert rows['lines'] and all(b['right'] - b['left'] == WIDTH for b in rows['boxes'])
            assert all(b['bottom'] - b['top'] == pytest.approx(HEIGHT) for b in rows['boxes'])


def test_nets_of_parts_and_of_one_layer():
    lone = {'layer': 'a', 'type': 'Input', 'bottoms': [], 'tops': ['a'], 'shapes': ['3']}
    rows = graph_rows([lone], {})
    assert [box['name'] for box in rows['boxes']] == ['a'] and rows['lines'] == []
    parts = []
    for part in 'xy':
        parts.append({**lone, 'layer': part, 'tops': [part]})
        parts.append(
            {'layer': part * 2, 'type': 'TanH', 'bottoms': [part], 'tops': [part * 2], 'shapes': []}
        )
    x, _, y, _ = graph_rows(parts, {})['boxes']
    assert x['right'] < y['left'] or y['right'] < x['left']


def test_paces():
    rates = {'conv1': 0.1, 'conv2': 1.0, 'ip1': 1.2, 'ip2': 8.0}
    found = {box['name']: box['pace'] for box in rows_of('lenet', rates)['boxes']}
    slowest, _, median, _, fastest = PACES
    assert found['conv1'] == slowest and found['ip2'] == fastest
    assert found['conv2'] == found['ip1'] == median and found['pool1'] == NO_PACE


def test_without_the_packages(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'fast_sugiyama', None)
    message = fails(main, ['lenet', tmp_path / 'net.svg'], capsys)
    assert "this needs the package 'fast_sugiyama'" in message
    assert "pip install 'goodinit[report]'" in message and not list(tmp_path.iterdir())


# -- filters and activations


def test_filters_and_activations(tmp_path, capsys):
    net = written(tmp_path)
    weights = initialized(tmp_path)
    image = tmp_path / 'image.png'
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(image)
    out = tmp_path / 'filters.svg'
    assert main([net, str(out), '--filters', 'conv', '--weights', str(weights)]) == 0
    assert "the 4 filters of 'conv', 3 x 3 x 3 each" in capsys.readouterr().err
    assert out.read_text().startswith('<?xml')
    for layer, count in (('relu', 4), ('ip', 5)):
        out = tmp_path / f'{layer}.png'
        given = ['--activations', layer, '--weights', str(weights), '--data', str(image)]
        assert main([net, str(out), *given]) == 0, capsys.readouterr().err
        said = capsys.readouterr().err
        assert f"{out}: the {count} outputs of '{layer}' for the first of {image}" in said
        assert out.read_bytes().startswith(STARTS['.png'])


def test_one_scale_for_all_tiles_with_gray_gaps():
    weights = np.zeros((2, 1, 2, 2))
    weights[0, 0] = [[-3, 1], [0, 2]]
    sheet = sheet_of_filters(weights)
    assert sheet.reach == 3 and not sheet.in_color
    np.testing.assert_array_equal(sheet.pixels[:, :2], weights[0, 0])
    assert np.isnan(sheet.pixels[:, 2]).all() and (sheet.pixels[:, 3:] == 0).all()
    figure = filter_figure('conv', weights)
    tiles, bar = figure.axes
    assert tiles.images[0].norm.vmin == -3 and tiles.images[0].norm.vmax == 3
    assert bar.get_ylabel() == 'weight' and tiles.get_title() == 'conv: 2 filters of 1 x 2 x 2'


def test_three_channels_are_colors_around_gray():
    weights = np.zeros((1, 3, 2, 2))
    weights[0, 0, 0, 0] = 2  # blue
    weights[0, 2, 1, 1] = -1  # red
    sheet = sheet_of_filters(weights)
    assert sheet.in_color and sheet.reach == 2
    np.testing.assert_array_equal(sheet.pixels[0, 0], [0.5, 0.5, 1])
    np.testing.assert_array_equal(sheet.pixels[1, 1], [0.25, 0.5, 0.5])
    _, bar = filter_figure('conv', weights).axes
    assert bar.get_ylabel() == 'weight, of each color'


def test_a_row_for_each_filter_over_many_channels():
    weights = np.random.default_rng(0).normal(size=(40, 20, 3, 3))
    sheet = sheet_of_filters(weights)
    assert sheet.left_out == 'the first 16 filters and 16 channels'
    assert sheet.pixels.shape == (16 * 4 - 1, 16 * 4 - 1)
    np.testing.assert_array_equal(sheet.pixels[4:7, 8:11], weights[1, 2])
    assert sheet_of_filters(weights[:5, :7]).left_out == ''


def test_activations_of_many_channels():
    values = np.ones((300, 2, 2))
    assert sheet_of_channels(values).left_out == 'the first 256 channels'
    figure = activation_figure('conv', np.zeros((1, 4, 4)), values)
    assert figure.axes[1].get_title() == 'conv: 300 x 2 x 2\nthe first 256 channels'


def test_images_are_stretched_and_in_color():
    image = np.zeros((3, 2, 2))
    image[0] = 4
    np.testing.assert_array_equal(image_of(image)[0, 0], [0, 0, 1])  # blue comes first
    assert image_of(np.ones((1, 2, 2))).max() == 0


MISTAKES = [
    (['x.png', '--filters', 'a', '--activations', 'b'], 'found --filters and --activations'),
    (['x.png', '--data', 'd'], '--data: found without --activations'),
    (['x.png', '--weights', 'w'], '--weights: found without --filters or --activations'),
    (['x.gif', '--filters', 'conv'], "argument OUT: found 'x.gif', needed: a path that ends in"),
    (['x.png', '--filters', 'con'], "net 'Small' has no layer 'con'; did you mean 'conv'?"),
    (
        ['x.png', '--filters', 'ip'],
        "layer 'ip' (InnerProduct) has no filters of two dimensions to draw (those that have: "
        'conv)',
    ),
    (['x.png', '--filters', 'conv', '--phase', 'ALL'], '--phase ALL: needed: TRAIN or TEST'),
]


@pytest.mark.parametrize(('arguments', 'message'), MISTAKES)
def test_mistakes(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net = written(tmp_path)
    assert message in fails(main, [net, *arguments], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ['net.prototxt']


def test_layers_and_nets_without_pictures(tmp_path, capsys):
    out = tmp_path / 'x.png'
    message = fails(main, ['lenet', out, '--activations', 'loss'], capsys)
    assert "layer 'loss': its output is one number; needed to draw it: samples" in message
    text = re.sub('dim: 3 dim: 8 dim: 8', 'dim: 3', DEPLOY.partition('layer { name: "conv"')[0])
    text += 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" '
    net = written(tmp_path, text + 'inner_product_param { num_output: 2 } }')
    given = ['--activations', 'ip', '--data', samples(tmp_path, (4, 3))]
    message = fails(main, [net, out, *given], capsys)
    assert "net 'Small' reads no images; --activations needs one" in message
