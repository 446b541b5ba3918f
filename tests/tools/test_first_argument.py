"""A net, or a solver, may stand alone or after its option, in every command that takes one."""

import pytest
from goodinit.tools import (
    bn_statistics,
    convert,
    draw,
    init_net,
    lint,
    show,
    stats,
    test,
    train,
)
from toolkit import fails

# Each command, the name of its first argument, the option that may go before it, and the rest.
COMMANDS = [
    (bn_statistics, 'net', '--proto', ['w.caffemodel']),
    (convert, 'net', '--proto', ['w.caffemodel', 'net.onnx']),
    (draw, 'net', '--proto', ['net.svg']),
    (init_net, 'net', '--proto', ['--method', 'pca']),
    (show, 'net', '--proto', ['--json']),
    (stats, 'net', '--proto', ['--batches', '2']),
    (test, 'net', '--proto', ['--weights', 'w.caffemodel']),
    (test, 'net', '--model', ['--weights', 'w.caffemodel']),
    (train, 'solver', '--solver', ['--iterations', '5']),
]


@pytest.mark.parametrize('command, name, option, rest', COMMANDS)
def test_it_may_stand_alone_or_after_its_option(command, name, option, rest):
    parse = command.arguments().parse_args
    expected = parse(['lenet', *rest])
    assert getattr(expected, name) == 'lenet'
    for words in ([option, 'lenet', *rest], [*rest, option, 'lenet'], [f'{option}=lenet', *rest]):
        assert parse(words) == expected


def test_the_last_option_counts():
    assert show.arguments().parse_args(['--proto', 'a', '--proto', 'b']).net == 'b'


def test_all_count_where_several_are_taken():
    parse = lint.arguments().parse_args
    assert parse(['a', '--proto', 'b', '--json', '--proto', 'c']).files == ['b', 'c', 'a']


@pytest.mark.parametrize('command, name, option, rest', COMMANDS)
def test_help_tells_one_option(command, name, option, rest):
    text = command.arguments().format_help()
    told = f'or {option} {name.upper()}' in ' '.join(text.split())
    assert told == (option != '--model')


@pytest.mark.parametrize(
    'words, message',
    [
        ([], 'the following arguments are required: NET'),
        (['--proto'], 'argument --proto: expected one argument'),
        (['lenet', '--proto', 'lenet'], "unexpected argument 'lenet'"),
        (['--prot', 'lenet'], "unexpected argument '--prot'; did you mean '--proto'?"),
    ],
)
def test_mistakes(words, message, capsys):
    assert message in fails(show.main, words, capsys)
