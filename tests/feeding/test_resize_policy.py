"""SSD's transform_param: resizing beside OpenCV, and what each field does."""

import warnings

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.annotated import AnnotatedTransformer
from goodinit.netlib.data.resize_policy import INTERPOLATIONS, resized
from goodinit.netlib.data.transform import Transformer
from goodinit.netlib.errors import DataError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, ResizeParameter, TransformationParameter
from google.protobuf import text_format
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 10), dtype=np.uint8)
SIZES = [((20, 30), (13, 17)), ((20, 30), (40, 45)), ((20, 30), (10, 15)), ((9, 7), (9, 20))]


def policy(text):
    return text_format.Parse(text, ResizeParameter())


def by(text, pixels=PIXELS, draws=(0, 0)):
    return resized(pixels, policy(text), np.array(draws), 'image')


# -- interpolations


@pytest.mark.parametrize('mode', ResizeParameter.Interp_mode.keys())
@pytest.mark.parametrize(('size', 'target'), SIZES)
def test_as_opencv_interpolates(mode, size, target):
    cv2 = pytest.importorskip('cv2')
    x = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs = cv2.resize(x, target[::-1], interpolation=getattr(cv2, f'INTER_{mode}'))
    interpolate = INTERPOLATIONS[ResizeParameter.Interp_mode.Value(mode)]
    ours = interpolate(x.transpose(2, 0, 1), *target)
    np.testing.assert_allclose(ours.astype(int), theirs.transpose(2, 0, 1), atol=1)


@pytest.mark.parametrize('mode', ResizeParameter.Interp_mode.keys())
def test_a_constant_stays(mode):
    interpolate = INTERPOLATIONS[ResizeParameter.Interp_mode.Value(mode)]
    for dtype in (np.uint8, np.float32):
        flat = np.full((2, 5, 4), 100, dtype)
        np.testing.assert_allclose(interpolate(flat, 3, 9), 100, rtol=1e-5)


# -- extents


@pytest.mark.parametrize(
    ('mode', 'extents'),
    [
        ('WARP height: 6 width: 20', (6, 20)),
        ('FIT_SMALL_SIZE height: 6 width: 6', (7, 6)),
        ('FIT_SMALL_SIZE height: 24 width: 5', (24, 20)),
        ('FIT_LARGE_SIZE_AND_PAD height: 6 width: 6', (6, 6)),
        ('FIT_LARGE_SIZE_AND_PAD height: 24 width: 5', (24, 5)),
    ],
)
def test_extents(mode, extents):
    assert by(f'resize_mode: {mode}').shape == (3, *extents)


@pytest.mark.parametrize(
    ('pad', 'left', 'right'),
    [
        ('', [0, 0], [0]),
        ('pad_value: 7', [7, 7], [7]),
        ('pad_value: 1 pad_value: 2 pad_value: 3', [1, 1], [1]),
        ('pad_mode: MIRRORED', [3, 2], [2]),
        ('pad_mode: REPEAT_NEAREST', [1, 1], [4]),
    ],
)
def test_what_stands_around(pad, left, right):
    rows = np.arange(1, 5, dtype=np.uint8).reshape(1, 1, 4)
    pixels = np.ascontiguousarray(np.broadcast_to(rows, (3, 4, 4)))
    fields = 'resize_mode: FIT_LARGE_SIZE_AND_PAD height: 4 width: 7'
    out = by(f'{fields} {pad}', pixels)
    before = 1
    np.testing.assert_array_equal(out[0, 0, before : before + 4], [1, 2, 3, 4])
    expected = [*left[-before:], 1, 2, 3, 4]
    np.testing.assert_array_equal(out[0, 0, : before + 4], expected)
    assert out[0, 0, before + 4 : before + 5].tolist() in (right, [3])


def test_chance():
    same = by('height: 5 width: 5 prob: 0.5', draws=(0.5, 0))
    np.testing.assert_array_equal(same, PIXELS)
    modes = 'height: 5 width: 5 interp_mode: NEAREST interp_mode: LINEAR'
    nearest, linear = (by(modes, draws=(0, draw)) for draw in (0.49, 0.5))
    np.testing.assert_array_equal(nearest, INTERPOLATIONS[ResizeParameter.NEAREST](PIXELS, 5, 5))
    np.testing.assert_array_equal(linear, INTERPOLATIONS[ResizeParameter.LINEAR](PIXELS, 5, 5))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('height: 5', 'resize_param: found height 5 and width 0, needed: both'),
        (
            'resize_mode: FIT_LARGE_SIZE_AND_PAD height: 5 width: 9 pad_value: 1 pad_value: 2',
            'image: pad_value: found 2 for an image of 3 x 5 x 4, needed: 1, or one for each',
        ),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(DataError, match=message):
        by(text)


# -- every field of transform_param does something, or says that it does not

