"""Where a net's data come from, and in which shape."""

from pathlib import Path

import numpy as np
import places
import pytest
from goodinit.feeding.data_layers import label_blobs
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import find_data
from goodinit.feeding.input_layers import with_inputs
from goodinit.feeding.net_file import read_net_file
from goodinit.netlib import Net
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.errors import GoodinitError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from toolkit import DEPLOY, samples, train_val, written

LMDB = places.GOLDEN / 'io' / 'lmdb_raw'


def fed(proto, **options):
    return find_data(read_net_file(proto), DataOptions(**options))


def fed_param(proto, found):
    """The net with Input layers for these data."""
    return with_inputs(read_net_file(proto).param, found.shapes)


def test_samples_replace_the_data_layer(tmp_path):
    proto = written(tmp_path, train_val())
    found = fed(proto, data=samples(tmp_path), batch_size=10, batches=3)
    assert [batch['data'].shape for batch in found.batches] == [
        (10, 3, 8, 8)
    ] * 3 and found.samples == 30
    layer = fed_param(proto, found).layer[0]
    assert (layer.name, layer.type, list(layer.top)) == ('images', 'Input', ['data', 'label'])
    rows = {row.tobytes() for row in np.load(tmp_path / 'x.npy')}
    used = [row.tobytes() for batch in found.batches for row in batch['data']]
    assert set(used) <= rows and len(set(used)) == 30
    assert found.labels == {'label'} and not found.batches[0]['label'].any() and not found.notes


def test_the_transform_of_the_data_layer_applies_unless_options_say_otherwise(tmp_path):
    transform = 'scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 8'
    proto, data = written(tmp_path, train_val(transform=transform)), samples(tmp_path)
    plain = fed(written(tmp_path, DEPLOY, 'deploy.prototxt'), data=data).batches[0]['data']
    means = np.array([1, 2, 3], np.float32).reshape(3, 1, 1)
    for options, expected in [
        ({}, (plain - means) * 0.5),
        ({'scale': 2.0}, (plain - means) * 2),
        ({'mean': '4'}, (plain - 4) * 0.5),
        ({'mean': '0', 'scale': 1.0}, plain),
    ]:
        np.testing.assert_allclose(
            fed(proto, data=data, **options).batches[0]['data'], expected, rtol=1e-5, atol=1e-5
        )
    assert fed(proto, data=data).describe.endswith(
        'x.npy: 40 samples of 3 x 8 x 8, minus 1, 2, 3, times 0.5'
    )


def test_the_own_data_are_read_where_they_are(tmp_path):
    """Oracle: the database, read datum by datum."""
    text = train_val(LMDB, 'scale: 0.02').replace('dim: 3 dim: 8 dim: 8', '')
    found = fed(written(tmp_path, text), batches=2)
    pairs = [parse_datum(value) for _, value in open_database(LMDB)]
    wanted = [datum_to_array(pairs[i % len(pairs)]) * np.float32(0.02) for i in range(6)]
    np.testing.assert_allclose(
        np.concatenate([batch['data'] for batch in found.batches]), wanted, rtol=1e-6
    )
    labels = np.concatenate([batch['label'] for batch in found.batches])
    np.testing.assert_array_equal(labels, [pairs[i % len(pairs)].label for i in range(6)])
    assert found.describe == f"the net's own data: {LMDB}"


def test_options_reach_the_own_data(tmp_path):
    proto = written(tmp_path, train_val(LMDB, 'scale: 7 mean_value: 9'))
    plain = fed(proto, mean='0', scale=1.0, batch_size=2).batches[0]['data']
    assert plain.shape[0] == 2 and plain.max() > 100
    np.testing.assert_allclose(
        fed(proto, mean='1', scale=0.5, batch_size=2).batches[0]['data'], (plain - 1) / 2
    )
    assert fed(proto, crop=5, scale=0.01).batches[0]['data'].shape[2:] == (5, 5)


def test_samples_stand_in_for_a_database_that_is_not_there(tmp_path):
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    found = fed(written(tmp_path, train_val(transform='scale: 0.01'), 'train_val.prototxt'))
    assert found.batches[0]['data'].shape == (32, 3, 8, 8)
    assert found.notes[0] == (
        "layer 'images' (Data): its source no_such_lmdb does not exist; using samples from "
        'scikit-learn instead (use goodinit init --data for your own)'
    )
    assert found.describe == "random crops of scikit-learn's two photographs, times 0.01"


def test_a_mean_file_that_is_not_there(tmp_path):
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    proto = written(
        tmp_path,
        train_val(transform='mean_file: "no.binaryproto" scale: 0.01'),
        'train_val.prototxt',
    )
    found = fed(proto)
    assert (
        "layer 'images' (Data): its mean_file no.binaryproto does not exist; "
        'subtracting 127.5 instead' in found.notes
    )
    with pytest.raises(GoodinitError, match=r'mean file no\.binaryproto: cannot be read'):
        fed(proto, data=samples(tmp_path))


def test_labels_of_the_samples_are_used_and_clipped(tmp_path):
    np.savez(tmp_path / 'x.npz', data=np.ones((6, 3, 8, 8)), label=[0, 1, 2, 3, 4, 999])
    proto = written(tmp_path, train_val())
    found = fed(proto, data=str(tmp_path / 'x.npz'))
    assert sorted(found.batches[0]['label']) == [0, 1, 2, 3, 4, 999]
    found.clip_labels(Net(fed_param(proto, found), TRAIN))
    assert sorted(found.batches[0]['label']) == [0, 1, 2, 3, 4, 4]


