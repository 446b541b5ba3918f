"""Where the shape of images comes from: options, prototxts, data."""

import places
import pytest
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.image_shape import image_shape
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.netlib.data.databases import open_database, parse_datum
from PIL import Image
from toolkit import samples, train_val, written

LMDB = places.GOLDEN / 'io' / 'lmdb_raw'

DEPLOY_4 = (
    'layer { name: "d" type: "Input" top: "d" '
    'input_param { shape { dim: 1 dim: 4 dim: 6 dim: 7 } } }'
)
CHANNELS = 'mean_value: 1 mean_value: 1 mean_value: 1'
SHAPES = [
    ('', '', None, {'input_shape': (2, 5, 5)}, (2, 5, 5)),
    ('', f'crop_size: 9 {CHANNELS}', None, {}, (3, 9, 9)),
    ('', f'crop_size: 9 {CHANNELS}', None, {'crop': 6}, (3, 6, 6)),
    (DEPLOY_4, '', None, {}, (4, 6, 7)),
    (DEPLOY_4, 'crop_size: 9', None, {}, (4, 9, 9)),
    (DEPLOY_4, f'crop_size: 9 {CHANNELS}', None, {}, (3, 9, 9)),
    (DEPLOY_4, '', (5, 1, 8, 9), {}, (4, 6, 7)),
    ('', '', (5, 1, 8, 9), {}, (1, 8, 9)),
    ('', 'crop_size: 7', (5, 2, 8, 9), {}, (2, 7, 7)),
    ('', '', (5, 12), {}, (12,)),
    ('', 'crop_size: 9 force_color: true', None, {}, (3, 9, 9)),
    ('', 'crop_size: 9 force_gray: true', None, {}, (1, 9, 9)),
]


def shape_of_images(net, options):
    return image_shape(net, net.param.layer[0], options.open(), options)


@pytest.mark.parametrize(('deploy', 'transform', 'data', 'options', 'shape'), SHAPES)
def test_who_tells_the_shape(deploy, transform, data, options, shape, tmp_path):
    if deploy:
        written(tmp_path, deploy, 'deploy.prototxt')
    if data:
        options = {**options, 'data': samples(tmp_path, data)}
    net = read_net_file(written(tmp_path, train_val(transform=transform), 'train_val.prototxt'))
    assert shape_of_images(net, DataOptions(**options)) == shape


@pytest.mark.parametrize(('is_color', 'channels'), [('false', 1), ('true', 3)])
def test_gray_lists_stay_gray(is_color, channels, tmp_path):
    """Image files are color as far as their folder tells; what the prototxt says counts."""
    Image.new('L', (8, 6)).save(tmp_path / 'a.png')
    fields = f'source: "list" batch_size: 1 new_height: 6 new_width: 8 is_color: {is_color}'
    text = (
        'layer { name: "x" type: "ImageData" top: "x" top: "label" '
        f'image_data_param {{ {fields} }} }}'
    )
    net = read_net_file(written(tmp_path, text))
    assert shape_of_images(net, DataOptions(data=str(tmp_path))) == (channels, 6, 8)


@pytest.mark.parametrize(
    ('train', 'deploy'),
    [
        ('x_train_test.prototxt', 'x.prototxt'),
        ('x_train_val.prototxt', 'x_deploy.prototxt'),
        ('x.prototxt', 'deploy.prototxt'),
    ],
)
def test_where_a_deploy_prototxt_may_be(train, deploy, tmp_path):
    written(tmp_path, DEPLOY_4, deploy)
    net = read_net_file(written(tmp_path, train_val(), train))
    assert shape_of_images(net, DataOptions()) == (4, 6, 7)


@pytest.mark.parametrize(
    ('layers', 'shape'),
    [
        ('conv:Convolution', (4, 6, 7)),
        ('conv:Convolution relu:ReLU other:ReLU', (4, 6, 7)),
        ('conv:Convolution a:ReLU b:ReLU', (3, 9, 9)),
        ('conv:InnerProduct', (3, 9, 9)),
    ],
)
def test_a_neighbor_of_another_net_tells_nothing(layers, shape, tmp_path):
    """As x.prototxt beside x_train_val.prototxt: right files stay right."""
    theirs = ''
    for layer in layers.split():
        name, kind = layer.split(':')
        theirs += f'layer {{ name: "{name}" type: "{kind}" bottom: "d" top: "{name}" }}'
    written(tmp_path, DEPLOY_4 + theirs, 'x.prototxt')
    net = read_net_file(written(tmp_path, train_val(), 'x_train_val.prototxt'))
    options = DataOptions(data=samples(tmp_path, (5, 3, 9, 9)))
    assert shape_of_images(net, options) == shape


def test_new_height_and_width_tell_the_shape(tmp_path):
    text = train_val(transform=CHANNELS, kind='ImageData', param='image_data_param').replace(
        'batch_size: 3', 'batch_size: 3 new_height: 6 new_width: 5'
    )
    net = read_net_file(written(tmp_path, text))
    assert shape_of_images(net, DataOptions()) == (3, 6, 5)


def test_shapes_alone_need_no_data(tmp_path):
    net = read_net_file(written(tmp_path, train_val(transform=f'crop_size: 9 {CHANNELS}')))
    assert list(shaped(net, DataOptions()).layer[0].input_param.shape[0].dim) == [3, 3, 9, 9]
    net = read_net_file(written(tmp_path, train_val(LMDB)))
    datum = parse_datum(next(iter(open_database(LMDB)))[1])
    dims = list(shaped(net, DataOptions(batch_size=7)).layer[0].input_param.shape[0].dim)
    assert dims == [7, datum.channels, datum.height, datum.width]
