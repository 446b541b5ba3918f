"""Classifier says what the net says of crops that were cut out and prepared by hand."""

import numpy as np
import places
import pytest
from goodinit.caffe import classifier
from goodinit.netlib import Net
from goodinit.netlib.data.list_files import read_list
from goodinit.netlib.errors import DataError, NetError
from pycaffe_images import MEAN, PREPARING, crop_net, random_images
from toolkit import written

from goodinit import caffe

DATA = places.DATA
MODEL = DATA / 'squeezenet' / 'deploy.prototxt'
WEIGHTS = DATA / 'squeezenet' / 'squeezenet_v1.0_deepcompressed.caffemodel'


@pytest.fixture
def model(tmp_path):
    return crop_net(tmp_path)


@pytest.fixture
def images():
    return random_images(3, 11, 14, 3)


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
    gray = [np.full((n, 2 * n, 3), 0.25, np.float32) for n in (5, 30)]
    expected = asked(*model, [np.full((8, 8, 3), 0.25)], 0.02)
    for dims in (None, (9, 10)):
        net = caffe.Classifier(*model, image_dims=dims, **PREPARING)
        for oversample in (True, False):
            np.testing.assert_allclose(
                net.predict(gray, oversample), expected.repeat(2, axis=0), rtol=1e-4
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
