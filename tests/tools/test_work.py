"""The progress bar of an initialization: it moves with the work, and tells the time left."""

import io
import re
import time

import pytest
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, Recipe
from goodinit.tools.cli.initialize_and_report import initialize_and_report
from goodinit.tools.cli.work import Work


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def on_terminal(monkeypatch):
    """A function that turns stderr into a terminal of 60 columns."""

    def turn():
        monkeypatch.setenv('COLUMNS', '60')
        screen = Terminal()
        monkeypatch.setattr('sys.stderr', screen)
        return screen

    return turn


@pytest.fixture
def fed():
    return feed_net(read_net_file('lenet'), DataOptions(batch_size=8))


@pytest.mark.parametrize('method, share', [('lsuv', 0.67), ('gaussian', 0.67), ('kmeans', 0.2)])
def test_at_the_end_the_work_is_done(method, share, fed, on_terminal, monkeypatch):
    """As far as it can be foreseen: how many rounds even rates depends on the net."""
    on_terminal()
    works = []
    monkeypatch.setattr(Work, 'begin', lambda self, what: works.append(self))
    initialize_and_report(fed, [PRESETS[method]])
    bar = works[0].bar
    assert share * bar.total < bar.n <= bar.total


def test_the_bar_names_what_is_worked_on(fed, on_terminal):
    terminal = on_terminal()
    with Work(fed, [PRESETS['lsuv']], 8, quiet=False).shown() as work:
        work.begin('a name that is longer than a line has room for')
        work.bar.refresh()
        work.initialized('conv1')
        work.bar.refresh()
    lines = terminal.getvalue().split('\r')
    assert any(line.startswith('a name that is longe:') for line in lines)
    assert any(re.match(r'pool1: +\d+%\|.*\| 00:00<', line) for line in lines)
    assert max(map(len, lines)) <= 60


def test_the_bar_creeps_through_a_long_layer_and_no_further(fed, on_terminal):
    on_terminal()
    with Work(fed, [PRESETS['lsuv']], 8, quiet=False).shown() as work:
        work.ran(1)
        work.begin('ip1')
        start, foreseen = work.bar.n, work.weights['ip1']
        time.sleep(0.01)
        work.creep(0.001)
        assert start < work.bar.n < start + foreseen
        for _ in range(1000):
            work.creep(10)
        assert work.bar.n == pytest.approx(min(start + foreseen, work.bar.total))
        work.initialized('ip1')
        assert work.bar.n == pytest.approx(min(start + foreseen, work.bar.total))


def test_more_work_than_foreseen_leaves_the_bar_at_its_end(fed, on_terminal):
    on_terminal()
    with Work(fed, [Recipe('keep', 'lsuv')], 0, quiet=False).shown() as work:
        for _ in range(5):
            for i in range(len(fed.net.layers)):
                work.ran(i)
        assert work.bar.n == work.bar.total


def test_a_net_is_left_without_callbacks(fed):
    with pytest.raises(KeyboardInterrupt), Work(fed, [PRESETS['lsuv']], 8, quiet=True).shown():
        raise KeyboardInterrupt
    assert fed.net.after_forward == fed.net.after_backward == []
