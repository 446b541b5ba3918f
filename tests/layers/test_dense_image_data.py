"""DenseImageData: images and their labels, pixel by pixel, resized, cut and mirrored alike."""

import json

import numpy as np
import pytest
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import find_data
from goodinit.feeding.net_file import read_net_file
from goodinit.netlib import Net
from goodinit.netlib.data.images import resize, resize_nearest
from goodinit.netlib.errors import DataError, LayerError
from goodinit.proto import parse_net, write_binary
from goodinit.proto.caffe_pb2 import TEST, TRAIN, BlobProto
from PIL import Image
from toolkit import written

HEIGHT, WIDTH, COUNT = 8, 10, 5
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 3, HEIGHT, WIDTH), np.uint8)
# Each label tells its own place, and its image's number.
LABELS = (
    np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) + np.arange(COUNT)[:, None, None]
).astype(np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Images in r/i/ and r/l/, and lists of them."""
    monkeypatch.chdir(tmp_path)
    for sub in ('r/i', 'r/l'):
        (tmp_path / sub).mkdir(parents=True)
    for k in range(COUNT):
        Image.fromarray(IMAGES[k, ::-1].transpose(1, 2, 0)).save(f'r/i/{k}.png')
        Image.fromarray(LABELS[k]).save(f'r/l/{k}.png')
    (tmp_path / 'list.txt').write_text(''.join(f'r/i/{k}.png r/l/{k}.png\n' for k in range(COUNT)))
    (tmp_path / 'names.txt').write_text(''.join(f'{k}.png\t{k}.png\n' for k in range(COUNT)))
    return tmp_path


def net_of(fields='', transform='', phase=TEST, source='list.txt', batch=3, **options):
    return Net(
        parse_net(
            f'layer {{ name: "d" type: "DenseImageData" top: "data" top: "label" '
            f'dense_image_data_param {{ source: "{source}" batch_size: {batch} {fields} }} '
            f'transform_param {{ {transform} }} }}'
        ),
        phase,
        **options,
    )


def forward(net):
    net.forward()
    return net.blobs['data'].data.copy(), net.blobs['label'].data.copy()


def test_batches_in_order(engine):
    net = net_of(engine=engine)
    for numbers in ([0, 1, 2], [3, 4, 0]):
        data, label = forward(net)
        np.testing.assert_array_equal(data, IMAGES[numbers])
        np.testing.assert_array_equal(label, LABELS[numbers][:, None])


def test_the_folders():
    np.testing.assert_array_equal(
        forward(
            net_of(
                'root_folder: "r/" root_folder_image: "i/" root_folder_label: "l/"',
                source='names.txt',
            )
        )[1],
        LABELS[:3, None],
    )


def test_grey_images(folder):
    assert forward(net_of('is_color: false'))[0].shape == (3, 1, HEIGHT, WIDTH)


def test_the_mean_and_the_scale_are_for_images_alone():
    data, label = forward(
        net_of(transform='mean_value: 100 mean_value: 110 mean_value: 120 scale: 0.5')
    )
    np.testing.assert_array_equal(data, (IMAGES[:3] - np.float32([[[100]], [[110]], [[120]]])) / 2)
    np.testing.assert_array_equal(label, LABELS[:3, None])


@pytest.mark.parametrize(
    'fields, transform', [('mean_file: "mean"', ''), ('', 'mean_file: "mean"')]
)
def test_a_mean_file(fields, transform):
    mean = np.random.default_rng(1).uniform(0, 255, (3, HEIGHT, WIDTH)).astype(np.float32)
    write_binary(
        BlobProto(num=1, channels=3, height=HEIGHT, width=WIDTH, data=mean.ravel()), 'mean'
    )
    np.testing.assert_array_equal(forward(net_of(fields, transform))[0], IMAGES[:3] - mean)


def test_resized_to_the_nearest_label():
    data, label = forward(net_of('new_height: 5 new_width: 16'))
    np.testing.assert_array_equal(data, resize(IMAGES[:3], 5, 16))
    np.testing.assert_array_equal(label, resize_nearest(LABELS[:3, None], 5, 16))


@pytest.mark.parametrize(
    'fields, height, width',
    [
        ('label_divide_factor: 2 new_height: 12 new_width: 8', 6, 4),
        ('label_divide_factor: 1', HEIGHT, WIDTH),
    ],
)
def test_smaller_labels(fields, height, width):
    np.testing.assert_array_equal(
        forward(net_of(fields))[1], resize_nearest(LABELS[:3, None], height, width)
    )


@pytest.mark.parametrize('size', [(8, 10), (3, 4), (5, 16), (16, 7), (1, 1), (37, 41)])
def test_nearest_is_opencvs(size):
    cv2 = pytest.importorskip('cv2')
    np.testing.assert_array_equal(
        resize_nearest(LABELS[0], *size),
        cv2.resize(LABELS[0], size[::-1], interpolation=cv2.INTER_NEAREST),
    )


CUTS = [
    ('', 'crop_size: 4', 4, 4),
    ('', 'crop_size: 4 mirror: true', 4, 4),
    ('mirror: true', '', HEIGHT, WIDTH),
    ('crop_height: 3 crop_width: 6', '', 3, 6),
    ('crop_height: 3 crop_width: 6 mirror: true', '', 3, 6),
]


@pytest.mark.parametrize('fields, transform, height, width', CUTS)
def test_image_and_labels_are_cut_alike(fields, transform, height, width):
    """A label tells which pixel its image's should be."""
    net, seen = net_of(fields, transform, TRAIN, batch=COUNT, seed=3), set()
    for _ in range(8):
        data, label = forward(net)
        assert data.shape == (COUNT, 3, height, width) and label.shape == (COUNT, 1, height, width)
        for k in range(COUNT):
            place = label[k, 0].astype(int) - k
            np.testing.assert_array_equal(data[k], IMAGES[k].reshape(3, -1)[:, place])
            seen.add((place[0, 0], place[0, 1] - place[0, 0]))
            if 'crop_height' in fields:
                assert place.max() // WIDTH == HEIGHT - 1
    assert len(seen) > (1 if height == HEIGHT else 4)
    assert {step for _, step in seen} == ({1, -1} if 'mirror' in fields + transform else {1})


def test_the_central_cut_in_the_test_phase():
    np.testing.assert_array_equal(
        forward(net_of(transform='crop_size: 4'))[1], LABELS[:3, None, 2:6, 3:7]
    )


def test_sizes_may_vary_one_by_one():
    for kind, mode in (('i', 'RGB'), ('l', 'L')):
        Image.new(mode, (7, 6)).save(f'r/{kind}/1.png')
    net = net_of(batch=1)
    assert forward(net)[1].shape == (1, 1, HEIGHT, WIDTH) and forward(net)[1].shape == (1, 1, 6, 7)
    with pytest.raises(
        DataError, match=r'r/i/1.png is 3 x 6 x 7, but the batch began with 3 x 8 x 10'
    ):
        forward(net_of())


def test_shuffled_passes():
    net = net_of('shuffle: true', batch=COUNT, seed=1)
    orders = [tuple(forward(net)[1][:, 0, 0, 0].astype(int)) for _ in range(6)]
    assert all(sorted(order) == list(range(COUNT)) for order in orders) and len(set(orders)) > 2


@pytest.mark.parametrize('before', [0, 1, 4])
def test_a_restored_layer_goes_on(before):
    def build(seed):
        return net_of('shuffle: true rand_skip: 3 mirror: true', 'crop_size: 4', TRAIN, seed=seed)

    first, again = build(1), build(2)
    for _ in range(before):
        forward(first)
    forward(again)
    again.layers[0].restore(json.loads(json.dumps(first.layers[0].state())))
    for _ in range(5):
        for expected, found in zip(forward(first), forward(again), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_net_learns_from_it():
    """The labels fit SoftmaxWithLoss over pixels."""
    text = """layer { name: "d" type: "DenseImageData" top: "data" top: "label"
        dense_image_data_param { source: "list.txt" batch_size: 2 } }
      layer { name: "c" type: "Convolution" bottom: "data" top: "c"
        convolution_param { num_output: 90 kernel_size: 1 } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }"""
    net = Net(parse_net(text), TRAIN)
    assert net.forward() == pytest.approx(np.log(90), rel=1e-5)
    net.backward()
    assert np.any(net.params['c'][0].diff)


@pytest.mark.parametrize('there', [True, False])
def test_the_tools_feed_such_nets(there, folder):
    """From its own files, or in their place with photographs and zeros."""
    source = 'list.txt' if there else 'no.txt'
    text = f'''layer {{ name: "d" type: "DenseImageData" top: "data" top: "label"
        transform_param {{ mean_value: 104 mean_value: 117 mean_value: 123 }}
        dense_image_data_param {{ source: "{source}" batch_size: 2 new_height: 6 new_width: 4 }} }}
        layer {{ name: "l" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" }}'''
    batch = find_data(read_net_file(written(folder, text)), DataOptions(batch_size=2)).batches[0]
    assert (batch['data'].shape, batch['label'].shape) == ((2, 3, 6, 4), (2, 1, 6, 4))
    assert np.any(batch['data']) and np.any(batch['label']) == there


REFUSED = [
    (
        {'batch': 0},
        LayerError,
        r"layer 'd' \(DenseImageData\).*batch_size: found 0, must be positive",
    ),
    (
        {'fields': 'new_height: 5'},
        LayerError,
        'requires new_height and new_width to be set at the same time: found 5 and 0',
    ),
    (
        {'fields': 'crop_width: 5'},
        LayerError,
        'requires crop_height and crop_width to be set at the same time: found 0 and 5',
    ),
    (
        {'fields': 'crop_width: 5 crop_height: 5', 'transform': 'crop_size: 3'},
        LayerError,
        'found crop_size and crop_height, needed: only one of them',
    ),
    (
        {'fields': 'label_divide_factor: 0'},
        LayerError,
        'label_divide_factor: found 0, must be positive',
    ),
    (
        {'fields': 'label_divide_factor: 5 new_height: 9 new_width: 4'},
        LayerError,
        'label_divide_factor: found 5, must be positive, and not above new_height and new_width',
    ),
    (
        {'fields': 'label_divide_factor: 2', 'transform': 'crop_size: 3'},
        LayerError,
        'label_divide_factor: found 2 with a crop, needed: only one of them',
    ),
    (
        {'fields': 'label_divide_factor: 2'},
        DataError,
        'r/l/0.png is 8 x 10, needed: 4 x 5, as Input and label '
        'image heights and widths must match; new_height and new_width resize both',
    ),
    ({'fields': 'rand_skip: 9000'}, DataError, 'Not enough points to skip: list.txt has 5 lines'),
    ({'fields': 'root_folder: "no/"'}, DataError, 'no/r/i/0.png: no such file'),
    ({'fields': 'root_folder_label: "no/"'}, DataError, 'no/r/l/0.png: no such file'),
    (
        {'fields': 'crop_height: 3 crop_width: 11'},
        DataError,
        'r/i/0.png is 8 x 10, smaller than crop_height x crop_width: 3 x 11',
    ),
    ({'transform': 'crop_size: 9'}, DataError, 'r/i/0.png is 8 x 10, smaller than crop_size 9'),
    (
        {'source': 'no.txt'},
        DataError,
        r"layer 'd' \(DenseImageData\).*data no.txt: cannot be read as a list of images",
    ),
    ({'source': 'empty.txt'}, DataError, 'data empty.txt: File is empty'),
    (
        {'source': 'alone.txt'},
        DataError,
        r"data alone.txt: found the line 'r/i/0.png', needed: the path of an image and the path of "
        r'its labels',
    ),
]


@pytest.mark.parametrize('options, error, message', REFUSED)
def test_what_is_refused(options, error, message, folder):
    (folder / 'empty.txt').touch()
    (folder / 'alone.txt').write_text('r/i/0.png\n')
    with pytest.raises(error, match=message):
        net_of(phase=TRAIN, **options)


def test_labels_of_another_size():
    Image.new('L', (WIDTH, HEIGHT - 1)).save('r/l/2.png')
    net = net_of(batch=1)
    forward(net), forward(net)
    for _ in range(2):  # and it says so again
        with pytest.raises(
            DataError, match=r"layer 'd' .*r/l/2.png is 7 x 10, needed: 8 x 10, as Input"
        ):
            forward(net)