def test_label_blobs():
    assert label_blobs(read_net_file('lenet').param) == {'label', 'loss'}
    assert label_blobs(read_net_file('unet').param) == {'label', 'loss'}
    assert 'data' not in label_blobs(read_net_file('lenet/deploy').param)


def test_indices_and_flags_count_as_labels():
    net = parse_net("""
        layer { type: "Input" top: "x" top: "words" top: "cont" top: "answer" top: "unread" }
        layer { type: "Embed" bottom: "words" top: "e" }
        layer { type: "LSTM" bottom: "x" bottom: "cont" top: "h" }
        layer { type: "Accuracy" bottom: "h" bottom: "answer" top: "score" }
        layer { type: "Silence" bottom: "unread" }""")
    assert label_blobs(net) == {'words', 'cont', 'answer', 'unread', 'e', 'score'}


def test_one_label_per_pixel(tmp_path):
    found = fed(
        'unet', data=samples(tmp_path, (1, 1, 32, 32)), batch_size=1, input_shape=(1, 32, 32)
    )
    assert {name: values.shape for name, values in found.batches[0].items()} == {
        'data': (1, 1, 32, 32),
        'label': (1, 1, 32, 32),
    }


TWINS = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
layer { name: "data_p" type: "Input" top: "data_p"
  input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
layer { name: "size" type: "Input" top: "size" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "sim" type: "Input" top: "sim" input_param { shape { dim: 1 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a"
  inner_product_param { num_output: 2 } }
layer { name: "b" type: "InnerProduct" bottom: "data_p" top: "b"
  inner_product_param { num_output: 2 } }
layer { name: "c" type: "InnerProduct" bottom: "size" top: "c"
  inner_product_param { num_output: 2 } }
layer { name: "loss" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "sim" top: "loss" }"""


def test_several_inputs_get_values_each(tmp_path):
    found = fed(written(tmp_path, TWINS), data=samples(tmp_path, (20, 1, 8, 8)), batch_size=8)
    batch = found.batches[0]
    assert {name: values.shape for name, values in batch.items()} == {
        'data': (8, 1, 8, 8),
        'data_p': (8, 1, 8, 8),
        'size': (8, 3),
        'sim': (8,),
    }
    assert (
        abs(batch['data'] - batch['data_p']).max() > 0.1
        and not batch['sim'].any()
        and batch['size'].std() > 0.5
    )
    assert found.notes == ["input 'size' differs in shape from 'data'; it gets Gaussian noise"]


def test_vectors(tmp_path):
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 12 } } }'
        'layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" '
        'inner_product_param { num_output: 2 } }'
    )
    found = fed(written(tmp_path, text), data=samples(tmp_path, (20, 12)), batch_size=8)
    assert found.batches[0]['x'].shape == (8, 12)
    with pytest.raises(
        GoodinitError, match='the embedded samples are images of 1 or 3 channels, the net needs 12'
    ):
        fed(written(tmp_path, text))


def test_dummy_data_stay_beside_other_data(tmp_path):
    dummy = (
        'layer { name: "d" type: "DummyData" top: "d" '
        'dummy_data_param { shape { dim: 32 dim: 2 } } }\n'
    )
    text = train_val().replace('layer { name: "conv"', dummy + 'layer { name: "conv"')
    proto = written(tmp_path, text)
    param = fed_param(proto, fed(proto, data=samples(tmp_path)))
    assert [layer.type for layer in param.layer[:2]] == ['Input', 'DummyData']


def test_the_inputs_are_measured(tmp_path):
    found = fed(written(tmp_path), data=samples(tmp_path), batch_size=40, mean='3', scale=0.5)
    values = (np.load(tmp_path / 'x.npy') - 3) / 2
    assert found.statistics == {
        'data': {'mean': pytest.approx(values.mean()), 'std': pytest.approx(values.std())}
    }
    assert str(found).endswith("; 40 used; 'data' has mean -1.5, std 0.501")
    assert not found.notes


def test_infinities_are_refused(tmp_path):
    with pytest.raises(GoodinitError, match="input 'data' contains NaN or infinity"):
        fed(written(tmp_path), data=samples(tmp_path), mean='nan')


def test_solvers_lead_to_their_nets(tmp_path, monkeypatch):
    folder = tmp_path / 'deep'
    folder.mkdir()
    net = Path(written(folder, train_val()))
    solver = written(folder, 'net: "net.prototxt"', 'solver.prototxt')
    monkeypatch.chdir(tmp_path)
    assert read_net_file(solver).path == net  # beside the solver
    written(tmp_path, DEPLOY)
    assert read_net_file(solver).path == Path(
        'net.prototxt'
    )  # the current folder comes first, as in Caffe
    assert read_net_file('lenet/solver').path == read_net_file('lenet').path
    inline = written(
        tmp_path, 'net_param { layer { name: "x" type: "Input" top: "x" } }', 'inline.prototxt'
    )
    assert read_net_file(inline).param.layer[0].name == 'x'


def test_the_state_of_a_solver_chooses_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, DEPLOY.replace('name: "drop"', 'name: "drop" include { stage: "wet" }'))
    dry, wet = (
        read_net_file(written(tmp_path, f'net: "net.prototxt" {state}', 's.prototxt'))
        for state in ('', 'train_state { stage: "wet" }')
    )
    assert {layer.name for layer in wet.param.layer} - {
        layer.name for layer in dry.param.layer
    } == {'drop'}
