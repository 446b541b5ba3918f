"""goodinit classify prints and saves what caffe.Classifier says."""

from pathlib import Path

import numpy as np
import pytest
from goodinit.netlib.errors import DataError
from goodinit.tools import classify
from goodinit.tools.cli import pycaffe_model
from pycaffe_images import PREPARING, crop_net, random_images, saved
from toolkit import DEPLOY, fails, written

from goodinit import caffe

OPTIONS = ['--images_dim', '11,14', '--mean_file', '104,117,123', '--input_scale', '0.02']


@pytest.fixture
def model(tmp_path):
    return crop_net(tmp_path)


@pytest.fixture
def images():
    return random_images(3, 11, 14, 3)


@pytest.fixture
def arguments(model):
    return ['--model_def', model[0], '--pretrained_model', model[1], *OPTIONS]


def test_arrays(model, arguments, images, tmp_path, capsys):
    np.save(tmp_path / 'in.npy', images)
    net = caffe.Classifier(*model, image_dims=(11, 14), **PREPARING)
    for option, oversample in ([], True), (['--center_only'], False):
        assert (
            classify.main(
                [str(tmp_path / 'in.npy'), str(tmp_path / 'out.npy'), *arguments, *option]
            )
            == 0
        )
        np.testing.assert_allclose(
            np.load(tmp_path / 'out.npy'), net.predict(images, oversample), rtol=1e-6
        )
    assert capsys.readouterr().out == ''


