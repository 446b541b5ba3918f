"""The upgrade tools beside what BVLC Caffe's wrote, logged and returned for the same files."""

import re

import golden
import pytest
from goodinit.proto import parse_text, read_text, read_weights
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.tools.upgrade_net_proto_binary import main as upgrade_binary
from goodinit.tools.upgrade_net_proto_text import main as upgrade_net
from goodinit.tools.upgrade_solver_proto_text import main as upgrade_solver

UPGRADE = golden.HERE / 'upgrade'
CASES = sorted(
    (path.parent.name, path.name.removesuffix('.in.prototxt'))
    for path in UPGRADE.glob('*/*.in.prototxt')
)
TOOLS = {'net': (upgrade_net, NetParameter), 'solver': (upgrade_solver, SolverParameter)}
HEAD = re.compile(r'^([IWE])\d{4} \S+ +\d+ ([\w.]+):\d+\] ')
ABORT = -6
PROBLEM = re.compile(r"layer '.*' \(.*\), \S+:\d+: (.*): left out")


def logged(text):
    """(level, file, message) of each line, without the times, and without what ours adds to a
    problem."""
    lines = [HEAD.sub(r'\1 \2] ', line) for line in text.splitlines()]
    return [PROBLEM.sub(r'\1', re.sub(r'(\w\.cpp):\d+\]', r'\1]', line)) for line in lines]


@pytest.mark.parametrize(('kind', 'case'), CASES)
def test_as_caffe(kind, case, tmp_path, monkeypatch, capsys):
    tool, message = TOOLS[kind]
    status, *log = read_text(UPGRADE / kind / f'{case}.log.txt').splitlines()
    status = int(status.split()[1])
    (tmp_path / f'{case}.in.prototxt').write_text(read_text(UPGRADE / kind / f'{case}.in.prototxt'))
    monkeypatch.chdir(tmp_path)
    out = tmp_path / f'{case}.out.prototxt'
    assert tool([f'{case}.in.prototxt', out.name]) == (1 if status == ABORT else status)
    err = capsys.readouterr().err
    if status == ABORT:
        assert logged(err)[:1] == logged(log[0]) and not out.exists()
        assert err.count('\n') == 2 and f'{case}.in.prototxt' in err.splitlines()[1]
        return
    assert logged(err) == logged('\n'.join(log))
    assert parse_text(read_text(out), message()) == parse_text(
        read_text(UPGRADE / kind / out.name), message()
    )


@pytest.mark.parametrize('name', ['legacy_v0_4d', 'legacy_v1_4d', 'legacy_current_4d'])
def test_weights(name, tmp_path, capsys):
    old, new = golden.HERE / 'io' / f'{name}.caffemodel', tmp_path / 'new.caffemodel'
    assert upgrade_binary([str(old), str(new)]) == 0
    current = name == 'legacy_current_4d'
    assert ('File already in latest proto format' in capsys.readouterr().err) == current
    assert read_weights(new) == read_weights(old)
    assert upgrade_binary([str(new), str(new)]) == 0
    assert 'already in latest' in capsys.readouterr().err


FAILURES = [
    (
        upgrade_net,
        ['text'],
        1,
        'arguments are required: OUT (see goodinit upgrade_net_proto_text --help)',
    ),
    (upgrade_net, ['text', 'out', 'more'], 1, "unexpected argument 'more'"),
    (upgrade_net, ['nowhere', 'out'], 1, 'File not found: nowhere'),
    (upgrade_net, ['text', 'no/out'], 1, 'cannot write no/out: there is no folder no'),
    (
        upgrade_net,
        ['wrong', 'out'],
        2,
        'Failed to parse input text file as NetParameter: wrong:1:1: Message type ',
    ),
    (
        upgrade_net,
        ['binary', 'out'],
        2,
        'Failed to parse input text file as NetParameter: binary: a binary file',
    ),
    (
        upgrade_solver,
        ['wrong', 'out'],
        2,
        'Failed to parse input text file as SolverParameter: wrong:1:1: ',
    ),
    (
        upgrade_binary,
        ['text', 'out'],
        2,
        'Failed to parse input binary file as NetParameter: text: not a caffemodel',
    ),
]


@pytest.mark.parametrize(('tool', 'arguments', 'status', 'message'), FAILURES)
def test_failures(tool, arguments, status, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'text').write_text('name: "net"')
    (tmp_path / 'wrong').write_text('nmae: "net"')
    (tmp_path / 'binary').write_bytes(b'\0\1')
    assert tool(arguments) == status
    assert message in capsys.readouterr().err and not (tmp_path / 'out').exists()
