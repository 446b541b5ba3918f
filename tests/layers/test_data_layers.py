"""The layers that feed a net: the batches that BVLC Caffe recorded, their randomness, and what they
refuse."""

import shutil

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import DataError, LayerError
from goodinit.netlib.layers.host import dummy_data
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN

CASES = (
    golden.find('io/Data_*.npz')
    | golden.find('io/ImageData_*.npz')
    | golden.find('io/WindowData_*.npz')
)
IO = golden.HERE / 'io'
IMAGES = 'image_data_param { source: "list_imagedata_same.txt" batch_size: 3 %s }'
LABELS = [3, 0, 7, 1, 2]  # of that list's images


def net_of(type, fields='', tops=('data', 'label'), phase=TEST, **options):
    names = ' '.join(f'top: "{top}"' for top in tops)
    return Net(
        parse_net(f'layer {{ name: "d" type: "{type}" {names} {fields} }}'), phase, **options
    )


@pytest.fixture(autouse=True)
def folder(monkeypatch):
    monkeypatch.chdir(IO)


@pytest.mark.parametrize('name', CASES)
def test_recorded_batches(name, engine, monkeypatch, tmp_path):
    source = golden.net_of(CASES[name]).layer[0].data_param.source
    if 'leveldb' in source:  # opening one changes its files
        shutil.copytree(CASES[name].parent / source, tmp_path / source)
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.chdir(CASES[name].parent)
    for key, ours, recorded in golden.replay(CASES[name], engine):
        np.testing.assert_array_equal(ours, recorded, err_msg=key)


def batches(net, count):
    """What the tops hold in `count` forward passes."""
    for _ in range(count):
        net.forward()
        yield {name: blob.data.copy() for name, blob in net.blobs.items()}


def labels(net, count):
    return np.concatenate([batch['label'] for batch in batches(net, count)]).tolist()


def test_a_list_comes_in_order_and_wraps_around_within_a_batch():
    assert labels(net_of('ImageData', IMAGES % ''), 3) == (2 * LABELS)[:9]


def test_shuffle_draws_a_new_order_for_each_pass():
    drawn = labels(net_of('ImageData', IMAGES % 'shuffle: true', seed=1), 15)
    passes = [drawn[k : k + 5] for k in range(0, 45, 5)]
    assert all(sorted(order) == sorted(LABELS) for order in passes)
    assert len({tuple(order) for order in passes}) > 4


@pytest.mark.parametrize(
    'type, fields, first',
    [
        ('ImageData', IMAGES % 'rand_skip: 3', LABELS[:3]),
        (
            'Data',
            'data_param { source: "lmdb_raw" backend: LMDB batch_size: 1 rand_skip: 4 }',
            LABELS[:4],
        ),
    ],
)
def test_rand_skip_leaves_out_fewer_than_it_says(type, fields, first):
    starts = {labels(net_of(type, fields, seed=seed), 1)[0] for seed in range(40)}
    assert starts == set(first)


def test_a_list_that_began_later_wraps_around_to_its_start():
    drawn = labels(net_of('ImageData', IMAGES % 'rand_skip: 4', seed=0), 4)
    assert drawn[0] != LABELS[0]
    assert drawn == (4 * LABELS)[LABELS.index(drawn[0]) :][:12]


def test_the_seed_decides_crops_and_mirrors():
    fields = IMAGES % '' + 'transform_param { crop_size: 3 mirror: true }'

    def values(seed):
        return np.stack(
            [b['data'] for b in batches(net_of('ImageData', fields, phase=TRAIN, seed=seed), 2)]
        )

    np.testing.assert_array_equal(values(1), values(1))
    assert np.any(values(1) != values(2))


def test_labels_may_be_left_out(tmp_path):
    (tmp_path / 'list.txt').write_text('img/c0.png\nimg/c1.png\n')
    fields = f'image_data_param {{ source: "{tmp_path}/list.txt" batch_size: 2 }}'
    assert next(batches(net_of('ImageData', fields, ['data']), 1))['data'].shape == (2, 3, 12, 10)
    note = r"layer 'd' .*list\.txt: 'img/c0\.png' and 1 more have no label: their label is 0"
    with pytest.warns(UserWarning, match=note):
        net = net_of('ImageData', fields)
    net.blobs['label'].data[:] = 7
    net.forward()
    np.testing.assert_array_equal(net.blobs['label'].data, [0, 0])


