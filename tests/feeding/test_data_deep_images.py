"""Images of 16 bits: read whole with --data, cut to 8 by ImageData as in Caffe."""

import warnings

import numpy as np
import pytest
from goodinit.feeding.opening import open_data, open_net
from goodinit.netlib import Net
from goodinit.netlib.data.deep_images import decode_whole
from goodinit.netlib.data.images import decode_image, resize
from goodinit.netlib.data.sources import open_source
from goodinit.netlib.errors import DataError
from goodinit.proto import parse_net
from PIL import Image

LEVELS = np.random.default_rng(0).integers(0, 65536, (6, 7), dtype=np.uint16)
COLORS = np.random.default_rng(1).integers(0, 65536, (6, 7, 3), dtype=np.uint16)
NET = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: [4, {}, 6, 7] }} }} }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c"
         convolution_param {{ num_output: 2 kernel_size: 3 weight_filler {{ type: "msra" }} }} }}"""


def gray(folder, name='gray.png', levels=LEVELS):
    Image.fromarray(levels).save(folder / name)
    return folder / name


def colored(folder, name='color.png'):
    """Written by OpenCV: Pillow has no colors of 16 bits."""
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if name.endswith('tiff') else []
    cv2.imwrite(str(folder / name), COLORS, options)
    return folder / name


@pytest.mark.parametrize('name', ['gray.png', 'gray.tiff'])
def test_gray(tmp_path, name):
    found = decode_whole(gray(tmp_path, name), False)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, LEVELS[None])
    np.testing.assert_array_equal(decode_whole(tmp_path / name, True), np.stack([LEVELS] * 3))


@pytest.mark.parametrize('name', ['color.png', 'color.tiff'])
def test_color(tmp_path, name):
    found = decode_whole(colored(tmp_path, name), True)
    np.testing.assert_array_equal(found, COLORS.transpose(2, 0, 1))
    exact = (COLORS * [0.114, 0.587, 0.299]).sum(axis=2)
    np.testing.assert_allclose(decode_whole(tmp_path / name, False)[0], exact, atol=4)


@pytest.mark.parametrize('color', [True, False])
@pytest.mark.parametrize('mode', ['RGB', 'L', 'P', 'RGBA'])
def test_images_of_8_bits_are_read_as_before(tmp_path, mode, color):
    path = tmp_path / 'x.png'
    Image.fromarray((COLORS >> 8).astype(np.uint8)).convert(mode).save(path)
    found = decode_whole(path, color)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, decode_image(path, color))


def test_samples_are_whole(tmp_path):
    gray(tmp_path)
    samples = open_source(tmp_path, (1, 6, 7), np.random.default_rng(0), mean='5', scale=2.0)
    np.testing.assert_array_equal(next(iter(samples))[0], (LEVELS.astype('f4') - 5) * 2)


def test_resizing_is_opencvs(tmp_path):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    for height, width in ((3, 4), (12, 9), (6, 14)):
        theirs = cv2.resize(LEVELS, (width, height), interpolation=cv2.INTER_LINEAR)
        assert abs(resize(LEVELS, height, width) - theirs.astype(float)).max() <= 20


def test_a_note_says_so(tmp_path):
    for index in range(4):
        gray(tmp_path, f'{index}.png', LEVELS // (index + 1))
    (tmp_path / 'net.prototxt').write_text(NET.format(1))
    net = open_net(tmp_path / 'net.prototxt')
    found = open_data(tmp_path, net, batch_size=4)
    assert found.notes == ['images of 16 bits are read whole, as 0 to 65535']
    assert found.batches[0]['data'].max() == LEVELS.max()


def test_images_that_are_only_decoded_ahead_do_not_count(tmp_path):
    for index in range(4):
        gray(tmp_path, f'{index}.png', LEVELS if index == 3 else LEVELS.astype(np.uint8))
    samples = open_source(tmp_path, (1, 6, 7), np.random.default_rng(0))
    samples.order = [0, 1, 2, 3]
    samples.take(3)
    assert not samples.deep
    samples.take(4)
    assert samples.deep


def image_data(tmp_path):
    (tmp_path / 'list.txt').write_text(''.join(f'{tmp_path}/{i}.png 0\n' for i in range(3)))
    return Net(
        parse_net(f"""
        layer {{ name: "data" type: "ImageData" top: "data" top: "label"
          image_data_param {{ source: "{tmp_path}/list.txt" batch_size: 3 is_color: false }} }}""")
    )


def test_image_data_keeps_caffes_8_bits_and_says_so_once(tmp_path):
    for index in range(3):
        gray(tmp_path, f'{index}.png')
    says = r'0\.png: of its 16 bits a channel, the upper 8 are kept, as in Caffe \(--data'
    with pytest.warns(UserWarning, match=says) as found:
        net = image_data(tmp_path)
        net.forward()
        net.forward()
    assert len(found) == 1
    np.testing.assert_array_equal(net.blobs['data'].data[0, 0], LEVELS >> 8)


def test_image_data_of_8_bits_says_nothing(tmp_path):
    for index in range(3):
        gray(tmp_path, f'{index}.png', (LEVELS >> 8).astype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        image_data(tmp_path).forward()


def test_a_broken_image(tmp_path):
    (tmp_path / 'x.png').write_bytes(gray(tmp_path).read_bytes()[:60])
    with pytest.raises(DataError, match=r'x\.png: cannot be read as an image'):
        decode_whole(tmp_path / 'x.png', True)
