"""AnnotatedData: objects follow their images through what is drawn."""

import io

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.annotated import AnnotatedTransformer
from goodinit.netlib.data.annotations import drawn_window, meets, within
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.errors import DataError
from goodinit.netlib.rng import make_rng
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    AnnotatedDatum,
    BatchSampler,
    EmitConstraint,
    SampleConstraint,
    Sampler,
    TransformationParameter,
)
from google.protobuf import text_format
from PIL import Image

HEIGHT, WIDTH = 40, 60
BOX = (0.1, 0.5, 0.6, 0.8)  # columns 6 to 36, rows 20 to 32


def picture(value=200):
    """Black, with the object in one gray."""
    pixels = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    pixels[:, 20:32, 6:36] = value
    return pixels


def record(label=3, boxes=(BOX,), encoded=False, typed=True):
    datum = AnnotatedDatum()
    pixels = picture()
    datum.datum.channels, datum.datum.height, datum.datum.width = pixels.shape
    datum.datum.data, datum.datum.label = pixels.tobytes(), label
    if encoded:
        file = io.BytesIO()
        Image.fromarray(pixels.transpose(1, 2, 0)).save(file, 'PNG')
        datum.datum.data, datum.datum.encoded = file.getvalue(), True
    if typed:
        datum.type = datum.BBOX
    group = datum.annotation_group.add(group_label=label)
    for i, box in enumerate(boxes):
        one = group.annotation.add(instance_id=i)
        for name, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            setattr(one.bbox, name, value)
        one.bbox.difficult = i == 1
    return datum


@pytest.fixture
def net(tmp_path):
    def make(*records, fields='', batch=2, **more):
        with create_database(tmp_path / 'db') as database:
            for i, one in enumerate(records):
                database.put(f'{i:08}'.encode(), one.SerializeToString())
        source = f'source: "{tmp_path}/db" backend: LMDB batch_size: {batch}'
        text = (
            'layer { name: "d" type: "AnnotatedData" top: "data" top: "label" '
            f'data_param {{ {source} }} {fields} }}'
        )
        return Net(parse_net(text), TRAIN, **more)

    return make


