"""Fields that the schema lacks, and those that it has without an effect."""

import re
import warnings

import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import ProtoError, parse_net, parse_solver, unknown_fields
from goodinit.proto.unused import UNUSED, UNUSED_OF_NET
from goodinit.tools import draw, init_net, show
from toolkit import fails, written

BODY = """layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 %s } }"""
NET = (
    """layer {
  name: "d" type: "Data" top: "data" top: "label"
  transform_param {
    crop_size: 5 mean_value: 1 mean_value: 2 mean_value: 3
    %s
  }
  data_param { source: "none" batch_size: 4 }
}
"""
    + BODY % ''
)
FIELDS = [
    ('odd: 3', 'odd'),
    ('odd: "a" \'b\' # why', 'odd'),
    ('odd: [1, 2,\n 3]', 'odd'),
    ('odd_param { a: 1 b < c: "}" > }', 'odd_param'),
    ('odd_param: { }', 'odd_param'),
    ('odd: ENUM, scale: 2', 'odd'),
    ('resize_param { odd: true }', 'resize_param.odd'),
]


@pytest.mark.parametrize(('field', 'name'), FIELDS)
def test_they_are_passed_over_with_one_warning(field, name):
    message = f'n: unknown fields were passed over: line 5 transform_param.{name}'
    with unknown_fields('warn'), pytest.warns(UserWarning, match=f'^{re.escape(message)}$'):
        net = parse_net(NET % field, 'n')
    assert [layer.origin for layer in net.layer] == ['n:1', f'n:{9 + field.count(chr(10))}']
    assert net.layer[0].transform_param.crop_size == 5
    with pytest.raises(ProtoError, match=r"; with unknown_fields\('warn'\) it is passed over$"):
        parse_net(NET % field)


def test_all_of_them_are_in_one_warning():
    text = NET % 'a: 1\n b { c: 1 }' + BODY % ''
    with unknown_fields('warn'), pytest.warns(UserWarning) as caught:
        parse_net(text, 'n')
    assert [str(warning.message) for warning in caught] == [
        'n: unknown fields were passed over: line 5 transform_param.a, line 6 transform_param.b'
    ]


@pytest.mark.parametrize(
    'text',
    [
        BODY % 'odd: 1',
        BODY % '' + 'odd: 1',
        NET % '' + BODY % 'weight_filler { odd: 1 }',
        NET % '}',
    ],
)
def test_what_a_net_computes_stays_strict(text):
    with unknown_fields('warn'), pytest.raises(ProtoError):
        parse_net(text)


def test_of_a_solver():
    with unknown_fields('warn'), pytest.warns(UserWarning, match='line 2 odd, line 3 odd_param'):
        solver = parse_solver('base_lr: 1\nodd: 2\nodd_param { x: 1 }\nnet: "n"')
    assert (solver.base_lr, solver.net) == (1, 'n')
    for text in (f'net_param {{ {BODY % "odd: 1"} }}', 'net_param { odd: 1 }', BODY % ''):
        with unknown_fields('warn'), pytest.raises(ProtoError):
            parse_solver(text)


def test_the_option_of_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net = written(tmp_path, NET % 'odd: 3')
    for tool, arguments in (
        (init_net, ['--proto', net, '--dry-run']),
        (show, [net]),
        (draw, [net, 'net.dot']),
    ):
        said = fails(tool.main, arguments, capsys)
        assert said.endswith('; with --unknown-fields warn it is passed over\n')
        with warnings.catch_warnings():
            warnings.simplefilter('default')
            assert tool.main([*arguments, '--unknown-fields', 'warn']) == 0
        said = capsys.readouterr().err
        assert 'net.prototxt: unknown fields were passed over: line 5 transform_param.odd\n' in said


# -- known, and without an effect


@pytest.mark.parametrize(('message', 'field'), UNUSED)
def test_a_field_without_an_effect_is_named(message, field):
    value = 'true' if field in ('shuffle', 'cache') else '2'
    inner = f'{field}: {value}' if field else 'bw_params: 8'
    inner = f'{message} {{ {inner} }}' if message else inner
    layer = f'layer {{ name: "a" type: "Data" {inner} }}\n'
    name = '.'.join(filter(None, (message, field)))
    with pytest.warns(UserWarning, match=f'^n:1, n:2, n:3 and 1 more: {name} has no effect: '):
        parse_net(layer * 4, 'n')


@pytest.mark.parametrize('field', UNUSED_OF_NET)
def test_a_field_of_a_net_without_an_effect_is_named(field):
    with pytest.warns(UserWarning, match=f'^{field} has no effect: '):
        parse_net(f'{field}: {"true" if field.endswith("adaptive") else 2}')


LSTM = 'layer { name: "l" type: "LSTM" bottom: "x" bottom: "c" top: "y" %s }'


def test_lstm_param():
    net = parse_net(LSTM % 'lstm_param { num_output: 3 weight_filler { type: "xavier" } }')
    assert net == parse_net(
        LSTM % 'recurrent_param { num_output: 3 weight_filler { type: "xavier" } }'
    )
    for fields, message in (
        ('clipping_threshold: 1', 'clipping_threshold of lstm_param is not known here'),
        ('} recurrent_param { num_output: 3', "lstm_param is a fork's name for recurrent_param"),
    ):
        with pytest.raises(ProtoError, match=message):
            parse_net(LSTM % f'lstm_param {{ num_output: 3 {fields} }}')


def test_a_loss_divided_by_a_given_number():
    def loss(fields):
        net = Net(
            parse_net(f"""
        layer {{ name: "i" type: "Input" top: "x" top: "y" input_param {{
          shape {{ dim: 4 dim: 3 }} shape {{ dim: 4 }} }} }}
        layer {{ name: "l" type: "SoftmaxWithLoss" bottom: "x" bottom: "y" top: "l"
          loss_param {{ {fields} }} }}""")
        )
        return net.forward()

    assert loss('normalization: PRE_FIXED pre_fixed_normalizer: 0.5') == 2 * loss(
        'normalization: NONE'
    )
    with pytest.raises(NetError, match='pre_fixed_normalizer: found 0, needed: a positive number'):
        loss('normalization: PRE_FIXED pre_fixed_normalizer: 0')
