"""What benchmarks/gpu.py --model expects of a card."""

import argparse

import pytest
from goodinit.benchmarks import gpu, gpu_model
from goodinit.benchmarks.gpu_model import Asked, Card, Traffic, expected
from goodinit.benchmarks.subjects import operations

CARD = Card(fp32=10, tf32=100, memory=2)


def test_the_longer_of_operations_and_bytes_counts():
    asked = Asked(5, product_bytes=2e9, other_bytes=4e9, operations=1e11, host=1e-3)
    assert expected(asked, CARD.fp32, CARD) == (10 + 2, 'products')
    assert expected(asked, CARD.tf32, CARD) == (1 + 2, 'memory')
    assert expected(asked._replace(host=4e-3), CARD.tf32, CARD) == (1 + 2, 'host')


def test_cards():
    assert gpu_model.card_of('10,100,2') == CARD
    with pytest.raises(argparse.ArgumentTypeError, match=r"no card 'A5': use H200, or .* 51,386,4"):
        gpu_model.card_of('A5')


@pytest.mark.cuda
def test_bytes_of_ops_are_those_of_their_tensors(cuda_device):
    engine = Traffic()
    x, y = engine.tensor(2, 3), engine.tensor(2, 3)
    Traffic.moved.clear()
    engine.axpby(1, x, 1, out=y)
    with engine.blockwise() as block:
        block.axpby(1, x, 1, out=y)
        block.binary('add', x, y, out=y)
    assert Traffic.moved == {'axpby': 48, 'blockwise': 72}


@pytest.mark.cuda
def test_a_net_on_a_card(cuda_device, monkeypatch, capsys):
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")
    monkeypatch.setattr('sys.argv', ['gpu.py', '--model', '--nets', 'lenet', '--batch', '64'])
    gpu.main()
    head, _, row = capsys.readouterr().out.splitlines()
    assert head == 'H200: 51 TFLOP/s in fp32, 386 in tf32, 4.3 TB/s'
    net, batch, calls, _, fp32, tf32, _, *bounds = row.split()
    assert (net, batch) == ('lenet', '64')
    assert 20 < int(calls) < 60
    assert 3e-9 * operations('lenet', 64) / 51 < float(fp32) + 0.01
    assert float(tf32) <= float(fp32)
    assert float(row.split()[3]) > 0.01
    assert {bound.strip(',') for bound in bounds} <= {'products', 'memory', 'host'}
