"""The benchmarks run, with and without the software that they measure beside ours."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.benchmarks import (
    initializers,
    machine,
    net_tasks,
    nets,
    parts,
    peers,
    reading,
    several,
    subjects,
    update,
    without_kernels,
)
from goodinit.benchmarks.worker import Worker
from goodinit.initializers import of_kind
from goodinit.netlib.ranks import Ranks
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import init_net


@pytest.fixture
def without(monkeypatch):
    """Make software look as if it were not installed."""

    def hide(*names):
        monkeypatch.setattr(peers, 'find_spec', lambda name: None if name in names else True)

    return hide


# -- what is not installed


@pytest.mark.parametrize('name', ['torch', 'matplotlib', 'lmdb'])
def test_what_is_missing_is_named(name, without):
    without(name)
    assert peers.missing(name) == f'no {name}: pip install {name}'


def opencv(*importers):
    return SimpleNamespace(dnn=SimpleNamespace(**dict.fromkeys(importers)))


@pytest.mark.parametrize(
    'module, hidden, reason',
    [
        (SimpleNamespace(), '', 'no opencv: this one has no module dnn: pip install opencv'),
        (opencv(), '', 'no opencv: this one has no module dnn: pip install opencv'),
        (opencv('readNetFromONNX'), 'onnx', "no opencv: .* pip install 'goodinit.export.'"),
        (opencv('readNetFromONNX'), '', '$'),
        (opencv('readNetFromCaffe'), 'onnx', '$'),
    ],
)
def test_an_opencv_without_importer_is_missing(module, hidden, reason, without, monkeypatch):
    without(hidden)
    monkeypatch.setattr(peers, 'import_module', lambda name: module)
    assert re.match(reason, peers.missing('opencv'))


@pytest.mark.parametrize('caffe', [True, False])
def test_opencv_computes_what_we_do(caffe, monkeypatch):
    """From Caffe's files or, where it no longer reads them, from ONNX."""
    cv2 = pytest.importorskip('cv2')
    pytest.importorskip('onnx')
    if not caffe:
        monkeypatch.delattr(cv2.dnn, 'readNetFromCaffe', raising=False)
    elif not hasattr(cv2.dnn, 'readNetFromCaffe'):
        pytest.skip('this OpenCV reads no Caffe files')
    param = subjects.deployed('lenet', 2)
    images = subjects.batch_of('lenet', 2)['data']
    ours = subjects.filled_net(param, TEST)
    ours.blobs['data'].data = images
    ours.forward()
    imported = net_tasks.read_by_opencv(param)
    imported.setInput(images)
    np.testing.assert_allclose(imported.forward(), ours.blobs['prob'].data, atol=1e-5)


def test_candidates_that_cannot_run_are_left_out(without, capsys):
    without('torch', 'cv2')
    assert peers.runnable(['fast', 'torch', 'torch tuned', 'opencv']) == ['fast']
    assert capsys.readouterr().out.splitlines() == [
        'torch is left out: no torch: pip install torch',
        'torch tuned is left out: no torch: pip install torch',
        'opencv is left out: no opencv: pip install opencv-python-headless',
    ]


def test_nets_without_peers_and_matplotlib(without, tmp_path, monkeypatch, capsys):
    """The numbers are written all the same."""
    without('torch', 'cv2', 'matplotlib')
    monkeypatch.setattr(machine, 'RESULTS', tmp_path)
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    candidates = ['fast', 'torch', 'opencv']
    options = ['--nets', 'lenet', '--repeats', '1', '--candidates', *candidates]
    monkeypatch.setattr(sys, 'argv', ['nets.py', *options])
    nets.main()
    out = capsys.readouterr().out
    assert 'the plot is left out: no matplotlib: pip install matplotlib\n' in out
    [path] = tmp_path.iterdir()
    numbers = json.loads(path.read_text())
    samples = numbers['samples']['lenet']
    assert samples.keys() == {'fast'}
    assert all(len(samples['fast'][task]) == 1 for task in nets.TASKS)
    assert samples['fast']['peak_mb'] > 10
    assert numbers['gflop_forward']['lenet'] == pytest.approx(0.293504)
    travels = numbers['travel_ns']['lenet']
    assert all(len(travels[task]) == 1 and travels[task][0] >= 0 for task in nets.TASKS)


@pytest.mark.parametrize('trips, said', [([50, 90], ''), ([50, 320], '50 to 320 ns')])
def test_cores_that_were_moved_apart_are_told(trips, said, capsys):
    nets.show_travels('lenet', {'forward': trips[:1], 'SGD step': trips[1:]})
    out = capsys.readouterr().out
    assert said in out and bool(out) == bool(said)


def test_the_parts_of_a_step_add_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, 'RESULTS', tmp_path)
    options = ['--net', 'lenet', '--engine', 'reference', '--repeats', '3']
    monkeypatch.setattr(sys, 'argv', ['parts.py', *options])
    parts.main()
    shown = capsys.readouterr().out
    assert re.search(r' +\d+\.\d ms  5x5 convolution by steps of 1, backward\n', shown)
    [path] = tmp_path.glob('*-parts.json')
    numbers = json.loads(path.read_text())
    assert {len(samples) for samples in numbers['samples'].values()} == {3}
    sums = np.sum(list(numbers['samples'].values()), axis=0)
    np.testing.assert_allclose(sums, numbers['steps'])
    assert min(numbers['samples'][parts.OTHERS]) > 0


