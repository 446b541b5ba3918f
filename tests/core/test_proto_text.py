"""Reading and writing prototxt: origins, forks' spellings, and the words of every error."""

import random
import re
import time

import numpy as np
import pytest
from goodinit.proto import (
    ProtoError,
    format_text,
    parse_net,
    parse_solver,
    read_any,
    read_net,
    read_solver,
    write_text,
)
from goodinit.proto.caffe_pb2 import (
    LayerParameter,
    NetParameter,
    PoolingParameter,
    SolverParameter,
)

NET = """name: "n"  # layer { "
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer {
  name: "ip {" type: 'InnerProduct' bottom: "data" top: "ip"
  inner_product_param < num_output: 4 >  # }
}
"""
# text -> what the error says
SYNTAX = [
    (
        'layer { nmae: "x" }',
        """n:1:9: Message type "caffe.LayerParameter" has no field named "nmae", in layer; """
        """did you mean 'name'?""",
    ),
    (
        'layer { name: "r"\n relu_param { slope: 1 } }',
        """n:2:15: Message type "caffe.ReLUParameter" has no field named "slope", in layer 'r' """
        """> relu_param; did you mean 'negative_slope'?""",
    ),
    (
        'layer { name: "p" pooling_param { pool: AVG } }',
        """n:1:41: Enum type "caffe.PoolingParameter.PoolMethod" has no value named AVG, in """
        """layer 'p' > pooling_param; it has MAX, AVE, STOCHASTIC; did you mean 'AVE'?""",
    ),
    (
        'layers { type: CONVOLUTOIN }',
        """has no value named CONVOLUTOIN, in layers; did you mean 'CONVOLUTION'?""",
    ),
    (
        'layer { include { phase: 7 } }',
        """has no value with number 7, in layer > include; it has TRAIN, TEST""",
    ),
    (
        'layer {\n  name: "cifar"\n  transform_param { mean_file: "mean.bin\n } }',
        """n:3:32: string not closed: "mean.bin, in layer 'cifar' > transform_param""",
    ),
    (
        'layer { name: "c" convolution_param { pad: -1 } }',
        """n:1:44: Value out of range: -1, in layer 'c' > convolution_param; the number must """
        """not be negative""",
    ),
    (
        'layer {\n name: "bad"\n clip_param { min: 0 } }',
        """n:1: Message missing required fields: layer[0].clip_param.max, in layer 'bad\'""",
    ),
    (
        'layer {\n name: "a"\n convolution_param { num_output: 3\n}\nlayer { name: "b" }',
        """n:5:1: Message type "caffe.LayerParameter" has no field named "layer", in layer 'a'; """
        """'layer' belongs to NetParameter: is a '}' missing before it?""",
    ),
    (
        'layer {\n name: "a"\n top: "x"\n',
        """n:1: layer 'a' is not closed: Expected "}" before the text's end""",
    ),
    ('layer { name: "x" name: "y" }', """should not have multiple "name" fields, in layer 'x\'"""),
    ('layer { name: "x" } }', """n:1:21: one '}' too many: no block is open here"""),
    (
        'layer { name: relu1 }',
        """n:1:15: Expected string but found: 'relu1', in layer; a string needs quotes""",
    ),
    (
        'layer { num_output: 3 }',
        """has no field named "num_output", in layer; it belongs inside convolution_param """
        """or embed_param or inner_product_param or recurrent_param""",
    ),
    (
        'layer {\n foo_param { x: 1 }\n type: "Foo" }',
        """n:2:2: Message type "caffe.LayerParameter" has no field named """
        """"foo_param", in layer; no known layer type has it, and this layer has type """
        """'Foo\'""",
    ),
    ('layer { blobs_lr: 3 }', """this is a field of the older `layers { }`"""),
    (
        'layer { inner_product_param { bias_term: yes } }',
        """Expected "true" or "false", found yes""",
    ),
    *(
        (
            f'layer {{ inner_product_param {{ bias_term:{end}',
            """1: Expected "true" or "false", found nothing, in""",
        )
        for end in ('', '\n')
    ),
    ('layer { convolution_param { kernel_size: 3,3 } }', """several values are written [1, 2]"""),
    ('// a net\n', """n:1:1: Expected identifier or number, got /; a comment begins with #"""),
    (
        'base_lr: 0.1',
        """n:1:1: Message type "caffe.NetParameter" has no field named "base_lr"; this is a """
        """field of a solver: is this the right file?""",
    ),
    ('hello world', '''n:1:1: Message type "caffe.NetParameter" has no field named "hello"'''),
    (
        'layers { layer { name: "v0" tpye: "conv" } }',
        """in layers > layer 'v0'; did you mean 'type'?""",
    ),
]


@pytest.mark.parametrize('text, message', SYNTAX)
def test_syntax_errors(text, message):
    with pytest.raises(ProtoError, match=re.escape(message)) as error:
        parse_net(text, 'n')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'text, message',
    [
        ('base_lrr: 1', """has no field named "base_lrr"; did you mean 'base_lr'?"""),
        (
            'layer { }',
            """n:1:1: Message type "caffe.SolverParameter" has no field named "layer"; this is """
            """a field of a net: is this the right file?""",
        ),
        ('solver_mode: TPU', """has no value named TPU; it has CPU, GPU"""),
        ('base_lr: "x"', '''n:1:10: Couldn't parse float: "x"'''),
    ],
)
def test_solver_syntax_errors(text, message):
    with pytest.raises(ProtoError, match=re.escape(message)):
        parse_solver(text, 'n')


