"""goodinit test --data: top-1 and top-5 by one crop or ten, beside Caffe's Accuracy and by hand."""

import re

import numpy as np
import pytest
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.ranked import Ranking, crops_of
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.test import main
from mini_devkit import YEAR
from PIL import Image
from toolkit import fails

NET = """
layer {{ name: "data" type: "ImageData" top: "data" top: "label"
  transform_param {{ crop_size: 8 mean_value: 100 scale: 0.02 }}
  image_data_param {{ source: "list.txt" batch_size: 12 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: {classes} weight_filler {{ type: "gaussian" std: 0.1 }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
layer {{ name: "one" type: "Accuracy" bottom: "ip" bottom: "label" top: "one" }}
layer {{ name: "five" type: "Accuracy" bottom: "ip" bottom: "label" top: "five"
  accuracy_param {{ top_k: 5 }} }}
"""
ARGUMENTS = ['--model', 'net.prototxt', '--weights', 'net.caffemodel', '--data', 'list.txt']


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve images of 10 x 10 with labels, and a net of 8 classes with weights."""
    monkeypatch.chdir(tmp_path)
    lines = []
    for i, path in enumerate(sorted((YEAR / 'JPEGImages').iterdir())):
        Image.open(path).resize((10, 10)).save(tmp_path / f'{i}.png')
        lines.append(f'{i}.png {i % 8}\n')
    (tmp_path / 'list.txt').write_text(''.join(lines))
    (tmp_path / 'net.prototxt').write_text(NET.format(classes=8))
    net = Net('net.prototxt', TEST)
    net.params['ip'][0].data = 0.1 * np.random.default_rng(1).standard_normal((8, 192))
    net.save('net.caffemodel')
    return tmp_path


def numbers(text):
    found = re.fullmatch(r'images = (\d+)\ntop-1 = (\S+)\ntop-5 = (\S+)\n', text)
    return [float(number) for number in found.groups()]


def test_one_crop_is_what_caffe_measures(folder, capsys):
    assert main([*ARGUMENTS, '--side', '10']) == 0
    images, first, among_five = numbers(capsys.readouterr().out)
    net = Net('net.prototxt', TEST, load='net.caffemodel')
    net.forward()
    assert images == 12
    assert first == pytest.approx(float(net.blobs['one'].data), abs=1e-4)
    assert among_five == pytest.approx(float(net.blobs['five'].data), abs=1e-4)
    assert 0 < among_five < 1


def test_ten_crops_are_averaged(folder, capsys):
    assert main([*ARGUMENTS, '--side', '10', '--crops', '10']) == 0
    found = numbers(capsys.readouterr().out)
    net = Net('net.prototxt', TEST, load='net.caffemodel')
    weights = net.params['ip'][0].data
    ranks = []
    for i in range(12):
        pixels = np.asarray(Image.open(f'{i}.png'))[:, :, ::-1].transpose(2, 0, 1)
        mean = 0
        for top, left in [(1, 1), (0, 0), (0, 2), (2, 0), (2, 2)]:
            crop = pixels[:, top : top + 8, left : left + 8]
            for shown in (crop, crop[:, :, ::-1]):
                scores = weights @ ((shown - 100.0) * 0.02).ravel()
                mean = mean + np.exp(scores) / np.exp(scores).sum()
        ranks.append(sorted(-mean).index(-mean[i % 8]))
    ranks = np.array(ranks)
    expected = [12, np.mean(ranks < 1), np.mean(ranks < 5)]
    assert found == pytest.approx(expected, abs=1e-4)


def test_crops():
    pixels = np.arange(2 * 5 * 4).reshape(2, 5, 4)
    ten = crops_of(pixels, 2, 10)
    np.testing.assert_array_equal(ten[0], crops_of(pixels, 2, 1)[0])
    np.testing.assert_array_equal(ten[0], pixels[:, 1:3, 1:3])
    np.testing.assert_array_equal(ten[4], pixels[:, 3:, 2:])
    np.testing.assert_array_equal(ten[5:], ten[:5, :, :, ::-1])


def test_equal_scores_are_no_answer(folder, capsys):
    net = Net('net.prototxt', TEST)
    net.save('net.caffemodel')  # all weights are zero
    assert main(ARGUMENTS) == 0
    assert numbers(capsys.readouterr().out) == [12, 0, 0]


def test_images_that_cannot_be_read_are_counted(folder, capsys):
    (folder / '3.png').write_bytes(b'no image')
    assert main(ARGUMENTS) == 0
    out, err = capsys.readouterr()
    assert numbers(out)[0] == 11 and err == 'note: 1 more images cannot be read\n'
    for i in range(12):
        (folder / f'{i}.png').write_bytes(b'no image')
    assert 'none of the images can be read' in fails(main, ARGUMENTS, capsys)


def test_what_is_wrong_is_said(folder, capsys):
    (folder / 'list.txt').write_text('0.png 8\n')
    assert 'found the label 8, the net has 8 classes' in fails(main, ARGUMENTS, capsys)
    (folder / 'list.txt').write_text('0.png\n')
    assert '0.png: has no label; needed: a database, or a list' in fails(main, ARGUMENTS, capsys)
    said = fails(main, [*ARGUMENTS[:4], '--crops', '10'], capsys)
    assert '--crops: needs --data' in said
    (folder / 'list.txt').write_text('0.png 1\n')
    net = Net('net.prototxt', TEST)
    net.params['ip'][0].data = np.nan
    net.save('nan.caffemodel')
    arguments = [each.replace('net.caffemodel', 'nan.caffemodel') for each in ARGUMENTS]
    assert 'the scores are not finite' in fails(main, arguments, capsys)


def test_a_net_that_does_not_say_how_is_refused(folder, capsys):
    text = NET.format(classes=8)
    (folder / 'net.prototxt').write_text(text.replace('crop_size: 8 ', ''))
    assert 'net.prototxt: has no data layer with a crop_size' in fails(main, ARGUMENTS, capsys)
    (folder / 'net.prototxt').write_text(text.replace('SoftmaxWithLoss', 'HingeLoss'))
    assert 'net.prototxt: has no SoftmaxWithLoss; needed: one' in fails(main, ARGUMENTS, capsys)


@pytest.mark.parametrize('model, scores', [('caffenet', 'fc8'), ('squeezenet', 'pool10')])
def test_bundled_nets_can_be_ranked(model, scores):
    ranking = Ranking(read_net_file(model, TEST), 'fast')
    assert (ranking.scores, ranking.crop) == (scores, 227)
