"""The passes over a net's text: which layers a state admits, where Splits go, who runs backward."""

import golden
import pytest
from goodinit.netlib import Net, graph
from goodinit.netlib.errors import LayerError, NetError
from goodinit.netlib.graph import Wiring
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN, Phase

FILTER = golden.read_json('upgrade/filter.json')
SPLITS = golden.read_json('upgrade/splits.json')


def name_of(case):
    return '-'.join([case['net'], case['phase'], str(case['level']), *case['stages']])


@pytest.mark.parametrize('case', FILTER['cases'], ids=name_of)
def test_recorded_states(case):
    net = Net(
        parse_net(FILTER['nets'][case['net']]),
        Phase.Value(case['phase']),
        level=case['level'],
        stages=case['stages'],
    )
    assert net.layer_names == case['layers']
    assert net.inputs == case['inputs']
    assert net.outputs == case['outputs']


@pytest.mark.parametrize('name', SPLITS)
def test_recorded_splits(name):
    case = SPLITS[name]
    net = Net(parse_net(case['prototxt']), TEST)
    assert net.layer_names == case['layers']
    assert list(net.blobs) == case['blobs']
    assert (net.inputs, net.outputs) == (case['inputs'], case['outputs'])
    for wiring, blobs in (('tops', net.tops), ('bottoms', net.bottoms)):
        assert {
            name: [blob.name for blob in row]
            for name, row in zip(net.layer_names, blobs, strict=True)
        } == case[wiring]


@pytest.mark.parametrize(
    'text, phase, expected',
    [
        ('', None, (TRAIN, 0, [])),
        ('state { phase: TEST level: 3 stage: "a" }', None, (TEST, 3, ['a', 'b'])),
        ('state { phase: TEST level: 3 stage: "a" }', TRAIN, (TRAIN, 0, ['a', 'b'])),
        ('state { level: 3 }', None, (TRAIN, 3, ['b'])),
    ],
)
def test_net_state(text, phase, expected):
    state = graph.net_state(parse_net(text), phase, 0, expected[2][-1:])
    assert (state.phase, state.level, list(state.stage)) == expected


def test_passes_leave_their_input_alone():
    param = parse_net(SPLITS['top_with_loss_weight_used_once']['prototxt'])
    before = param.SerializeToString()
    assert len(graph.prepare_net(param, TEST).layer) > len(param.layer)
    assert param.SerializeToString() == before


# -- who runs backward
# ------------------------------------------------------------------------------------ Data -> ip ->
# relu -> loss, with a label; a case says what is different and what comes out.


def wirings(**changes):
    rows = {
        'data': Wiring([], ['x', 'label'], False, [False, False], [], []),
        'ip': Wiring(['x'], ['y'], True, [False], [], [True]),
        'relu': Wiring(['y'], ['z'], False, [False], [], [True]),
        'side': Wiring(['z0'], ['s'], True, [False], [], [True]),
        'loss': Wiring(['z', 'label'], ['l'], False, [True], [], [True, False]),
    }
    for place, value in changes.items():
        layer, field = place.split('_', 1)
        setattr(rows[layer], field, value)
    return list(rows.values())


@pytest.mark.parametrize(
    'changes, force, runs, down',
    [
        ({}, False, 'ip relu loss', 'relu:y loss:z'),
        ({}, True, 'data ip relu side loss', 'ip:x relu:y side:z0 loss:z'),
        ({'ip_learns': False}, False, '', ''),
        ({'loss_has_loss': [False]}, False, '', ''),
        ({'relu_propagate_down': [False]}, False, 'relu loss', 'loss:z'),
        ({'loss_propagate_down': [False, False]}, False, 'loss', ''),
        ({'ip_propagate_down': [True]}, False, 'ip relu loss', 'ip:x relu:y loss:z'),
        (
            {'side_bottoms': ['z'], 'side_has_loss': [True]},
            False,
            'ip relu side loss',
            'relu:y side:z loss:z',
        ),
        (
            {'relu_tops': ['y'], 'loss_bottoms': ['y', 'label']},
            False,
            'ip relu loss',
            'relu:y loss:y',
        ),
    ],
)
def test_backward_flags(changes, force, runs, down):
    names = ['data', 'ip', 'relu', 'side', 'loss']
    layers = wirings(**changes)
    run, flags = graph.backward_flags(layers, force)
    assert ' '.join(name for name, yes in zip(names, run, strict=True) if yes) == runs
    assert (
        ' '.join(
            f'{name}:{bottom}'
            for name, layer, row in zip(names, layers, flags, strict=True)
            for bottom, yes in zip(layer.bottoms, row, strict=True)
            if yes
        )
        == down
    )


# -- errors

INPUT = 'layer { name: "x" type: "Input" top: "data" input_param { shape { dim: 2 } } }\n'


@pytest.mark.parametrize(
    'text, error, message',
    [
        (
            INPUT + 'layer { name: "r" type: "ReLU" bottom: "dat" top: "y" }',
            LayerError,
            r"layer 'r' \(ReLU\), net.prototxt:2: Unknown bottom blob 'dat' \(layer 'r', bottom index 0\); did you mean "
            "'data'",
        ),
        (
            'layer { name: "r" type: "ReLU" bottom: "y" top: "y" }',
            LayerError,
            'must be the top of an earlier layer',
        ),
        (
            INPUT
            + 'layer { name: "r" type: "ReLU" bottom: "data" top: "y" include { } exclude { } }',
            LayerError,
            'Specify either include rules or exclude rules; not both',
        ),
        (INPUT + INPUT, LayerError, "Top blob 'data' produced by multiple sources"),
        (
            INPUT
            + 'layer { name: "e" type: "Exp" bottom: "data" top: "y" exp_param { shift: 1000 } }',
            LayerError,
            r"layer 'e' \(Exp\), net.prototxt:2: shift: found 1000; the base to this power is not finite",
        ),
        (
            INPUT + 'layer { name: "l" type: "Log" bottom: "data" top: "y" log_param { base: 1 } }',
            LayerError,
            r'base: log\(1\) is 0, a division by zero',
        ),
        (
            'name: "n" layer { type: "Input" top: "x" include { phase: TEST } }',
            NetError,
            "net 'n': no layer is left",
        ),
    ],
)
def test_refused(text, error, message):
    with pytest.raises(error, match=message):
        Net(parse_net(text, 'net.prototxt'), TRAIN)
