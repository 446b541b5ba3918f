"""All engines, op by op: against the float64 reference, and what they do alike beyond numbers."""

from contextlib import nullcontext

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.engines.shape_rules import RULES
from goodinit.netlib.errors import EngineError
from op_calls import all_calls, call, draw, run, tensor

REFERENCE = make_engine('reference', dtype=np.float64)
CALLS = all_calls(UNARY, BINARY)


def test_every_op_is_called():
    assert {c.op for c in CALLS} == OPS == RULES.keys()


@pytest.mark.parametrize('c', CALLS, ids=lambda c: c.id)
def test_engines_agree(c, engine):
    ours, expected = run(engine, c), run(REFERENCE, c)
    assert ours.keys() == expected.keys()
    for name, array in expected.items():
        assert ours[name].dtype == engine.dtype
        np.testing.assert_allclose(
            ours[name], array, rtol=0, atol=1e-5 * np.abs(array).max(initial=1), err_msg=name
        )


@pytest.mark.parametrize('c', [c for c in CALLS if c.op in ('unary', 'binary')], ids=lambda c: c.id)
def test_elementwise_ops_may_write_where_they_read(c, engine):
    expected = run(engine, c)['out']
    for i, a in enumerate(c.inputs):
        if isinstance(a, np.ndarray) and a.shape == expected.shape:
            inputs = [tensor(engine, a) if isinstance(a, np.ndarray) else a for a in c.inputs]
            getattr(engine, c.op)(*inputs, out=inputs[i])
            np.testing.assert_array_equal(inputs[i].array(), expected)


@pytest.mark.parametrize('ratio', [0, 0.3, 0.5, 1])
def test_dropout_mask(ratio, engine):
    mask = run(engine, call('dropout_mask', 3, ratio, out=np.zeros((100, 500))))['out']
    assert set(np.unique(mask)) <= {0, np.float32(1 / (1 - ratio)) if ratio < 1 else 0}
    assert abs((mask == 0).mean() - ratio) <= 4 * np.sqrt(ratio * (1 - ratio) / mask.size)
    other = run(engine, call('dropout_mask', 4, ratio, out=np.zeros((100, 500))))['out']
    assert abs(np.mean((mask == 0) & (other == 0)) - ratio**2) < 0.01


@pytest.mark.parametrize('label', [-1, 4, 9])
def test_labels_beyond_the_classes_are_refused(label, engine):
    with pytest.raises(
        EngineError, match=rf'found the label {label}: labels must be in 0 .. 3, .* 4 classes'
    ):
        run(engine, call('one_hot', np.full((1, 2), float(label)), None, out=np.zeros((1, 4, 2))))


# -- copies, blocks and names of functions, on every engine


def test_a_copy_has_the_same_bits(engine):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1, -1])
    copied = run(engine, call('copy', special, out=np.ones((2, 4))))['out'].reshape(-1)
    np.testing.assert_array_equal(copied, special.astype(engine.dtype))
    np.testing.assert_array_equal(np.signbit(copied), np.signbit(special))


def test_a_block_computes_as_the_ops_do(engine):
    found = []
    for use in (lambda e: nullcontext(e), lambda e: e.blockwise()):
        x, y, z = (tensor(engine, np.linspace(low, 1, 7)) for low in (-1, 0.5, 0))
        with use(engine) as ops:
            for name in ('add', 'mul', 'div'):
                ops.binary(name, x, y, out=z)
                ops.axpby(0.5, z, -2, out=x)
            for name, *parameters in (('relu', 0.25), ('sign',), ('power', 2, 0.5, 1)):
                ops.unary(name, x, *parameters, out=z)
                ops.axpby(1, z, 1, out=y)
            ops.copy(y, out=x)
        found.append([t.array().copy() for t in (x, y, z)])
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-6)


def test_a_block_copies_every_bit(engine):
    special = np.array([np.nan, np.inf, 0.0, -0.0])
    x, y = tensor(engine, special), tensor(engine, np.ones(4))
    with engine.blockwise() as block:
        block.copy(x, out=y)
    np.testing.assert_array_equal(y.array(), special)
    np.testing.assert_array_equal(np.signbit(y.array()), np.signbit(special))


def test_a_block_has_four_ops(engine):
    with engine.blockwise() as block:
        assert {name for name in OPS if hasattr(block, name)} == {
            'axpby',
            'binary',
            'copy',
            'unary',
        }


@pytest.mark.parametrize(
    'name, use',
    [
        ('copy', lambda block, x, y: block.copy(x, out=y)),
        ('axpby', lambda block, x, y: block.axpby(1, x, 0, out=y)),
        ('unary', lambda block, x, y: block.unary('relu', x, 0, out=y)),
        ('binary', lambda block, x, y: block.binary('add', y, x, out=y)),
    ],
)
def test_a_block_takes_tensors_of_one_size(name, use, engine):
    x, y = engine.tensor(1, 4), engine.tensor(3, 4)
    with (
        pytest.raises(
            EngineError, match=rf'blockwise: {name} takes tensors of the same size; found '
        ),
        engine.blockwise() as block,
    ):
        use(block, x, y)


@pytest.mark.parametrize(
    'c, message',
    [
        (
            call('unary', 'exq', draw(2), out=draw(2)),
            r"unknown elementwise function 'exq'; did you mean 'exp'\? "
            r'\(known: abs, bnll, .*trunc\)',
        ),
        (
            call('unary_backward', 'add', draw(2), draw(2), draw(2), out=draw(2)),
            r"unknown elementwise function 'add' \(known: abs, bnll, ",
        ),
        (
            call('binary', 'relu', draw(2), draw(2), out=draw(2)),
            r"unknown elementwise function 'relu'.* \(known: add, div, .*sub\)",
        ),
        (
            call('binary', 'ad', draw(2, 1), draw(1, 2), out=draw(2, 2)),
            "unknown elementwise function 'ad'; did you mean 'add'",
        ),
    ],
)
def test_unknown_elementwise_functions_are_refused(c, message, engine):
    with pytest.raises(EngineError, match=message):
        run(engine, c)


@pytest.mark.parametrize(
    'use',
    [
        lambda block, x: block.unary('exq', x, 1, 1, out=x),
        lambda block, x: block.binary('exq', x, x, out=x),
    ],
)
def test_unknown_elementwise_functions_are_refused_in_a_block(use, engine):
    with (
        pytest.raises(EngineError, match="unknown elementwise function 'exq'"),
        engine.blockwise() as block,
    ):
        use(block, engine.tensor(3))