def test_rows_of_the_label(net, engine):
    made = net(
        record(3, [BOX, (0, 0, 1, 1)]),
        record(5, [], encoded=True),
        record(4),
        batch=3,
        engine=engine,
    )
    made.forward()
    assert made.blobs['data'].shape == (3, 3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(made.blobs['data'].data[1], picture())
    rows = [[0, 3, 0, *BOX, 0], [0, 3, 1, 0, 0, 1, 1, 1], [2, 4, 0, *BOX, 0]]
    np.testing.assert_allclose(made.blobs['label'].data, [[rows]])


def test_a_batch_without_objects_has_one_row(net):
    made = net(record(boxes=[]))
    made.forward()
    np.testing.assert_array_equal(made.blobs['label'].data, np.full((1, 1, 1, 8), -1))


def test_without_a_type_labels_are_the_datums(net, engine):
    made = net(record(7, typed=False), record(8, typed=False), engine=engine)
    made.forward()
    np.testing.assert_array_equal(made.blobs['label'].data, [7, 8])


def test_anno_type_asks_for_boxes(net):
    made = net(record(7, typed=False), fields='annotated_data_param { anno_type: BBOX }')
    assert made.blobs['label'].shape == (1, 1, 1, 8)


def test_types_are_not_mixed(net, engine):
    made = net(record(), record(typed=False), engine=engine)
    with pytest.raises(DataError, match='some datums have an annotation type, and others have non'):
        made.forward()


def test_a_database_of_plain_images_is_named(net):
    with pytest.raises(DataError, match='key 00000000: not an AnnotatedDatum message: it has no d'):
        net(record().datum)


def test_damage_is_named(net):
    class Damaged:
        def SerializeToString(self):
            return b'\x0a\xff\xff'

    with pytest.raises(DataError, match='not an AnnotatedDatum message'):
        net(Damaged())


# -- boxes follow


def found(pixels):
    """Where the object is, as a box."""
    rows, columns = np.nonzero(pixels[0] > 100)
    height, width = pixels.shape[1:]
    corners = [columns.min() / width, rows.min() / height]
    return np.array([*corners, (columns.max() + 1) / width, (rows.max() + 1) / height])


def transformed(text, samplers=(), phase=TRAIN, seed=0):
    param = text_format.Parse(text, TransformationParameter())
    windows = [text_format.Parse(one, BatchSampler()) for one in samplers]
    transformer = AnnotatedTransformer(param, phase, windows)
    objects = np.array([[3, 0, *BOX, 0]])
    return transformer.annotated(picture(), objects, make_rng(seed), 'image')


WINDOW = 'max_sample: 1 sampler { min_scale: 0.6 max_scale: 1 min_aspect_ratio: 0.5 '
WINDOW += 'max_aspect_ratio: 2 } sample_constraint { min_object_coverage: 0.3 }'


@pytest.mark.parametrize(
    ('fields', 'samplers'),
    [
        ('mirror: true', []),
        ('crop_h: 34 crop_w: 50', []),
        ('expand_param { max_expand_ratio: 3 }', []),
        ('', [WINDOW]),
        ('resize_param { height: 80 width: 90 }', []),
        ('resize_param { resize_mode: FIT_LARGE_SIZE_AND_PAD height: 90 width: 90 }', []),
        ('resize_param { resize_mode: FIT_LARGE_SIZE_AND_PAD height: 40 width: 200 }', []),
        ('resize_param { resize_mode: FIT_SMALL_SIZE height: 80 width: 80 }', []),
        ('mirror: true expand_param { max_expand_ratio: 2 } resize_param { height: 99 width: 99 }',
         [WINDOW]),
    ],
)  # fmt: skip
def test_the_box_is_where_the_object_is(fields, samplers):
    seen = set()
    for seed in range(12):
        patch, objects = transformed(fields, samplers, seed=seed)
        box = objects[0, 2:6]
        np.testing.assert_allclose(box, found(patch.pixels), atol=0.065)  # pixels are coarse
        seen.add(tuple(box.round(4)))
    assert (len(seen) > 1) == (not fields.startswith('resize'))


def test_a_larger_canvas_is_the_mean():
    patch, _ = transformed('mean_value: 7 expand_param { max_expand_ratio: 4 }', seed=1)
    assert patch.pixels.shape[1] > HEIGHT
    values, counts = np.unique(patch.pixels, return_counts=True)
    assert set(values) == {0, 7, 200} and counts[1] > 100


def test_distortion_comes_first():
    patch, _ = transformed('distort_param { contrast_prob: 1 contrast_lower: 0.5 '
                           'contrast_upper: 0.5 }')  # fmt: skip
    assert set(np.unique(patch.pixels)) == {0, 100}


def test_seeds_repeat():
    fields = 'mirror: true expand_param { max_expand_ratio: 2 }'
    first, again = (transformed(fields, [WINDOW], seed=4) for _ in range(2))
    np.testing.assert_array_equal(first[0].pixels, again[0].pixels)
    np.testing.assert_array_equal(first[1], again[1])


@pytest.mark.parametrize(
    ('emit', 'kept'),
    [
        ('', [1, 1, 0]),
        ('emit_type: CENTER', [1, 0, 0]),
        ('emit_type: MIN_OVERLAP emit_overlap: 0.2', [1, 1, 0]),
        ('emit_type: MIN_OVERLAP emit_overlap: 0.3', [1, 0, 0]),
    ],
)
def test_which_objects_are_kept(emit, kept):
    """In the left half of the image: one inside, one with a quarter inside, one beside."""
    boxes = [(0.1, 0.1, 0.3, 0.3), (0.4, 0.2, 0.8, 0.4), (0.6, 0, 0.9, 1)]
    objects = np.array([[1, 0, *box, 0] for box in boxes])
    constraint = text_format.Parse(emit, EmitConstraint()) if emit else None
    out = within(objects, np.array([0, 0, 0.5, 1]), constraint)
    assert len(out) == sum(kept)
    np.testing.assert_allclose(out[0, 2:6], (0.2, 0.1, 0.6, 0.3))
    if kept[1]:
        np.testing.assert_allclose(out[1, 2:6], (0.8, 0.2, 1, 0.4))


# -- the batch sampler


def test_windows_have_the_scale_and_aspect_drawn():
    p = Sampler(min_scale=0.3, max_scale=0.9, min_aspect_ratio=0.5, max_aspect_ratio=2)
    rng = make_rng(0)
    windows = np.array([drawn_window(p, rng) for _ in range(2000)])
    sides = windows[:, 2:] - windows[:, :2]
    scale = np.sqrt(sides.prod(1))
    aspect = sides[:, 0] / sides[:, 1]
    assert (windows >= 0).all() and (windows <= 1 + 1e-12).all()
    assert 0.3 <= scale.min() < 0.32 and 0.87 < scale.max() <= 0.9
    assert 0.5 <= aspect.min() < 0.52 and 1.9 < aspect.max() <= 2


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ('', True),
        ('min_jaccard_overlap: 0.3', True),
        ('min_jaccard_overlap: 0.35', False),
        ('max_jaccard_overlap: 0.3', False),
        ('min_sample_coverage: 0.5', True),
        ('min_sample_coverage: 0.51', False),
        ('max_sample_coverage: 0.4', False),
        ('min_object_coverage: 0.5', True),
        ('min_object_coverage: 0.51', False),
        ('max_object_coverage: 0.4', False),
        ('min_object_coverage: 0.4 min_jaccard_overlap: 0.4', False),
    ],
)
def test_constraints(fields, expected):
    """Half of either box is in the other: an overlap of a third."""
    window, boxes = np.array([0, 0, 0.5, 0.5]), np.array([[0.25, 0, 0.75, 0.5]])
    assert meets(window, boxes, text_format.Parse(fields, SampleConstraint())) == expected
    assert meets(window, boxes[:0], text_format.Parse(fields, SampleConstraint())) == (not fields)