REFUSED = [
    (
        'ImageData',
        'image_data_param { source: "nowhere.txt" }',
        DataError,
        "layer 'd' .ImageData.*nowhere.txt",
    ),
    (
        'ImageData',
        'image_data_param { source: "empty.txt" }',
        DataError,
        'empty.txt: File is empty',
    ),
    (
        'ImageData',
        IMAGES % 'new_height: 5',
        LayerError,
        'requires new_height and new_width.* found 5 and 0',
    ),
    (
        'ImageData',
        'image_data_param { source: "list_imagedata_same.txt" batch_size: 0 }',
        LayerError,
        'batch_size: found 0, must be positive',
    ),
    ('ImageData', IMAGES % 'root_folder: "no/"', DataError, 'no/img/c0.png: no such file'),
    (
        'ImageData',
        IMAGES % 'rand_skip: 9000',
        DataError,
        'Not enough points to skip: .* has 5 lines',
    ),
    (
        'ImageData',
        IMAGES % '' + 'transform_param { crop_size: 900 }',
        DataError,
        r'img/c0.png is .* smaller than crop_size 900',
    ),
    (
        'ImageData',
        IMAGES % '' + 'transform_param { mean_file: "m" mean_value: 3 }',
        DataError,
        'Cannot specify mean_file and mean_value at the same time',
    ),
    (
        'Data',
        'data_param { source: "nowhere" backend: LMDB batch_size: 2 }',
        DataError,
        "layer 'd' .Data.*nowhere: no such file or folder",
    ),
    (
        'Data',
        'data_param { source: "lmdb_raw" backend: LMDB }',
        LayerError,
        'batch_size: found 0, must be positive',
    ),
    (
        'Data',
        'data_param { source: "lmdb_raw" batch_size: 2 }',
        DataError,
        'is LMDB, not LevelDB; set backend: LMDB',
    ),
]


@pytest.mark.parametrize('type, fields, error, message', REFUSED)
def test_refused_in_setup(type, fields, error, message, tmp_path, monkeypatch):
    if 'empty' in fields:
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'empty.txt').write_text('')
    with pytest.raises(error, match=message):
        net_of(type, fields, seed=0)


@pytest.mark.parametrize(
    'fields, message',
    [
        (
            'image_data_param { source: "list_imagedata.txt" batch_size: 4 }',
            r'img/\w+.png is 3 x \d+ x \d+, but the batch began with .*batch_size: 1',
        ),
    ],
)
def test_refused_in_forward(fields, message):
    net = net_of('ImageData', fields)
    with pytest.raises(DataError, match=message):
        for _ in range(8):
            net.forward()


# -- DummyData


def dummy(fields, tops=('a', 'b'), **options):
    return net_of('DummyData', f'dummy_data_param {{ {fields} }}', tops, **options)


def test_constants_are_filled_once_and_the_rest_every_time():
    fields = 'shape { dim: 4 } data_filler { value: 2 } data_filler { type: "gaussian" }'
    net = dummy(fields, seed=3)
    assert net.blobs['a'].data.tolist() == [2] * 4
    net.blobs['a'].data = 5
    first, second = batches(net, 2)
    assert first['a'].tolist() == second['a'].tolist() == [5] * 4
    assert np.all(first['b'] != second['b'])
    again = next(batches(dummy(fields, seed=3), 1))
    assert again['b'].tolist() == first['b'].tolist()


def test_a_constant_survives_the_freeing_of_its_memory():
    net = dummy('shape { dim: 2 } data_filler { value: 2 }')
    net.blobs['a'].free()
    assert next(batches(net, 1))['a'].tolist() == [2, 2]


def test_older_fields_give_shapes():
    net = dummy('num: 2 num: 3 channels: 1 height: 4 width: 5')
    assert [blob.shape for blob in net.blobs.values()] == [(2, 1, 4, 5), (3, 1, 4, 5)]


@pytest.mark.parametrize(
    'fields, message',
    [
        (
            'shape { dim: 1 } data_filler { } data_filler { }',
            'Number of data fillers must be 0, 1 or equal .*: 3; .* 2 data',
        ),
        ('shape { dim: 1 } num: 2', r'Both shape and legacy fields specified \(num\)'),
        (
            'shape { dim: 1 } shape { dim: 2 }',
            r"Must specify 'shape' once, or once per top blob \(3\); specified 2",
        ),
        (
            'num: 1 channels: 2 height: 3',
            r"Must specify 'width' once, or once per top blob \(3\); specified 0",
        ),
    ],
)
def test_dummy_data_refused_in_setup(fields, message):
    with pytest.raises(LayerError, match=f"layer 'd' .*{message}"):
        dummy(fields, ['a', 'b', 'c'])


def test_dummy_data_without_any_filler_says_who_has_them(monkeypatch):
    monkeypatch.setattr(dummy_data, 'FILLERS', {})
    with pytest.raises(
        LayerError,
        match=r'Unknown filler name: constant \(known fillers: none; import '
        r'goodinit\.initializers to register them\)',
    ):
        dummy('shape { dim: 1 }')


@pytest.mark.parametrize(
    'filler, message',
    [
        ('type: "gausian"', "Unknown filler name: gausian; did you mean 'gaussian'?"),
        ('type: "uniform" min: 2 max: 1', "data_filler of top 'a': .*min: 2 must not be greater"),
    ],
)
def test_dummy_data_refused_in_forward(filler, message):
    net = dummy(f'shape {{ dim: 1 }} data_filler {{ {filler} }}')
    with pytest.raises(LayerError, match=message):
        net.forward()