def test_the_plot_of_nets(tmp_path):
    pytest.importorskip('matplotlib')
    from goodinit.benchmarks.nets_plot import plot

    fast = {'forward of one': [1, 2], 'forward': [3, 4], 'SGD step': [7, 8]}
    samples = {
        'lenet': {'fast': fast, 'opencv': {'forward': [1]}},
        'unet': {'fast': {}, 'opencv': {}},
    }
    plot(samples, tmp_path / 'nets.png')
    assert (tmp_path / 'nets.png').stat().st_size > 10_000


def test_a_reader_that_cannot_run_is_left_out(without, monkeypatch, capsys):
    without('torch')
    monkeypatch.setattr(reading, 'make_images', lambda *_: None)
    monkeypatch.setattr(reading, 'pictures', lambda *_: [])
    monkeypatch.setattr(reading, 'fresh_process', lambda *_: 2.0)
    args = SimpleNamespace(data=None, images=1, repeats=1, batches=1)
    samples = reading.measure(args)
    assert samples == {'goodinit': [2.0], 'pillow': [2.0]}
    assert reading.ratios_to_others(samples) == {'pillow': 1.0}
    assert capsys.readouterr().out.startswith('torch is left out: no torch: pip install torch\n')


def test_reading_needs_lmdb(without, monkeypatch):
    without('lmdb')
    monkeypatch.setattr(sys, 'argv', ['reading.py'])
    with pytest.raises(SystemExit, match='no lmdb: pip install lmdb'):
        reading.main()


# -- processes


def test_a_process_answers_until_it_ends(tmp_path):
    script = tmp_path / 'candidate.py'
    script.write_text(
        'from goodinit.benchmarks.worker import serve\n'
        'serve(["double"], {"double": lambda: 2.0, "end": lambda: exit()})'
    )
    worker = Worker([str(script)])
    assert worker.greeting == ['double']
    assert worker.ask('double') == 2
    assert worker.ask('end') is None
    assert worker.ask('double') is None
    worker.stop()


def test_a_process_that_does_not_start(tmp_path):
    worker = Worker(['-c', 'raise SystemExit(1)'])
    assert worker.greeting is None
    worker.stop()


def test_initializations_are_measured():
    sample = initializers.run([sys.executable, '-c', "sum(range(10 ** 6)); b'x' * 10 ** 8"])
    assert 0 < sample['user'] <= sample['cpu']
    assert sample['wall'] > 0 and sample['peak_mb'] > 100


def test_initializations_are_what_is_measured():
    for case, options in initializers.INIT.items():
        model, method, *quiet = case.split()
        args = init_net.arguments().parse_args(options)
        assert args.net.startswith(model) and args.method == method
        assert args.quiet == bool(quiet)
        batches = {'caffenet': 5, 'googlenet': 2}
        assert args.batches == (batches[model] if method in of_kind('samples') else 1)


def test_what_an_initialization_may_hold():
    images = 32 * 3 * 227 * 227
    weights = 60_965_224  # more than the two largest blobs of CaffeNet
    assert initializers.bound_mb('caffenet lsuv') == pytest.approx(6e-6 * (weights + images))
    blobs = 2 * 32 * 64 * 224 * 224  # of VGG-16, more than its weights
    images = 32 * 3 * 224 * 224
    assert initializers.bound_mb('vgg16 lsuv') == pytest.approx(6e-6 * (blobs + images))


def test_a_trace_of_two_ranks():
    marks = [('loss', 10.0), ('fc', 10.5), ('conv', 12.0)]
    events = several.events_of_step(marks, Ranks(), 9.0)
    assert events == [('fc', 1.0, 1.5), ('conv', 1.5, 3.0)]
    spans = several.spans_of([*events, ('sum', 1.5, 2.5), ('wait', 3.0, 3.25)])
    assert spans == {
        'layers, backward': [(1.0, 0.5), (1.5, 1.5)],
        'sums of gradients': [(1.5, 1.0)],
        'waiting for sums': [(3.0, 0.25)],
    }


def test_an_update_is_timed(monkeypatch):
    monkeypatch.setattr(update, 'PARAMETERS', 2 * update.INPUTS)
    for run in update.tasks().values():
        assert update.timed(run) > 0


def test_numpy_is_measured_beside_the_kernels():
    seconds = without_kernels.least('reference', without_kernels.Subject('lenet', 2))
    assert 0 < seconds < 60


def test_the_machine_is_described():
    assert {'cpu', 'cores', 'load', 'python', 'numpy'} <= machine.machine().keys()


# -- PyTorch's nets


@pytest.mark.parametrize('model', ['lenet', 'squeezenet'])
def test_pytorch_computes_the_same(model):
    torch = pytest.importorskip('torch')
    from goodinit.benchmarks.torch_nets import torch_net

    param = subjects.deployed(model, 2)
    net = subjects.filled_net(param, TEST)
    module = torch_net(param, TEST).eval()
    with torch.no_grad():
        for layer, part in module.steps:
            params = part.parameters() if part else ()
            for theirs, ours in zip(params, net.params.get(layer.name, ()), strict=True):
                theirs.copy_(torch.from_numpy(ours.data).reshape(theirs.shape))
        images = torch.from_numpy(net.blobs['data'].data)
        scores = module({'data': images}).numpy()
    net.forward()
    [output] = net.outputs
    np.testing.assert_allclose(scores, net.blobs[output].data, rtol=1e-3, atol=1e-6)
