"""goodinit lint: every error of a text, and nothing that only follows from one."""

import pytest
from goodinit.feeding.bundled import find_model
from goodinit.tools.checks.parse import parse_all
from goodinit.tools.checks.tokens import field_lines
from goodinit.tools.lint import lint
from toolkit import DEPLOY

NO_FIELD = 'Message type "caffe.LayerParameter" has no field named '
TEXTS = [
    # as published: opening quotes that lack, one too many, the name of a file pasted behind a value
    (
        'layer {\n name: "cifar"\n transform_param { mean_file: splits/mean.binaryproto" }\n'
        ' data_param {\n  source: splits/train_leveldb"\n } }',
        [
            "n:3:31: Expected string but found: 'splits', in layer 'cifar' > transform_param",
            "n:5:11: Expected string but found: 'splits', in layer 'cifar' > data_param",
        ],
    ),
    (
        'layer {\n name: "cifar"\n data_param {\n  source: "train_leveldb""\n  backend: MDB } }',
        ["n:4:26: string not closed: \", in layer 'cifar' > data_param", 'n:5:12: Enum type '],
    ),
    (
        'layer {\n name: "conv3_6"\n type: "Eltwise"resume50K.log\n bottom: "a"\n}\n'
        'layer { nmae: "b" }',
        [f'n:3:17: {NO_FIELD}"resume50K", in layer \'conv3_6\'', f'n:6:9: {NO_FIELD}"nmae"'],
    ),
    (
        'layer { name: "a\n  top: "y" nmae: 3 }',
        ['n:1:15: string not closed: "a', f'n:2:12: {NO_FIELD}"nmae"'],
    ),
    (
        'layer { name: "a" convolution_param { pad: -1 stride: x }\nlayer { name: b }',
        [
            'n:1:44: Value out of range: -1',
            "n:1:55: Couldn't parse integer: x",
            f"n:2:1: {NO_FIELD}\"layer\", in layer 'a'; 'layer' belongs to NetParameter: "
            "is a '}' missing before it?",
            "n:2:15: Expected string but found: 'b'",
        ],
    ),
    (
        'layer { name: "a" }}\nlayer { name: "b" // no\n top "c" 3: 4 type: }',
        [
            "n:1:20: one '}' too many",
            'n:2:19: Expected identifier or number, got /',
            'n:3:6: Expected ":"',
            f'n:3:10: {NO_FIELD}"3"',
            "n:3:21: Expected string but found: '}'",
        ],
    ),
    (
        'layer { name: "a" clip_param { min: 0 } }\nlayer { name: "b" clip_param { } }\n'
        'layer { name: "c"',
        [
            "n:1: Message missing required fields: layer[0].clip_param.max, in layer 'a'",
            'n:2: Message missing required fields: layer[1].clip_param.min, '
            "layer[1].clip_param.max, in layer 'b'",
            "n:3: layer 'c' is not closed: Expected \"}\" before the text's end",
        ],
    ),
    (
        'layer { name: "a" convolution_param { kernel_size: [3, 3 } }\nlayer { 7 }',
        ['n:1:58: Expected ","', f'n:2:9: {NO_FIELD}"7"'],
    ),
    (
        'layer { name: "a" convolution_param { kernel_size: [3, x] name: "b" } }',
        [
            "n:1:56: Couldn't parse integer: x",
            'n:1:59: Message type "caffe.ConvolutionParameter" has no field',
        ],
    ),
    (
        'layer { convolution_param { pad: 1',
        ['n:1: convolution_param is not closed', 'n:1: layer is not closed'],
    ),
    ('layer name: "a" nmae: "b" }', ['n:1:7: Expected "{"', f'n:1:17: {NO_FIELD}"nmae"']),
    ('name: "n"\n"', ['n:2:1: string not closed: "']),
]


@pytest.mark.parametrize(('text', 'expected'), TEXTS)
def test_all_errors(text, expected):
    errors = sorted(map(str, parse_all(text, 'n')[1]), key=lambda error: int(error.split(':')[1]))
    assert len(errors) == len(expected), errors
    assert all(error.startswith(start) for error, start in zip(errors, expected, strict=True)), (
        errors
    )


def test_a_missing_character_is_one_error():
    """Two where a quote lacks on a line of several strings. A field without its brace ends
    somewhere below."""
    text = find_model('cifar10_quick').read_text().partition('layer { name: "relu2"')[0]
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    for i, line in enumerate(lines):
        for j, character in enumerate(line):
            if character in '{}":':
                text = '\n'.join([*lines[:i], line[:j] + line[j + 1 :], *lines[i + 1 :]]) + '\n'
                errors = list(map(str, parse_all(text, 'n')[1]))
                assert 1 <= len(errors) <= (2 if character == '"' and line.count('"') > 2 else 1), (
                    errors
                )
                assert character in '{}' or all(error.startswith(f'n:{i + 1}:') for error in errors)


LOST = [
    ('top: "conv"\n', 'top: conv\n'),
    ('top: "ip"', 'top "ip"'),
    ('num_output: 4', 'num_output: x'),
    ('bottom: "data"', 'bottom: x'),
    ('type: "Convolution"', 'type: Convolution'),
    ('name: "relu"', 'nmae: "relu"'),
]


@pytest.mark.parametrize(('old', 'new'), LOST)
def test_what_follows_is_not_said(old, new, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'n').write_text(DEPLOY.replace(old, new, 1))
    (finding,) = lint('n')
    assert finding.column and not finding.layer


def test_a_hopeless_text_comes_to_an_end():
    assert len(parse_all('layer { name: }\n' * 500, 'n')[1]) == 100


def test_an_error_in_a_brace_that_was_put_behind_the_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'n').write_text('name}\nlayer[{')
    assert [finding.line for finding in lint('n')] == [1, 1, 2]


def test_outermost_fields():
    text = (
        '# net: 1\nnet_param {\n type: "a" }\n'
        'base_lr: 1 lr_policy: "net: 3"\n\ntype: "SGD" base_lr: 2'
    )
    assert field_lines(text) == {'net_param': 2, 'base_lr': 4, 'lr_policy': 4, 'type': 6}