def test_a_directory_in_alphabetical_order(model, arguments, images, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for name, image in zip(['b.png', 'a.png', 'c.bmp'], images, strict=True):
        saved(folder, image, name)
    assert classify.main([str(folder), str(tmp_path / 'out.npy'), *arguments, '--ext', 'png']) == 0
    expected = caffe.Classifier(*model, image_dims=(11, 14), **PREPARING).predict(images[[1, 0]])
    np.testing.assert_allclose(np.load(tmp_path / 'out.npy'), expected, atol=1e-3)


def test_the_best_classes(model, arguments, images, tmp_path, capsys):
    """Without an output, or with names; the file may name more classes than the net has."""
    name = saved(tmp_path, images[0])
    (scores,) = caffe.Classifier(*model, image_dims=(11, 14), **PREPARING).predict(
        [caffe.io.load_image(name)]
    )
    assert classify.main([name, *arguments]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == name
    assert lines == [f'{scores[i]:11.5f}  {i}' for i in np.argsort(-scores)]
    (tmp_path / 'names.txt').write_text('\n'.join(f'n{i} thing, {i}' for i in range(7)))
    assert classify.main([name, *arguments, '--labels_file', str(tmp_path / 'names.txt')]) == 0
    best = scores.argmax()
    assert capsys.readouterr().out.splitlines()[1] == f'{scores[best]:11.5f}  n{best} thing, {best}'


def test_what_one_channel_needs_by_default(tmp_path, images, capsys):
    """Gray images, no mean, no swap."""
    text = DEPLOY.replace('dim: 2 dim: 3', 'dim: 2 dim: 1')
    proto, weights = written(tmp_path, text), str(tmp_path / 'gray.caffemodel')
    caffe.Net(proto, caffe.TEST).save(weights)
    name, out = saved(tmp_path, images[0, ..., :1]), tmp_path / 'out.npy'
    assert classify.main([name, str(out), '--model_def', proto, '--pretrained_model', weights]) == 0
    image = caffe.io.load_image(name, color=False)
    expected = caffe.Classifier(proto, weights, image_dims=(256, 256), raw_scale=255).predict(
        [image]
    )
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-6)


def test_the_mean_of_imagenet_is_the_default(model, images, tmp_path):
    name, out = saved(tmp_path, images[0]), tmp_path / 'out.npy'
    given = ['--model_def', model[0], '--pretrained_model', model[1], '--input_scale', '0.02']
    assert classify.main([name, str(out), *given]) == 0
    options = {**PREPARING, 'mean': np.array([104.00698793, 116.66876762, 122.67891434])}
    net = caffe.Classifier(*model, image_dims=(256, 256), **options)
    np.testing.assert_allclose(np.load(out), net.predict([caffe.io.load_image(name)]), rtol=1e-4)


def test_mean_files(tmp_path):
    mean = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    np.save(tmp_path / 'mean.npy', mean)
    np.testing.assert_array_equal(pycaffe_model.mean_of(str(tmp_path / 'mean.npy'), 3), mean)
    np.testing.assert_array_equal(pycaffe_model.mean_of('1,2.5,-3', 3), [1, 2.5, -3])
    np.save(tmp_path / 'gray.npy', mean[0])
    np.testing.assert_array_equal(pycaffe_model.mean_of(str(tmp_path / 'gray.npy'), 1), mean[:1])
    with pytest.raises(DataError, match=r'mean\.npy: found 3 channels, needed: 1, as many as the'):
        pycaffe_model.mean_of(str(tmp_path / 'mean.npy'), 1)


TRAIN = (
    'name: "Small" layer { name: "x" type: "DummyData" top: "x" '
    'dummy_data_param { shape { dim: 2 dim: 3 } } }'
)
MISTAKES = [
    (['no.jpg'], 'no.jpg: cannot be read as an image'),
    (['in.npy', 'out.txt'], 'out.txt: found another extension, needed: .npy'),
    (['in.npy', 'no/out.npy'], 'no/out.npy: there is no folder no'),
    (['.', 'out.npy'], '.: found no *.jpg in it; --ext names another extension'),
    (
        ['flat.npy', 'out.npy'],
        'flat.npy: found float64 of shape (2, 2), needed: numbers of shape (N, H, W, 3)',
    ),
    (
        ['net.prototxt', '--model_def', 'no.prototxt'],
        "'no.prototxt' is neither a file nor a bundled model",
    ),
    (['in.npy', '--pretrained_model', 'no.caffemodel'], 'File not found: no.caffemodel'),
    (['in.npy', '--images_dim', '256'], "found '256', needed: a height and a width"),
    (
        ['in.npy', '--channel_swap', '2,1'],
        "found '2,1', needed: an order of the channels, such as 2,1,0",
    ),
    (
        ['in.npy', '--channel_swap', '1,0'],
        'Channel swap needs to have the same number of dimensions',
    ),
    (['in.npy', '--mean_file', '1,2'], 'Mean channels incompatible with input. Found 2, needed 3'),
    (['in.npy', '--mean_file', 'no.npy'], 'mean file no.npy: cannot be read'),
    (['in.npy', '--labels_file', 'no.txt'], 'no.txt: cannot be read as the names of classes'),
    (['none.npy'], 'none.npy: found no pixels, needed: images'),
    (['nan.npy'], 'nan.npy: found NaN or infinity, needed: images'),
    (
        ['in.npy', '--model_def', 'train.prototxt'],
        "net 'Small' has no input of images (N, K, H, W)",
    ),
]


@pytest.mark.parametrize(('given', 'message'), MISTAKES)
def test_mistakes(given, message, arguments, images, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save('in.npy', images)
    np.save('flat.npy', np.eye(2))
    np.save('none.npy', np.zeros((2, 0, 4, 3)))
    np.save('nan.npy', np.full((1, 20, 20, 3), np.nan))
    written(tmp_path, TRAIN, 'train.prototxt')
    line = fails(classify.main, [*arguments, *given], capsys)
    assert message in line and not Path('out.npy').exists()


def test_usage(capsys):
    assert 'the following arguments are required: INPUT' in fails(classify.main, [], capsys)


def test_weights_of_another_net(arguments, images, tmp_path, capsys):
    np.save(tmp_path / 'in.npy', images)
    renamed = DEPLOY.replace('name: "conv"', 'name: "a"').replace('name: "ip"', 'name: "b"')
    other = written(tmp_path, renamed.replace('name: "a"', 'name: "conv"'), 'half.prototxt')
    given = [str(tmp_path / 'in.npy'), *arguments]
    given[given.index('--model_def') + 1] = other
    assert classify.main(given) == 0
    assert 'lacks some layers, which keep their fillers: b' in capsys.readouterr().err
    given[given.index('--model_def') + 1] = written(tmp_path, renamed, 'other.prototxt')
    assert 'none of its layers with weights (conv, ip) is in the net' in fails(
        classify.main, given, capsys
    )


@pytest.mark.parametrize('names', ['', 'one\ntwo\n'])
def test_too_few_names(names, arguments, images, tmp_path, capsys):
    np.save(tmp_path / 'in.npy', images)
    (tmp_path / 'names.txt').write_text(names)
    out = tmp_path / 'out.npy'
    given = [
        str(tmp_path / 'in.npy'),
        str(out),
        *arguments,
        '--labels_file',
        str(tmp_path / 'names.txt'),
    ]
    assert classify.main(given) == 1 and not out.exists()
    assert (
        f'found {len(names) // 4} names, needed: 5, one for each class' in capsys.readouterr().err
    )