EXAMPLES = {
    'scale': 'scale: 2',
    'mirror': 'mirror: true',
    'crop_size': 'crop_size: 5',
    'mean_file': 'mean_file: "mean.npy"',
    'mean_value': 'mean_value: 3',
    'force_color': 'force_color: true force_gray: true',
    'force_gray': 'force_gray: true force_color: true',
    'resize_param': 'resize_param { height: 8 width: 9 }',
    'crop_h': 'crop_h: 5 crop_w: 4',
    'crop_w': 'crop_w: 5 crop_h: 4',
    'noise_param': 'noise_param { inverse: true }',
    'emit_constraint': 'emit_constraint { }',
    'distort_param': 'distort_param { brightness_prob: 1 brightness_delta: 30 }',
    'expand_param': 'expand_param { max_expand_ratio: 2 }',
    'random_resize_param': 'random_resize_param { min_size: 3 max_size: 5 }',
    'random_aspect_ratio_param': 'random_aspect_ratio_param { }',
}
RESIZING = {
    'prob': 'prob: 0',
    'resize_mode': 'resize_mode: FIT_SMALL_SIZE',
    'height': 'height: 7',
    'width': 'width: 7',
    'height_scale': 'height_scale: 2',
    'width_scale': 'width_scale: 2',
    'pad_mode': 'resize_mode: FIT_LARGE_SIZE_AND_PAD pad_mode: REPEAT_NEAREST',
    'pad_value': 'resize_mode: FIT_LARGE_SIZE_AND_PAD pad_value: 9',
    'interp_mode': 'interp_mode: CUBIC',
    'center_object': 'center_object: true',
    'max_angle': 'max_angle: 5',
    'multiscale': 'multiscale: true',
    'min_sz': 'min_sz: 5',
    'max_sz': 'max_sz: 9',
}


def effect(*texts):
    """The values, or the words of the warning or the error; a later text wins."""
    param = TransformationParameter()
    for text in texts:
        text_format.Merge(text, param)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            transform = Transformer(param, TEST)
        except DataError as error:
            return str(error)
    if caught:
        return str(caught[0].message)
    patch = transform(PIXELS, np.full(5, 0.3))
    out = np.empty(patch.pixels.shape, np.float32)
    patch.write(out)
    return out.tolist()


@pytest.mark.parametrize('field', TransformationParameter.DESCRIPTOR.fields_by_name)
def test_no_field_is_silent(field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save('mean.npy', np.ones((3, 12, 10)))
    found = effect(EXAMPLES[field])
    assert found != effect('')
    if isinstance(found, str):
        assert field in found


@pytest.mark.parametrize('field', ['distort_param', 'expand_param', 'emit_constraint'])
def test_what_only_images_with_objects_have(field):
    """For other layers a warning says so; AnnotatedData takes it without one."""
    message = f'transform_param: without effect here: {field} (AnnotatedData does {field})'
    assert effect(EXAMPLES[field]) == message
    param = text_format.Parse(EXAMPLES[field], TransformationParameter())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        AnnotatedTransformer(param, TEST, [])


@pytest.mark.parametrize('field', ResizeParameter.DESCRIPTOR.fields_by_name)
def test_no_field_of_resizing_is_silent(field):
    large = 'resize_mode: FIT_LARGE_SIZE_AND_PAD' if field.startswith('pad') else ''
    base = f'resize_param {{ height: 8 width: 8 {large} }}'
    found = effect(base, f'resize_param {{ {RESIZING[field]} }}')
    assert found != effect(base)
    if isinstance(found, str):
        assert f'resize_param.{field}' in found


# -- in layers


def layer(kind, fields, **more):
    text = f'layer {{ name: "d" type: "{kind}" top: "x" top: "y" {fields} }}'
    return Net(parse_net(text), **more)


def test_images_of_several_sizes_in_one_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, size in enumerate([(9, 7), (20, 30)]):
        Image.fromarray(np.full((*size, 3), 50 * i, np.uint8)).save(f'{i}.png')
    (tmp_path / 'list.txt').write_text('0.png 0\n1.png 1\n')
    resizing = 'resize_param { resize_mode: FIT_SMALL_SIZE height: 8 width: 8 }'
    fields = 'image_data_param { source: "list.txt" batch_size: 2 }'
    net = layer('ImageData', f'{fields} transform_param {{ crop_size: 6 {resizing} }}')
    net.forward()
    assert net.blobs['x'].shape == (2, 3, 6, 6)
    np.testing.assert_array_equal(net.blobs['x'].data.mean((1, 2, 3)), [0, 50])


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ('crop_size: 5 crop_h: 4', 'give either crop_size, or crop_h and crop_w'),
        ('crop_h: 4', 'found crop_h 4 and crop_w 0, needed: both'),
        ('crop_h: 40 crop_w: 4', '12 x 10, smaller than crop_h, crop_w 40, 4; resize it to at'),
    ],
)
def test_crops_that_do_not_fit(fields, message):
    param = text_format.Parse(fields, TransformationParameter())
    with pytest.raises(DataError, match=message):
        Transformer(param, TEST)(PIXELS, np.zeros(3))


@pytest.mark.parametrize(
    ('kind', 'fields', 'what'),
    [
        (
            'DenseImageData',
            'dense_image_data_param { source: "l" batch_size: 1 }',
            'pairs of images',
        ),
        ('WindowData', 'window_data_param { source: "l" batch_size: 1 }', 'windows'),
    ],
)
def test_layers_that_do_not_know_it(kind, fields, what):
    message = f'transform_param: resize_param is not known for {what}.*: remove it'
    with pytest.raises(DataError, match=message):
        layer(kind, f'{fields} transform_param {{ crop_size: 5 resize_param {{ }} }}')
