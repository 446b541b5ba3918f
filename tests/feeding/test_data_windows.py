"""Window files and what R-CNN's layer makes of them; test_data_layers.py has the batches that Caffe
recorded."""

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.images import ImageError, decode_image
from goodinit.netlib.data.window_file import Window, WindowFile
from goodinit.netlib.data.window_place import Warp, place
from goodinit.netlib.errors import DataError, LayerError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from PIL import Image

HEADER = '# 0\nimg/v1.png\n3\n20\n16\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / 'img').symlink_to(golden.HERE / 'io' / 'img')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net_of(text, fields='', transform='crop_size: 4', tops='top: "data" top: "label"', **options):
    with open('windows.txt', 'w') as file:
        file.write(text)
    return Net(
        parse_net(f"""layer {{ name: "w" type: "WindowData" {tops} transform_param {{ {transform} }}
        window_data_param {{ source: "windows.txt" batch_size: 4
        fg_fraction: 0.5 {fields} }} }}"""),
        TRAIN,
        **options,
    )


def forward(net):
    net.forward()
    return net.blobs['data'].data.copy(), net.blobs['label'].data.tolist()


def test_a_file_is_read_whatever_its_white_space(folder):
    windows = '5 0.9 3 4 12 14\n7 0.5 1 2 3 4\n9 0.49 0 2 9 8\n0 0 0 0 1 1\n'
    text = f'{HEADER}4\n{windows}# 1\nother.png 3 9 9 1\n2 1 0 0 3 3'
    for written in (text, ' '.join(text.split())):
        (folder / 'w.txt').write_text(written)
        found = WindowFile('w.txt', 'root/', 0.5, 0.5)
        assert found.images == ['root/img/v1.png', 'root/other.png']
        assert found.objects[:, :6].tolist() == [
            [0, 5, 3, 4, 12, 14],
            [0, 7, 1, 2, 3, 4],
            [1, 2, 0, 0, 3, 3],
        ]
        assert found.background[:, :6].tolist() == [[0, 0, 0, 2, 9, 8], [0, 0, 0, 0, 1, 1]]
    (folder / 'w.txt').write_text(text)
    assert WindowFile('w.txt', '', 0.5, 0.5).objects[:, 6].tolist() == [7, 8, 13]


@pytest.mark.parametrize(
    'text, message',
    [
        ('', 'window file windows.txt: Window file is empty'),
        ('0 img', r"windows.txt:1: found '0', needed: # and the number of the next image"),
        ('# x', r"windows.txt:1: found 'x', needed: the number of the image"),
        ('# 0\na.png\nthree', "windows.txt:3: found 'three', needed: channels of the image"),
        (
            '# 0\na.png\n1\n20\n16\n0',
            r'windows.txt:6: found 1 channels, needed: 3, since images are read in color',
        ),
        (HEADER + '2\n1 0.9 1 1 2 2\n', 'windows.txt: ends where the label of a window is needed'),
        (HEADER + '1\n1 0.9 1 1 2 x2\n', "windows.txt:7: found 'x2', needed: y2 of a window"),
        (
            HEADER + '1\n1 0.9 1 1 2 9999999999\n',
            "windows.txt:7: found '9999999999', needed: y2 of a window",
        ),
        (HEADER + '1\n1 0.9 1 1 2 2\n3', "windows.txt:8: found '3', needed: # and"),
        (
            HEADER + '1\n0 0.9 1 1 2 2\n',
            'windows.txt:7: found label 0, needed: above 0, for overlap 0.9',
        ),
        (HEADER + '1\n1 0.9 1 1 2 2\n', 'all windows overlap by bg_threshold 0.5'),
        (HEADER + '1\n1 0.1 1 1 2 2\n', 'no window overlaps by fg_threshold 0.5'),
        (
            HEADER + '2\n1 0.9 1 1 2 2\n0 0 10 10 16 12',
            r'windows.txt:8: the window from 10, 10 to 16, 12 is not in its '
            'image of 20 x 16',
        ),
    ],
)
def test_files_that_are_refused(text, message):
    with pytest.raises(DataError, match=message):
        net_of(text)


BOTH = HEADER + '2\n5 0.9 3 4 12 14\n0 0.1 0 2 9 8\n'


@pytest.mark.parametrize(
    'fields, transform, error, message',
    [
        ('', '', LayerError, 'crop_size: found 0, needed: above 0, and twice the context_pad 0'),
        (
            'context_pad: 2',
            'crop_size: 4',
            LayerError,
            'crop_size: found 4, needed: above 0, and twice .* 2',
        ),
        (
            'crop_mode: "round"',
            'crop_size: 4',
            LayerError,
            "crop_mode: found 'round', needed: warp or square",
        ),
        ('root_folder: "no/"', 'crop_size: 4', DataError, 'no/img/v1.png: no such file'),
        (
            'root_folder: "no/" cache_images: true',
            'crop_size: 4',
            DataError,
            'no/img/v1.png: cannot be read .No such file',
        ),
        (
            '',
            'crop_size: 4 mean_value: 1 mean_value: 2',
            DataError,
            'Specify either 1 mean_value or as many as chan',
        ),
        (
            '',
            'crop_size: 4 mean_file: "mean.npy"',
            DataError,
            r'mean.npy is 3 x 3 x 5, needed: 3 x 4 x 4 or more',
        ),
    ],
)
def test_fields_that_are_refused(fields, transform, error, message):
    np.save('mean.npy', np.zeros((3, 3, 5)))
    with pytest.raises(error, match=f"layer 'w' .*{message}"):
        net_of(BOTH, fields, transform)