def test_an_image_stays_whole_if_no_window_fits():
    never = 'max_trials: 9 sampler { min_scale: 0.1 max_scale: 0.2 } '
    never += 'sample_constraint { min_jaccard_overlap: 0.99 }'
    for sampler in (never, f'use_original_image: false {WINDOW}'):
        patch, _ = transformed('', [sampler])
        np.testing.assert_array_equal(patch.pixels, picture())


@pytest.mark.parametrize(
    ('fields', 'sampler', 'message'),
    [
        ('', 'sampler { max_scale: 1.5 }', 'sampler: found scales 1 to 1.5 and aspect ratios 1 to'),
        ('', 'sampler { min_aspect_ratio: 2 }', 'needed: 0 < min_scale <= max_scale <= 1 and 0'),
        ('expand_param { max_expand_ratio: 0.5 }', '', 'max_expand_ratio: found 0.5, needed: >= 1'),
    ],
)  # fmt: skip
def test_ranges_that_hold_nothing(fields, sampler, message):
    with pytest.raises(DataError, match=message):
        transformed(fields, [sampler], TEST)


def test_training_goes_on_where_it_stopped(net):
    """The state of the layer repeats what is drawn."""
    fields = 'transform_param { mirror: true resize_param { height: 20 width: 20 } '
    fields += 'expand_param { max_expand_ratio: 3 } } '
    fields += f'annotated_data_param {{ batch_sampler {{ {WINDOW} }} }}'
    made = net(record(), record(4), record(5), fields=fields)
    made.forward()
    state = made.layers[0].state()
    made.forward()
    first = [blob.data.copy() for blob in made.tops[0]]
    made.layers[0].restore(state)
    made.forward()
    for blob, wanted in zip(made.tops[0], first, strict=True):
        np.testing.assert_array_equal(blob.data, wanted)
