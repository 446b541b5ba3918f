"""The checked engine: it lets right ops through and names what a wrong op or a wrong call did."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.checked import Checked
from goodinit.netlib.engines.interface import Bins, op
from goodinit.netlib.engines.reference import Reference
from goodinit.netlib.errors import EngineError, LayerError
from goodinit.netlib.memory import Memory, Tensor
from goodinit.proto import parse_net
from op_calls import all_calls, call, draw, run, tensor, window

CHECKED = make_engine('checked:reference')


def watched(**ops):
    """The checked engine around a reference in which some ops are replaced."""
    return Checked(type('Broken', (Reference,), ops)())


# -- wrong ops


@op
def half(self, name, x, *parameters, out):
    out[:1] = x[:1]


@op
def added(self, name, x, *parameters, out):
    out += x


@op
def infinite(self, name, x, *parameters, out):
    out[...] = x
    out[1, 2] = np.inf


@op
def greedy(self, name, x, *parameters, out):
    out[...] = x
    x[0, 0] = 7


@pytest.mark.parametrize(
    'wrong, message',
    [
        (
            half,
            r"op 'unary' of engine 'checked:reference': out \(2, 3\) was not written, "
            r'or read before, at 3 places; the first is \(1, 0\)',
        ),
        (added, 'out .* was not written, or read before, at 6 places'),
        (infinite, r"op 'unary' .*: computed inf from finite numbers: out \(2, 3\) at \(1, 2\)"),
        (greedy, "op 'unary' .*: x is read only, but has changed"),
    ],
)
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_wrong_ops_are_named(wrong, message, dtype):
    engine = Checked(type('Broken', (Reference,), {'unary': wrong})(dtype))
    with pytest.raises(EngineError, match=message):
        run(engine, call('unary', 'relu', draw(2, 3), 0, out=draw(2, 3)))


def test_a_window_left_unwritten_is_noticed():
    @op
    def nothing(self, x, start, *, out, at, shape, accumulate=False):
        pass

    engine, arrays = watched(copy_window=nothing), {'out': draw(3, 3)}
    with pytest.raises(EngineError, match='at 2 places'):
        run(engine, call('copy_window', draw(3, 3), (0, 0), at=(1, 1), shape=(1, 2), **arrays))
    run(
        engine,
        call('copy_window', draw(3, 3), (0, 0), at=(1, 1), shape=(1, 2), accumulate=True, **arrays),
    )


def test_what_an_output_held_before_does_not_matter():
    nothing = np.full((2, 3), np.nan)
    with pytest.raises(EngineError, match='computed inf from finite numbers'):
        run(watched(unary=infinite), call('unary', 'relu', draw(2, 3), 0, out=nothing))
    run(CHECKED, call('copy_window', draw(2, 3), (0, 0), out=nothing, at=(0, 0), shape=(1, 3)))
    assert np.isnan(run(CHECKED, call('axpby', 1, draw(2, 3), 1, out=nothing))['out']).all()


def test_infinite_inputs_may_give_infinite_outputs():
    x = draw(2, 3)
    x[0, 1] = np.inf
    assert run(CHECKED, call('unary', 'relu', x, 0, out=draw(2, 3)))['out'][0, 1] == np.inf


# -- wrong calls

ALL = all_calls(['relu'], ['add'])
ANY_SHAPE = {'fill', 'dropout_mask', 'copy', 'axpby'}


@pytest.mark.parametrize('c', [c for c in ALL if c.op not in ANY_SHAPE], ids=lambda c: c.id)
def test_an_axis_too_many_is_refused(c):
    for i, a in enumerate(c.inputs):
        if isinstance(a, np.ndarray):
            with pytest.raises(EngineError, match=f"op '{c.op}' of engine 'checked:reference': "):
                run(
                    CHECKED,
                    call(c.op, *c.inputs[:i], a[..., None], *c.inputs[i + 1 :], **c.keywords),
                )
    for name, a in c.keywords.items():
        if isinstance(a, np.ndarray):
            with pytest.raises(EngineError, match=f"op '{c.op}' of engine 'checked:reference': "):
                run(CHECKED, call(c.op, *c.inputs, **c.keywords | {name: a[..., None]}))


W = window(2)


@pytest.mark.parametrize(
    'c, message',
    [
        (
            call('axpby', 1, draw(2, 3), 0, out=draw(5)),
            r'x must be \(5,\) here: found x \(2, 3\), out \(5,\)',
        ),
        (
            call('copy', draw(2, 3), out=draw(5)),
            r'x must be \(5,\) here: found x \(2, 3\), out \(5,\)',
        ),
        (
            call('unary', 'relu', draw(1, 3), 0, out=draw(2, 3)),
            r'x must be \(2, 3\) here: found x \(1, 3\)',
        ),
        (
            call('binary', 'add', draw(2, 3), draw(3), out=draw(2, 3)),
            'the operands do not fit: a .* b .* out',
        ),
        (call('binary', 'add', draw(2, 2), draw(2, 3), out=draw(2, 3)), r'a must be \(2, 3\)'),
        (call('copy_window', draw(3), (1,), out=draw(9), at=(0,), shape=(3,)), r'x must be \(4,\)'),
        (call('gather', draw(3, 2), [0, 3], 0, out=draw(2, 2)), r'x must be \(4, 2\)'),
        (call('gather', draw(3, 2), [0, 1], 0, out=draw(3, 2)), r'out must be \(2, 2\)'),
        (call('scatter_add', draw(2, 2), [0, 5], 0, out=draw(3, 2)), r'out must be \(6, 2\)'),
        (call('sum', draw(2, 3), out=draw(2, 2)), r'out must be \(2, 3\)'),
        (call('dot', draw(2, 3), draw(3, 2), out=draw(1, 1)), r'b must be \(2, 3\)'),
        (call('moments', draw(2, 3), mean=draw(1, 3), var=draw(2, 1)), r'var must be \(1, 3\)'),
        (call('gemm', draw(2, 3), draw(4, 5), out=draw(2, 5)), r'b must be \(3, 5\)'),
        (call('gemm', draw(2, 3), draw(5, 3), out=draw(2, 5)), r'b must be \(3, 5\)'),
        (call('im2col', draw(1, 2, 4, 4), W, out=draw(1, 8, 4, 4)), r'out must be \(1, 8, 3, 3\)'),
        (
            call('transpose', draw(2, 3), [0, 0], out=draw(2, 2)),
            r'\(0, 0\) must name each axis once',
        ),
        (call('transpose', draw(2, 3), [1, 0], out=draw(2, 3)), r'out must be \(3, 2\)'),
        (
            call(
                'roi_pool_forward',
                draw(1, 2, 4, 4),
                Bins([1], [[(0, 1)]], [[(0, 1)]]),
                out=draw(1, 2, 1, 1),
                winner=draw(1, 2, 1, 1),
            ),
            'bins must be inside the images',
        ),
        (
            call(
                'roi_pool_backward',
                draw(1, 2, 1, 1),
                draw(1, 2, 1, 1),
                Bins([0], [[(0, 1)]], [[(0, 5)]]),
                out=draw(1, 2, 4, 4),
            ),
            'bins must be inside the images',
        ),
        (
            call('patches', draw(1, 2, 4, 4), W, 1, [9], out=draw(1, 1, 8)),
            'positions must be positions of the window',
        ),
        (
            call('conv_forward', draw(1, 2, 4, 4), draw(3, 1, 2, 2), W, 1, out=draw(1, 3, 3, 3)),
            r'W must be \(3, 2, 2, 2\)',
        ),
        (
            call(
                'conv_backward_data', draw(1, 3, 3, 3), draw(3, 2, 2, 2), W, 1, out=draw(1, 2, 5, 4)
            ),
            r'dy must be \(1, 3, 4, 3\)',
        ),
        (
            call('pool_ave_forward', draw(1, 2, 4, 4), W, out=draw(1, 3, 3, 3)),
            r'out must be \(1, 2, 3, 3\)',
        ),
        (
            call('max_forward', draw(2, 3, 4), out=draw(2, 3), winner=draw(2, 4)),
            r'out must be \(2, 4\)',
        ),
        (
            call('lrn_forward', draw(2, 3), 3, 1, 1, 1, out=draw(2, 3), scale=draw(3, 2)),
            r'scale must be \(2, 3\)',
        ),
        (call('softmax_forward', draw(2, 3), out=draw(2, 3)), r'\(2, 3\) must have 3 to 3 axes'),
        (call('one_hot', draw(2, 3), None, out=draw(2, 4, 4)), r'label must be \(2, 4\)'),
    ],
    ids=lambda value: getattr(value, 'id', ''),
)
def test_wrong_shapes_are_refused(c, message):
    with pytest.raises(EngineError, match=message):
        run(CHECKED, c)


def test_an_output_must_not_lie_in_an_input():
    x = tensor(CHECKED, draw(4, 4))
    with pytest.raises(EngineError, match=r"op 'gemm' .*: out must not share memory with b"):
        CHECKED.gemm(tensor(CHECKED, draw(4, 4)), x, out=x)
    with pytest.raises(EngineError, match=r"op 'unary' .*: out must not share memory with x"):
        CHECKED.unary('relu', Tensor((2,), x.memory, 0), 0, out=Tensor((2,), x.memory, 1))
    CHECKED.unary('relu', x[0], 0, out=x[1])
    CHECKED.unary('relu', x, 0, out=x)


def test_numbers_of_another_kind_are_refused():
    x = Tensor((3,), Memory(3, np.float64))
    with pytest.raises(
        EngineError, match=r"op 'fill' .*: out holds float64, the engine computes in float32"
    ):
        CHECKED.fill(0, out=x)


def test_a_net_names_the_layer():
    @op
    def nothing(self, name, x, y, dy, *parameters, out):
        pass

    text = """force_backward: true
              layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 } } }
              layer { name: "r" type: "ReLU" bottom: "x" top: "y" }"""
    with pytest.raises(LayerError, match=r"layer 'r' \(ReLU\), .*: op 'unary' .* was not written"):
        Net(parse_net(text), engine=watched(unary=half)).forward()
    net = Net(parse_net(text), engine=watched(unary_backward=nothing))
    net.forward()
    with pytest.raises(
        LayerError, match=r"layer 'r' \(ReLU\), .*: op 'unary_backward' .* was not written"
    ):
        net.backward()
