"""`goodinit caffe test` and `time` beside recorded runs of BVLC's, and what is wrong with command
lines."""

import functools
import re

import pytest
from caffe_runs import NUMBER, RUNS, assert_same_lines, need_data, run, with_recorded
from goodinit.netlib.engines.cuda import device
from goodinit.netlib.errors import import_extra
from goodinit.tools.caffe import main
from toolkit import fails


@pytest.fixture
def folder(folder):
    """The recorded commands' working directory."""
    return with_recorded(folder)


@pytest.mark.parametrize('name', ['test_hdf5', 'test_lmdb'])
def test_scores(name, folder, capsys):
    case = RUNS[name]
    need_data(case['args'])
    lines = run(case['args'], capsys)
    assert f'Running for {case["args"][-1].removeprefix("--iterations=")} iterations.' in lines
    assert_same_lines(lines[-len(case['final_lines']) :], case['final_lines'], 1e-5)


def test_a_stage_chooses_layers(folder, capsys):
    pytest.importorskip('h5py')
    lines = run(
        [
            'test',
            '-model=net_stage.prototxt',
            '-weights',
            'init.caffemodel',
            '-stage=extra',
            '-iterations=1',
        ],
        capsys,
    )
    assert lines[-2:] == [
        'extra_loss = 0.839441 (* 0.5 = 0.419721 loss)',
        'loss = 0.839441 (* 1 = 0.839441 loss)',
    ]


def test_layers_of_the_file_that_the_net_lacks(folder, capsys):
    pytest.importorskip('h5py')
    text = (folder / 'net.prototxt').read_text()
    (folder / 'other.prototxt').write_text(text.replace('name: "ip2"', 'name: "new"'))
    (folder / 'other_solver.prototxt').write_text(
        'max_iter: 1 net: "other.prototxt" lr_policy: "fixed" base_lr: 0.1 solver_mode: CPU'
    )
    for arguments in (
        ['test', '-model', 'other.prototxt', '-iterations', '1'],
        ['train', '-solver', 'other_solver.prototxt'],
    ):
        assert 'Ignoring source layer ip2' in run(
            [*arguments, '-weights', 'init.caffemodel'], capsys
        )


def test_times(folder, capsys):
    pytest.importorskip('lmdb')
    lines = run(['time', '--model=net_lmdb.prototxt', '--iterations=3'], capsys)
    text = '\n'.join(lines[lines.index('*** Benchmark begins ***') :])
    layers = re.findall(
        rf'^ *(\S+)\tforward: {NUMBER} ms\.\n *\1\tbackward: {NUMBER} ms\.$', text, re.M
    )
    assert layers == ['data', 'conv1', 'r', 'pool1', 'ip', 'loss']
    iterations = re.findall(rf'^Iteration: (\d) forward-backward time: {NUMBER} ms\.$', text, re.M)
    assert iterations == ['1', '2', '3']
    forward, backward, both, total = (
        float(re.search(rf'^{name}: ({NUMBER}) ms\.$', text, re.M)[1])
        for name in (
            'Average Forward pass',
            'Average Backward pass',
            'Average Forward-Backward',
            'Total Time',
        )
    )
    assert forward + backward <= both * 1.001 and total == pytest.approx(3 * both, rel=1e-4)


def test_a_solver_that_asks_for_a_gpu_trains_where_pycuda_is_not_installed(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr(
        device, 'open_device', functools.cache(lambda: import_extra('nosuchcuda', 'cuda'))
    )
    path = folder / 'solver_zero_iter.prototxt'
    path.write_text(path.read_text().replace('solver_mode: CPU', ''))  # Caffe's default is GPU
    assert main(['train', '-solver', path.name]) == 0
    err = capsys.readouterr().err
    assert err.startswith(
        "no usable GPU; using the CPU (GPU 0: this needs the package 'nosuchcuda'"
    )
    assert '] Use CPU.' in err


# -- the command line

SCORE, SOLVE = ['test', '--model=net.prototxt'], ['train', '--solver=solver.prototxt']
MISTAKES = [
    (
        ['tarin'],
        "argument ACTION: unknown 'tarin'; did you mean 'train'? "
        '(known: train, test, time, device_query)',
    ),
    (['train'], 'Need a solver definition to train: --solver=solver.prototxt'),
    (
        ['test', '--weights=init.caffemodel'],
        'Need a model definition to score: --model=net.prototxt',
    ),
    (SCORE, 'Need model weights to score: --weights=net.caffemodel'),
    (['time'], 'Need a model definition to time: --model=net.prototxt'),
    (
        [*SOLVE, '--weights=a', '--snapshot=b'],
        'Give a snapshot to resume training or weights to finetune but not both.',
    ),
    (['train', '--solvr=x'], "unexpected argument '--solvr'; did you mean '--solver'?"),
    (['train', 'solver.prototxt'], "unexpected argument 'solver.prototxt'"),
    (['train', '--solver=nosuch.prototxt'], 'File not found: nosuch.prototxt'),
    (
        [*SOLVE, '-gpu=0,1'],
        '--gpu: found 2 GPUs, needed: one; for several, mpiexec starts a `goodinit train` each',
    ),
    (
        [*SOLVE, '-gpu=first'],
        "argument -gpu/--gpu: found 'first', needed: the number of a GPU, or all",
    ),
    (
        [*SOLVE, '-sigint_effect=stpo'],
        "argument -sigint_effect/--sigint_effect: unknown 'stpo'; did you mean 'stop'?",
    ),
    (
        [*SCORE, '-iterations', '0'],
        "argument -iterations/--iterations: found '0', needed: a whole number, 1 or more",
    ),
]


@pytest.mark.parametrize('arguments, message', MISTAKES)
def test_mistakes(arguments, message, folder, capsys):
    assert fails(main, arguments, capsys).startswith(message)


def test_usage(capsys):
    assert main([]) == 0
    assert 'train, test, time, device_query' in capsys.readouterr().out


def test_a_quiet_log(folder, monkeypatch, capsys):
    pytest.importorskip('h5py')
    monkeypatch.setenv('GLOG_minloglevel', '1')
    assert main(RUNS['train_zero_iter']['args']) == 0
    assert capsys.readouterr().err == ''
