"""The benchmarks of a GPU, and what runs on the first card, rehearsed in small."""

import json
import os
import subprocess
import sys

import places
import pytest
from goodinit.benchmarks import card_parts, card_timing, first_card, gpu_passes

pytestmark = pytest.mark.cuda


def test_nets_are_timed_as_the_tools_run_them(cuda, monkeypatch):
    """With memory shared, which is when layers are fused."""
    nets = []
    for name in ('filled_net', 'filled_solver'):
        make = getattr(gpu_passes, name)

        def note(*given, make=make, **options):
            made = make(*given, **options)
            nets.append(getattr(made, 'net', made))
            return made

        monkeypatch.setattr(gpu_passes, name, note)
    for task in ('training step', 'forward'):
        gpu_passes.our_run(cuda, task, 'lenet', 1)()
    assert [net.plan.made_by for net in nets] == ['share_diffs', 'share_memory']


def test_calls_are_logged_while_they_are_watched(with_cudnn):
    x = with_cudnn.tensor(64, 64)
    with card_timing.watched(with_cudnn.device) as log:
        with_cudnn.fill(1, out=x)
        with_cudnn.gemm(x, x, out=with_cudnn.tensor(64, 64))
    with_cudnn.fill(2, out=x)
    assert [name for name, _, _ in log] == ['fill', 'cuBLAS']
    times = card_timing.kernel_times(with_cudnn, lambda: with_cudnn.fill(1, out=x), True)
    assert times['fill']['calls'] == 1 and times['fill']['ms'] >= 0


def test_what_cudnn_offers_is_written_down(with_cudnn, cuda_device):
    if cuda_device == 'real':
        pytest.skip('what that is depends on the GPU')
    rows = card_parts.cudnn_choices(emulated=True)
    assert len(rows) == 6
    forward = rows[0]
    assert (forward['direction'], forward['precision']) == ('Forward', 'float32')
    assert [one['algorithm'] for one in forward['chosen']] == [3]
    assert len(forward['expected']) == len(forward['measured']) == 7


def test_a_part_that_fails_does_not_end_the_others(tmp_path, cuda_device, capsys, monkeypatch):
    if cuda_device == 'real':
        pytest.skip('the same as on the emulated device')
    words = ['ours', 'lenet=2', '--out', str(tmp_path), '--emulated']
    args = first_card.arguments(words)
    assert args.nets == {'lenet': 2}
    report = first_card.Report(args, 'a card')
    monkeypatch.setattr(sys, 'argv', ['first_card.py', *words])
    report.add('first', first_card.apart(['--part', 'no such part'], os.environ))
    report.add('second', {'rate': 1.5})
    numbers = json.loads(report.path.read_text())
    assert numbers['first']['failed'] == "KeyError: 'no such part'"
    assert numbers['second'] == {'rate': 1.5} and numbers['gpu'] == 'a card'
    first, second = capsys.readouterr().out.splitlines()
    assert (
        first.startswith("first: failed KeyError: 'no such part', ")
        and second == 'second: rate 1.5'
    )


def test_the_rehearsal(cuda_device, tmp_path):
    """All stages, on the emulated device."""
    if cuda_device == 'real':
        pytest.skip('this rehearses what a card runs')
    variables = {'PYTHON': sys.executable, 'OUT': str(tmp_path / 'out'), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [places.ROOT / 'benchmarks' / 'first_card.sh', '--emulated'],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = (tmp_path / 'out' / 'summary.txt').read_text()
    for name in ('installed', 'tests', 'ours', 'torch', 'sanitized'):
        assert f'{name}: status 0, ' in summary, summary
    assert 'passed' in summary and 'lenet b2 tf32: ' in summary
    [path] = (tmp_path / 'out').glob('*-first-card-emulated-cuda-device-ours.json')
    numbers = json.loads(path.read_text())
    assert numbers['emulated'] and 'cudnn' in numbers
    failed = [part for part, found in numbers.items() if 'failed' in str(found)]
    assert not failed, numbers
    assert numbers['lenet b2 float32']['step_calls'] > 10
    assert numbers['same_bits']['deterministic']['same']