def test_any_damage_is_a_proto_error():
    rng = random.Random(0)
    for _ in range(300):
        text = list(NET)
        for _ in range(rng.randint(1, 4)):
            text[rng.randrange(len(text))] = rng.choice(
                ['', '{', '}', '"', '\n', '#', '<', ':', '\x00', 'é', '-']
            )
        text = ''.join(text)[: rng.randint(1, 400)]
        try:
            parse_net(text)
        except ProtoError as error:
            assert '\n' not in str(error)


def test_origins_are_the_lines_of_the_layers(tmp_path):
    path = tmp_path / 'net.prototxt'
    path.write_text(NET)
    assert [layer.origin for layer in read_net(path).layer] == [f'{path}:2', f'{path}:3']


def test_origins_are_never_written(tmp_path):
    net = parse_net(NET)
    write_text(net, tmp_path / 'out.prototxt')
    assert 'origin' not in (tmp_path / 'out.prototxt').read_text()
    assert net.layer[0].origin == '<string>:2'


def test_text_round_trip_keeps_every_float(tmp_path):
    values = np.random.default_rng(0).standard_normal(500).astype(np.float32) * np.float32(1e-3)
    net = NetParameter(name='Übung', layer=[LayerParameter(name='a', loss_weight=values)])
    write_text(net, tmp_path / 'n.prototxt')
    assert read_net(tmp_path / 'n.prototxt').layer[0].loss_weight == list(values)
    assert 'Übung' in format_text(net)


@pytest.mark.parametrize(
    'fork, field, value',
    [
        ('pooling_param { ceil_mode: false }', 'round_mode', PoolingParameter.FLOOR),
        ('pooling_param { ceil_mode: true }', 'round_mode', PoolingParameter.CEIL),
        ('convolution_param { hole: 2 }', 'dilation', [2]),
        ('convolution_param { hole_h: 2 hole_w: 3 }', 'dilation', [2, 3]),
        ('convolution_param { hole_w: 3 }', 'dilation', [1, 3]),
    ],
)
def test_spellings_of_forks(fork, field, value):
    layer = parse_net(f'layer {{ {fork} }}').layer[0]
    param = getattr(layer, fork.split()[0])
    assert getattr(param, field) == value
    assert [f.name for f, _ in param.ListFields()] == [field]


@pytest.mark.parametrize(
    'fork, message',
    [
        (
            'pooling_param { ceil_mode: false round_mode: CEIL }',
            "ceil_mode is a fork's name for round_mode",
        ),
        ('convolution_param { hole: 2 dilation: 2 }', "hole is a fork's name for dilation"),
    ],
)
def test_spellings_given_twice(fork, message):
    with pytest.raises(ProtoError, match=f"layer 'a' .T., n:1: {message}: give one"):
        parse_net(f'layer {{ name: "a" type: "T" {fork} }}', 'n')


@pytest.mark.parametrize(
    'text, kind',
    [
        (NET, NetParameter),
        ('net: "a" base_lr: 1', SolverParameter),
        ('', NetParameter),
        ('layers { name: "r" type: RELU }', NetParameter),
    ],
)
def test_read_any(tmp_path, text, kind):
    (tmp_path / 'x').write_text(text)
    assert isinstance(read_any(tmp_path / 'x'), kind)


@pytest.mark.parametrize(
    'text, message',
    [
        ('net: "a"\nbase_lrr: 1', "x:2:1: .*did you mean 'base_lr'"),
        ('name: "a"\nlayr { }', "x:2:1: .*did you mean 'layer'"),
        ('layer { name: "a" }\nlayers { name: "b" }', 'either `layer` or'),
    ],
)
def test_read_any_gives_the_error_that_got_further(tmp_path, text, message):
    (tmp_path / 'x').write_text(text)
    with pytest.raises(ProtoError, match=message):
        read_any(tmp_path / 'x')


@pytest.mark.parametrize(
    'content, message',
    [
        (b'name: "n"\nlayer { name: "\xe9" }', r'x:2: not UTF-8'),
        (b'\x0a\x01n\x00\x00', 'x: a binary file; needed: the text of a net or solver'),
        (b'name: "n" # no layer', 'x: found no layers, needed: the text of a net'),
    ],
)
def test_files_that_are_no_nets(tmp_path, content, message):
    (tmp_path / 'x').write_bytes(content)
    with pytest.raises(ProtoError, match=message):
        read_net(tmp_path / 'x')


@pytest.mark.parametrize(
    'content',
    [
        b'\xef\xbb\xbflayer { name: "n" }',
        b'layer { name: "n" }\r\n# a comment\r\n',
        b'# \xb2\xe2\xca\xd4\nlayer { name: "n" } # \xe9\n',
    ],
)
def test_texts_of_other_systems(tmp_path, content):
    (tmp_path / 'x').write_bytes(content)
    assert read_net(tmp_path / 'x').layer[0].name == 'n'


def test_files_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ProtoError, match=rf'^File not found: no.prototxt \(looked in {re.escape(str(tmp_path))}\)$'
    ):
        read_net('no.prototxt')
    with pytest.raises(ProtoError, match=f'^File not found: {re.escape(str(tmp_path))}/no$'):
        read_solver(tmp_path / 'no')
    with pytest.raises(ProtoError, match='is a directory; needed: a file'):
        read_net(tmp_path)


def test_five_thousand_lines_take_less_than_a_second_of_the_processor():
    layer = format_text(parse_net(NET).layer[1])
    text = ''.join(f'layer {{\n{layer}}}\n' for _ in range(500))
    start = time.process_time()
    net = parse_net(text)
    assert time.process_time() - start < 1
    assert len(text.split('\n')) > 5000 and len(net.layer) == 500
