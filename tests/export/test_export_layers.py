"""Every layer type over random configurations, in onnxruntime and in PyTorch; and the table of what
each becomes."""

import re

import dense_configurations  # noqa: F401 - registers its layers
import detection_configurations  # noqa: F401 - registers its layers
import pooling_configurations  # noqa: F401 - registers its layers
import pytest
import shape_configurations  # noqa: F401 - registers its layers
import weight_configurations  # noqa: F401 - registers its layers
from case import case
from configurations import configurations
from exported import Export, run_onnx, run_torch
from goodinit.export import table
from goodinit.export.layers.losses import LOSSES
from goodinit.export.registry import CANNOT, CUT, ONNX, TORCH, UNLESS, WIRING, reason_against
from goodinit.netlib.registry import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

CONFIGURATIONS = configurations()
EXAMPLES = settings(max_examples=25, derandomize=True, deadline=None, database=None)
# These need a source, or are there to be cut; PyTorch's names for losses have a test of their own.
WRITTEN = [type for type in CONFIGURATIONS if type in ONNX]
# By what the output's largest value is to be multiplied, where sums are long.
TOLERANCE = {'LSTM': 3e-6, 'RNN': 3e-6, 'LSTMUnit': 3e-6, 'Softmax': 3e-6}


def drawn(type, data):
    """A configuration; DetectionOutput's without what ONNX cannot say."""
    found = data.draw(CONFIGURATIONS[type])
    if type == 'DetectionOutput':
        return case_with(found, re.sub(r'eta: [\d.]+', '', found.fields))
    return found


def case_with(found, fields):
    from dataclasses import replace

    return replace(found, fields=fields)


@pytest.mark.parametrize('type', WRITTEN)
@EXAMPLES
@given(data=st.data())
def test_onnxruntime_computes_the_same(type, data):
    onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    export = Export(drawn(type, data))
    model, problems = export.onnx()
    if problems:
        assert ('ONNX', type) in UNLESS
        return
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    found = run_onnx(model, export.inputs, export.steps.outputs)
    export.check(found, TOLERANCE.get(type, 1e-6))


@pytest.mark.parametrize('type', [*WRITTEN, *sorted(LOSSES)])
@EXAMPLES
@given(data=st.data())
def test_pytorch_computes_the_same(type, data):
    pytest.importorskip('torch', reason='needs PyTorch: pip install torch')
    drawn_case = data.draw(CONFIGURATIONS[type])
    train = type in LOSSES or (type == 'BatchNorm' and drawn_case.phase == 0)
    export = Export(drawn_case, train)
    text, problems = export.torch()
    if problems:
        assert ('PyTorch', type) in UNLESS
        return
    found = run_torch(text, 'Net', export.weights, export.inputs, export.net.phase == 0)
    export.check(found, TOLERANCE.get(type, 2e-6))


# -- the table


def test_every_layer_type_is_accounted_for():
    """A layer that is registered here and nowhere said how, or why not, is an oversight."""
    for type in LAYERS:
        for target, known in (('ONNX', ONNX), ('PyTorch', TORCH)):
            places = [type in known, type in CUT, type in WIRING]
            assert any(places) or (target, type) in CANNOT or ('', type) in CANNOT, (target, type)


def test_nothing_is_said_of_types_that_are_not_there():
    named = {type for _, type in [*CANNOT, *UNLESS]}
    assert named | ONNX.keys() | TORCH.keys() | CUT.keys() | WIRING.keys() <= LAYERS.keys()


def test_everything_that_computes_has_random_configurations():
    missing = ONNX.keys() - CONFIGURATIONS.keys()
    assert missing == {'DummyData'}


def test_reasons_are_given():
    assert 'Python code' in reason_against('ONNX', 'Python')
    assert reason_against('ONNX', 'Data') == 'data come in as inputs'
    assert 'nobody has said' in reason_against('ONNX', 'Unheard')
    assert not reason_against('PyTorch', 'Convolution')


def test_the_table_has_a_line_for_each_type():
    lines = table.as_text().splitlines()
    assert lines[0].split() == ['layer', 'ONNX', 'PyTorch']
    assert [line.split()[0] for line in lines[1:]] == sorted(LAYERS)
    assert 'cannot: it runs Python code' in table.as_text()
    assert table.as_markdown().count('\n') == len(lines)


# -- what is said to be inexpressible


@pytest.mark.parametrize(
    'given, reason',
    [
        (
            case(
                'DummyData',
                'dummy_data_param { shape { dim: 2 } data_filler { type: "gaussian" } }',
            ),
            'its filler gaussian is random',
        ),
        (
            case('Pooling', 'pooling_param { pool: AVE kernel_size: 1 stride: 3 }', x=(1, 1, 3, 3)),
            'a window sees nothing',
        ),
        (
            case('Dropout', 'dropout_param { sample_weights_test: true }', x=(2, 3)),
            'sample_weights_test: the top is random',
        ),
        (
            case(
                'Convolution',
                'convolution_param { num_output: 1 kernel_size: 1 }',
                x=(1, 1, 2, 2, 2, 2),
            ),
            '4 spatial axes; at most 3',
        ),
    ],
    ids=lambda value: value.type if not isinstance(value, str) else '',
)
def test_onnx_says_what_it_cannot_express(given, reason):
    _, problems = Export(given).onnx()
    assert len(problems) == 1
    assert f"layer 'l' ({given.type})" in problems[0]
    assert reason in problems[0]


def test_the_guide_has_the_table():
    """`python -m goodinit convert --list` is what docs/moving.md prints, as Markdown."""
    text = (ROOT / 'docs' / 'moving.md').read_text(encoding='utf-8')
    _, _, rest = text.partition('<!-- table -->\n')
    assert rest.partition('\n<!-- end')[0] == table.as_markdown()