def test_a_missing_window_file():
    with pytest.raises(DataError, match=r'Failed to open window file none.txt .*No such file'):
        WindowFile('none.txt', '', 0.5, 0.5)


def test_shares_mirrors_and_the_seed():
    """Oracle: the one window of each kind, of the size of the crop so that nothing is resized."""
    text = HEADER + '2\n5 0.9 3 4 6 7\n0 0.1 9 8 12 11\n'
    pixels = decode_image('img/v1.png').astype(np.float32)
    boxes = pixels[:, 8:12, 9:13], pixels[:, 4:8, 3:7]
    net, mirrored = net_of(text, transform='crop_size: 4 mirror: true', seed=3), 0
    for _ in range(30):
        data, labels = forward(net)
        assert labels == [0, 0, 5, 5]
        for values, label in zip(data, labels, strict=True):
            plain = boxes[label == 5]
            flipped = np.array_equal(values, plain[:, :, ::-1])
            assert flipped or np.array_equal(values, plain)
            mirrored += flipped
    assert 40 < mirrored < 80
    again, other = (
        forward(net_of(text, transform='crop_size: 4 mirror: true', seed=seed))[0]
        for seed in (3, 4)
    )
    assert np.array_equal(
        again, forward(net_of(text, transform='crop_size: 4 mirror: true', seed=3))[0]
    )
    assert not np.array_equal(again, other)


def test_the_mean_and_the_scale():
    """As in Caffe, the scale is window_data_param's, and a mean file is cut at the offset that its
    width gives."""
    plain = forward(net_of(BOTH, seed=1))[0]
    scaled = forward(net_of(BOTH, 'scale: 0.5', 'crop_size: 4 scale: 7 mean_value: 3', seed=1))[0]
    np.testing.assert_array_equal(scaled, (plain - 3) / 2)
    mean = np.random.default_rng(0).integers(0, 9, (3, 9, 8)).astype(np.float32)
    np.save('mean.npy', mean)
    centred = forward(net_of(BOTH, transform='crop_size: 4 mean_file: "mean.npy"', seed=1))[0]
    np.testing.assert_array_equal(centred, plain - mean[:, 2:6, 2:6])


def test_cached_images_are_read_once(folder):
    (folder / 'copy.png').write_bytes((folder / 'img/v1.png').read_bytes())
    net = net_of(BOTH.replace('img/v1', 'copy'), 'cache_images: true')
    (folder / 'copy.png').unlink()
    assert forward(net)[1] == [0, 0, 5, 5]


@pytest.mark.parametrize(
    'corners, pad, square, mirror, box, target',
    [
        ((2, 3, 9, 12), 0, False, False, (2, 3, 9, 12), (0, 0, 8, 8)),
        ((4, 4, 7, 7), 2, False, False, (2, 2, 10, 10), (0, 0, 8, 8)),
        ((0, 4, 3, 7), 2, False, False, (0, 2, 6, 10), (0, 2, 8, 6)),
        ((0, 4, 3, 7), 2, False, True, (0, 2, 6, 10), (0, 0, 8, 6)),
        ((16, 16, 19, 19), 2, False, False, (14, 14, 19, 19), (0, 0, 5, 5)),
        ((4, 8, 5, 11), 0, True, False, (3, 8, 7, 12), (0, 0, 8, 8)),
    ],
)
def test_places(corners, pad, square, mirror, box, target):
    """By hand, for an image of 20 x 20 and a crop of 8: a pad of 2 doubles the box around its
    middle."""
    window = Window(0, 1, *corners, line=1)
    columns, rows = place(window, (20, 20), Warp(8, pad, square), mirror, 'w')
    assert (columns.first, rows.first, columns.last, rows.last) == box
    assert (rows.start, columns.start, rows.length, columns.length) == target


def test_a_window_beside_its_image():
    with pytest.raises(
        ImageError, match='w:3: the window from 90, 1 to 95, 5 is not in its image of 20 x 30'
    ):
        place(Window(0, 1, 90, 1, 95, 5, 3), (20, 30), Warp(8, 2, False), False, 'w:3')


def test_gray_images_are_read_in_color(folder):
    Image.fromarray(np.arange(320, dtype=np.uint8).reshape(20, 16)).save(folder / 'gray.png')
    data, _ = forward(net_of(BOTH.replace('img/v1', 'gray')))
    np.testing.assert_array_equal(data[:, 0], data[:, 2])
