"""Classifier and goodinit classify say what the net says of crops that were cut out and prepared by
hand."""

from pathlib import Path

import numpy as np
import places
import pytest
from goodinit.caffe import classifier
from goodinit.netlib import Net
from goodinit.netlib.data.sources import read_list
from goodinit.netlib.errors import DataError, NetError
from goodinit.tools import classify
from goodinit.tools.cli import pycaffe_model
from PIL import Image
from toolkit import DEPLOY, fails, initialized, written

from goodinit import caffe

DATA = places.DATA
MODEL = DATA / 'squeezenet' / 'deploy.prototxt'
WEIGHTS = DATA / 'squeezenet' / 'squeezenet_v1.0_deepcompressed.caffemodel'
MEAN = np.float32([104, 117, 123])
PREPARING = {'mean': MEAN, 'input_scale': 0.02, 'raw_scale': 255, 'channel_swap': (2, 1, 0)}


@pytest.fixture
def model(tmp_path):
    """A prototxt whose input is 2 x 3 x 8 x 8, and its weights."""
    weights = initialized(tmp_path, '--seed', '3')
    return written(tmp_path), str(weights)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(3, 11, 14, 3)).astype(np.float32)


def asked(model, weights, crops, scale):
    """What the net says of crops (N, H, W, 3) in [0, 1]."""
    net = Net(model, 1, load=weights)
    (name,) = net.inputs
    planes = [
        np.stack([255 * crop[..., k] - mean for k, mean in zip((2, 1, 0), MEAN, strict=True)])
        for crop in crops
    ]
    net.blobs[name].reshape(*np.shape(planes))
    net.blobs[name].data = scale * np.stack(planes)
    net.forward()
    return net.blobs[net.outputs[0]].data


def ten(image, side):
    """The crops that are averaged, each spelled out."""
    height, width = image.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    five = [
        image[:side, :side],
        image[:side, width - side :],
        image[height - side :, :side],
        image[height - side :, width - side :],
        image[top : top + side, left : left + side],
    ]
    return [*five, *(crop[:, ::-1] for crop in five)]


def test_the_crop_in_the_center(model, images):
    found = caffe.Classifier(*model, image_dims=(11, 14), **PREPARING).predict(
        images, oversample=False
    )
    assert found.shape == (3, 5)
    np.testing.assert_allclose(found, asked(*model, images[:, 1:9, 3:11], 0.02), rtol=1e-5)


def test_ten_crops_are_averaged(model, images):
    found = caffe.Classifier(*model, image_dims=(11, 14), **PREPARING).predict(images)
    expected = [asked(*model, ten(image, 8), 0.02).mean(axis=0) for image in images]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_images_are_resized(model, images):
    """To image_dims, by default to the net's input. A constant image stays one in any size."""
    whole = caffe.Classifier(*model, **PREPARING)
    assert whole.image_dims == (8, 8)
    grey = [np.full((n, 2 * n, 3), 0.25, np.float32) for n in (5, 30)]
    expected = asked(*model, [np.full((8, 8, 3), 0.25)], 0.02)
    for dims in (None, (9, 10)):
        net = caffe.Classifier(*model, image_dims=dims, **PREPARING)
        for oversample in (True, False):
            np.testing.assert_allclose(
                net.predict(grey, oversample), expected.repeat(2, axis=0), rtol=1e-4
            )
    np.testing.assert_array_equal(
        whole.predict(images, False),
        whole.predict([caffe.io.resize_image(image, (8, 8)) for image in images], False),
    )


def test_nothing_is_prepared_unasked(model, images):
    net = Net(model[0], 1, load=model[1])
    net.blobs['data'].data = images[:2, :8, :8].transpose(0, 3, 1, 2)
    net.forward()
    found = caffe.Classifier(*model).predict(images[:2, :8, :8], oversample=False)
    np.testing.assert_allclose(found, net.blobs['prob'].data, rtol=1e-6)


@pytest.mark.skipif(
    not WEIGHTS.is_file(), reason='needs the trained SqueezeNet beside the repository'
)
def test_a_trained_net():
    """SqueezeNet's own input is of 10 crops: one image's."""
    names, labels = read_list(DATA / 'imagenet_sample' / 'list.txt')
    net = caffe.Classifier(
        str(MODEL), str(WEIGHTS), image_dims=(256, 256), **{**PREPARING, 'input_scale': None}
    )
    image = caffe.io.load_image(DATA / 'imagenet_sample' / names[0])
    found = net.predict([image])
    crops = asked(MODEL, WEIGHTS, ten(caffe.io.resize_image(image, (256, 256)), 227), 1)
    np.testing.assert_allclose(found, crops.reshape(1, 10, -1).mean(axis=1), rtol=1e-4, atol=1e-4)
    assert found.argmax() == labels[0]


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (
            {'image_dims': (7, 9)},
            DataError,
            'image_dims: found 7 x 9, needed: 8 x 8 or more, the input of the net',
        ),
        (
            {'mean': np.zeros(2)},
            ValueError,
            r'Mean channels incompatible with input\. Found 2, needed 3',
        ),
    ],
)
def test_what_does_not_fit(model, options, error, message):
    with pytest.raises(error, match=message):
        caffe.Classifier(*model, **options)


def test_nets_and_images_that_will_not_do(model, tmp_path):
    with pytest.raises(DataError, match='predict: found no images, needed: one or more'):
        caffe.Classifier(*model).predict([])
    flat = written(
        tmp_path,
        'name: "flat" layer { name: "x" type: "Input" top: "x" '
        'input_param { shape { dim: 1 dim: 3 } } }',
        'flat.prototxt',
    )
    with pytest.raises(
        NetError,
        match=r"net 'flat' has no input of images \(N, K, H, W\); needed: a deploy prototxt",
    ):
        classifier.transformer_for(caffe.Net(flat, caffe.TEST), None, None, None, None)


# -- the command

OPTIONS = ['--images_dim', '11,14', '--mean_file', '104,117,123', '--input_scale', '0.02']


@pytest.fixture
def arguments(model):
    return ['--model_def', model[0], '--pretrained_model', model[1], *OPTIONS]


def saved(folder, image, name='x.png'):
    """The path of a picture of values in [0, 1]."""
    Image.fromarray(np.rint(255 * image).astype(np.uint8).squeeze()).save(folder / name)
    return str(folder / name)


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
    """Without an output, or with names; the file of names may hold more than the net has classes."""
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
    """Grey images, no mean, no swap."""
    text = DEPLOY.replace('dim: 2 dim: 3', 'dim: 2 dim: 1')
    proto, weights = written(tmp_path, text), str(tmp_path / 'grey.caffemodel')
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
    np.testing.assert_array_equal(pycaffe_model.mean_of(str(tmp_path / 'mean.npy')), mean)
    np.testing.assert_array_equal(pycaffe_model.mean_of('1,2.5,-3'), [1, 2.5, -3])


TRAIN = 'name: "Small" layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }'
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
    assert 'layers that it lacks are left at their fillers: b' in capsys.readouterr().err
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
