"""goodinit bn_statistics, and what other commands make of nets without statistics."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.statistics import with_statistics
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import bn_statistics, classify, init_net, stats
from goodinit.tools import test as score
from toolkit import json_of, samples, written

FILLED = 'weight_filler { type: "msra" }'
CONV = f'convolution_param {{ num_output: 4 kernel_size: 3 bias_term: false {FILLED} }}'
NET = f"""
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: [8, 3, 8, 8] }} }} }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" {CONV} }}
layer {{ name: "n" type: "BatchNorm" bottom: "c" top: "c"
         batch_norm_param {{ use_global_stats: true }} }}
layer {{ name: "relu" type: "ReLU" bottom: "c" top: "c" }}
layer {{ name: "d" type: "Convolution" bottom: "c" top: "d" {CONV} }}
layer {{ name: "m" type: "BatchNorm" bottom: "d" top: "d" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "d" top: "ip"
         inner_product_param {{ num_output: 5 {FILLED} }} }}"""
SAYS = 'have no statistics yet (scale factor 0): '


def saved(folder, forgotten=True):
    """A prototxt, data, and weights that may be without statistics."""
    proto, data, out = written(folder, NET), samples(folder), folder / 'w.caffemodel'
    argv = ['--proto', proto, '--data', data, '--out', out, '--quiet', '--force']
    assert init_net.main([str(each) for each in argv]) == 0
    if forgotten:
        net = Net(proto, load=out)
        for layer in with_statistics(net.layers):
            layer.forget()
        net.save(out)
    return proto, data, str(out)


def outputs(proto, weights, data):
    net = Net(proto, TEST, load=weights)
    net.blobs['data'].reshape(32, 3, 8, 8)
    net.blobs['data'].data = np.load(data)[:32]
    net.forward()
    return net.blobs['ip'].data.copy()


def test_it_gives_back_what_an_initialization_gave(tmp_path, capsys):
    proto, data, weights = saved(tmp_path, forgotten=False)
    right = outputs(proto, weights, data)
    proto, data, weights = saved(tmp_path)
    assert bn_statistics.main([proto, weights, '--data', data]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split() == [*('layer', 'type', 'channels', 'mean', 'std')]
    assert [line.split()[:3] for line in shown.out.splitlines()[1:]] == [
        ['n', 'BatchNorm', '4'],
        ['m', 'BatchNorm', '4'],
    ]
    assert 'weights with the statistics of 2 layers written to' in shown.err
    assert SAYS not in shown.err
    found = outputs(proto, tmp_path / 'w_bn.caffemodel', data)
    assert abs(found - right).max() < 0.1 * abs(right).max()


def test_the_same_as_json(tmp_path, capsys):
    proto, data, weights = saved(tmp_path)
    found = json_of(bn_statistics.main, [proto, weights, '--data', data], capsys)
    assert [(each['layer'], each['channels']) for each in found['layers']] == [('n', 4), ('m', 4)]
    assert found['out'] == str(tmp_path / 'w_bn.caffemodel') and found['samples'] == 32


def test_segnets_file_is_for_inference(tmp_path, capsys):
    text = NET.replace('type: "BatchNorm"', 'type: "BN" bn_param { bn_mode: LEARN }')
    proto = written(tmp_path, text.replace('batch_norm_param { use_global_stats: true }', ''))
    data, out = samples(tmp_path), str(tmp_path / 'w.caffemodel')
    argv = ['--proto', proto, '--data', data, '--out', out, '--quiet']
    assert init_net.main(argv) == 0
    assert bn_statistics.main([proto, out, '--data', data]) == 0
    err = capsys.readouterr().err
    assert 'note: the file is for a net with bn_mode: INFERENCE in its BN layers' in err


def test_mistakes(tmp_path, capsys):
    proto, data, weights = saved(tmp_path)
    lines = [line for line in NET.splitlines() if 'atch' not in line]
    other = written(tmp_path, '\n'.join(lines), 'other.prototxt')
    assert bn_statistics.main([other, weights, '--data', data, '--out', f'{tmp_path}/o']) == 1
    assert (
        'has no layer that normalizes by the batch: needed: BatchNorm, or BN that is not in '
        'bn_mode: INFERENCE'
    ) in capsys.readouterr().err
    assert not (tmp_path / 'o').exists()
    assert bn_statistics.main([proto, weights, '--data', data, '--out', weights]) == 1
    assert 'already exists (use --force' in capsys.readouterr().err
    before = Path(weights).read_bytes()
    assert bn_statistics.main([proto, weights, '--data', data, '--out', weights, '--force']) == 0
    assert Path(weights).read_bytes() != before


def test_stats_measures_with_the_statistics_of_the_data(tmp_path, capsys):
    proto, data, weights = saved(tmp_path)
    argv = ['--proto', proto, '--weights', weights, '--data', data]
    assert stats.main(argv) == 0
    shown = capsys.readouterr()
    assert (
        f'note: BatchNorm layers n {SAYS}those of the data are used here; '
        '`goodinit bn_statistics NET WEIGHTS` measures them and writes them'
    ) in shown.err
    assert 'inf' not in shown.out
    found = json_of(stats.main, [*argv, '--phase', 'test'], capsys)
    assert sum(SAYS in note for note in found['notes']) == 1
    assert all(layer['output_std'] < 10 for layer in found['layers'])


def test_init_goes_on_from_weights_without_statistics(tmp_path, capsys):
    proto, data, weights = saved(tmp_path)
    out = tmp_path / 'again.caffemodel'
    argv = ['--proto', proto, '--weights', weights, '--data', data, '--out', out]
    found = json_of(init_net.main, argv, capsys)
    assert sum(SAYS in note for note in found['notes']) == 1
    assert np.isfinite([each['after']['output_std'] for each in found['layers']]).all()
    outputs(proto, out, data)  # no warning


def test_test_warns_of_it(tmp_path, capsys):
    proto, _, weights = saved(tmp_path)
    argv = ['--model', proto, '--weights', weights, '--iterations', '2']
    with warnings.catch_warnings():
        warnings.simplefilter('default')
        assert score.main(argv) == 0
    err = capsys.readouterr().err
    assert err.count(f'warning: BatchNorm layers n, m {SAYS}their outputs mean nothing') == 1


def test_classify_says_it(tmp_path, capsys):
    proto, _, weights = saved(tmp_path)
    images = str(tmp_path / 'images.npy')
    np.save(images, np.zeros((1, 9, 9, 3)))
    argv = [images, '--model_def', proto, '--pretrained_model', weights, '--mean_file', '']
    assert classify.main([*argv, '--images_dim', '9,9']) == 0
    assert capsys.readouterr().err.count(f'note: BatchNorm layers n, m {SAYS}their outputs') == 1


@pytest.mark.parametrize('phase', ['train', 'test'])
@pytest.mark.parametrize('method', ['lsuv', 'kmeans'])
def test_opencv_gives_the_outputs_of_a_fresh_net(tmp_path, phase, method, capsys):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    proto, data = written(tmp_path, NET), samples(tmp_path)
    out = str(tmp_path / 'w.caffemodel')
    argv = ['--proto', proto, '--data', data, '--out', out, '--method', method, '--phase', phase]
    assert init_net.main(argv) == 0
    assert '2 layers (n, m): its running mean and variance' in capsys.readouterr().err
    ours = outputs(proto, out, data)
    net = cv2.dnn.readNetFromCaffe(proto, out)
    net.setInput(np.load(data)[:32].astype('f4'))
    theirs = net.forward('ip')
    assert abs(theirs - ours).max() < 1e-4 * abs(ours).max()
    assert json.dumps(ours.shape) == json.dumps(theirs.shape)


def test_an_unknown_phase(tmp_path, capsys):
    proto, data, _ = saved(tmp_path)
    assert init_net.main(['--proto', proto, '--data', data, '--phase', 'tests']) == 1
    assert "unknown 'tests'; did you mean 'test'? (known: train, test)" in capsys.readouterr().err
