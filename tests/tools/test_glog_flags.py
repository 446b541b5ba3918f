"""The flags of glog, which every binary of Caffe takes."""

import re

from goodinit.tools.cli.console import UsageError

import pytest
from goodinit.solvers.log.glog import Settings, log, logging
from goodinit.tools import caffe, compute_image_mean, convert_imageset, upgrade_net_proto_text
from toolkit import DEPLOY, fails, written

HEAD = re.compile(r'[IWE]\d{4} [\d:.]+ +\d+ \S+\] ')


@pytest.fixture
def timed(tmp_path, monkeypatch):
    """A command line that times a net; the folder is the current one."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, DEPLOY)
    return ['time', '-model', 'net.prototxt', '-iterations', '1']


@pytest.mark.parametrize(
    'flags',
    [
        '-v 2',
        '--v=1',
        '-vmodule=net=2,solver=1',
        '--logtostderr',
        '--logtostderr=1',
        '-logtostderr=true',
        '--nologtostderr',
        '--alsologtostderr',
        '-minloglevel=0',
        '--minloglevel 0',
        '-stderrthreshold=0',
        '-colorlogtostderr',
        '-logbufsecs 0',
        '--log_prefix=yes',
    ],
)
def test_flags_that_leave_the_log_as_it_is(flags, timed, capsys):
    assert caffe.main([*timed, *flags.split()]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith('*** Benchmark ends ***') and HEAD.match(lines[-1])


def test_levels_that_are_silenced(timed, capsys, monkeypatch):
    assert caffe.main([*timed, '-minloglevel=1']) == 0
    assert capsys.readouterr().err == ''
    monkeypatch.setenv('GLOG_minloglevel', '2')
    assert caffe.main(timed) == 0
    assert capsys.readouterr().err == ''
    assert caffe.main([*timed, '-minloglevel=0']) == 0
    assert 'Benchmark ends' in capsys.readouterr().err


def test_lines_without_heads(timed, capsys):
    assert caffe.main([*timed, '--nolog_prefix']) == 0
    assert '\n*** Benchmark ends ***\n' in capsys.readouterr().err


def test_a_log_in_a_folder(timed, tmp_path, capsys):
    (tmp_path / 'logs').mkdir()
    assert caffe.main([*timed, '--log_dir=logs']) == 0
    said = capsys.readouterr().err
    first, kept = (tmp_path / 'logs/caffe.INFO').read_text().split('\n', 1)
    assert first.startswith('Log file created at: ') and kept == said != ''
    assert caffe.main([*timed, '--log_dir=logs', '--noalsologtostderr']) == 0
    assert capsys.readouterr().err == ''
    assert 'Benchmark ends' in (tmp_path / 'logs/caffe.INFO').read_text()
    assert caffe.main([*timed, '--log_dir=logs', '--logtostderr']) == 0
    assert len(list((tmp_path / 'logs').glob('caffe.*.log.INFO.*'))) in (1, 2)  # of one second: one


def test_errors_still_reach_the_terminal(capsys):
    with logging(Settings(stderrthreshold=2)):
        log('io.cpp:1', 'lost')
        log('io.cpp:1', 'shown', 'E')
    assert capsys.readouterr().err.endswith('shown\n')
    log('io.cpp:1', 'again')
    assert capsys.readouterr().err.endswith('again\n')


def test_a_folder_that_is_missing(timed, capsys):
    said = fails(caffe.main, [*timed, '--log_dir=none'], capsys)
    assert said.startswith('--log_dir: cannot write none/caffe.')


def test_flags_alone_do_nothing_quietly(capsys):
    said = fails(caffe.main, ['-v', '2'], capsys)
    assert said.startswith('the following arguments are required: ACTION')


@pytest.mark.parametrize(
    ('flag', 'message'),
    [
        ('-mod', "unexpected argument '--mod'; did you mean '--model'?"),
        ('--logtostderr=maybe', "found 'maybe', needed: true or false"),
        ('-minloglevel=x', "found 'x'"),
    ],
)
def test_flags_that_are_none(flag, message, timed, capsys):
    assert message in fails(caffe.main, [*timed, flag], capsys)


@pytest.mark.parametrize('tool', [convert_imageset, compute_image_mean, upgrade_net_proto_text])
def test_other_binaries_take_them(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ['-v', '1', '--logtostderr=1', '--minloglevel=2']
    for arguments in (['none', 'none', 'none'], ['none', 'out'], ['none']):
        try:
            said = fails(tool.main, [*flags, *arguments], capsys)
        except UsageError:
            continue
        assert 'none' in said or 'required' in said or 'unexpected' in said
