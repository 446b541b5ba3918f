"""`goodinit train --report`: the page is current while a net trains, and training is as it was."""

import shlex
import shutil

import pytest
from goodinit.solvers import Solver
from goodinit.tools.report_page import curves, training
from goodinit.tools.report_page.page import page_of, read_numbers
from goodinit.tools.report_page.training import TrainingReport
from goodinit.tools.train import main
from monitored_runs import make
from toolkit import fails, with_solver

for name in ('jinja2', 'vl_convert', 'fast_sugiyama', 'matplotlib'):
    pytest.importorskip(name)
REFRESH = '<meta http-equiv="refresh"'


@pytest.fixture
def folder(folder):
    """A small solver with its data, in the current directory."""
    return with_solver(folder)


def trains(*arguments):
    assert main(['--solver', 'solver.prototxt', '--weights', 'init.caffemodel', *arguments]) == 0


def test_training_is_the_same_with_it(folder):
    def result(*arguments):
        trains(*arguments)
        return [
            (folder / f'tiny_iter_20.{end}').read_bytes() for end in ('caffemodel', 'solverstate')
        ]

    assert result() == result('--report', 'r.html', '--monitor', 'rates.png')
    assert (folder / 'rates.png').exists()


def test_what_it_keeps(folder):
    trains('--report', 'r.html')
    numbers = read_numbers('r.html')
    found = numbers['training']
    assert found['iterations'] == [0, 5, 10, 15] and len(found['learning_rates']) == 4
    assert len(found['losses']) == 4 and list(found['rates']) == ['ip1', 'ip2']
    assert found['tests'][0] == {
        'iteration': 0,
        'net': 0,
        'output': 'accuracy',
        'value': pytest.approx(0.75),
    }
    assert {'iteration': found['tests'][-1]['iteration']} == {'iteration': 20}
    assert dict(numbers['about'])['start'] == 'init.caffemodel'
    text = (folder / 'r.html').read_text()
    assert REFRESH not in text and 'Accuracy in the last of' in text
    for title in ('The loss has fallen from iteration 0 to 15', 'learning rate', 'update at 15'):
        assert title in text


def test_a_page_of_a_running_training_reloads_itself(tmp_path):
    solver = make()
    path = tmp_path / 'r.html'
    with TrainingReport(solver, path, 1, ['goodinit', 'train'], 'fillers') as watch:
        assert REFRESH in path.read_text()
        solver.request, solver.report = watch.advance, watch.tell
        solver.step(2)
    assert REFRESH not in path.read_text()
    assert read_numbers(path)['training']['iterations'] == [0, 1]


def test_a_run_that_is_resumed_goes_on_with_its_curves(folder):
    trains('--report', 'whole.html')
    whole = read_numbers('whole.html')['training']
    (folder / 'tiny_iter_20.solverstate').unlink()
    arguments = ['--solver', 'solver.prototxt', '--report', 'whole.html', '--snapshot', 'auto']
    assert main(arguments) == 0
    resumed = read_numbers('whole.html')
    assert dict(resumed['about'])['start'].startswith('resumed from tiny_iter_10')
    for name in ('iterations', 'losses', 'learning_rates', 'rates', 'tests'):
        assert resumed['training'][name] == whole[name], name


def test_a_report_of_something_else_is_replaced(tmp_path):
    path = tmp_path / 'r.html'
    solver = make()
    solver.step(3)
    for text in ('<html>', '<script type="application/json" id="numbers">{"layers": []}</script>'):
        path.write_text(text)
        with TrainingReport(solver, path, 1, ['goodinit', 'train'], 'fillers'):
            pass
        assert read_numbers(path)['training']['iterations'] == []


def test_it_is_written_seldom_enough(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(training, 'write_report', lambda path, numbers: written.append(solver.iter))
    now = iter(range(1000))  # each look at the clock is a second later, so that writing takes one
    monkeypatch.setattr('goodinit.tools.plots.monitor.time.perf_counter', lambda: next(now))
    solver = make()
    with TrainingReport(solver, tmp_path / 'r.html', 1, ['goodinit'], 'fillers') as watch:
        for solver.iter in range(1, 50):
            watch.advance()
    assert written == [0, 21, 42, 49]


def test_training_survives_a_page_that_cannot_be_written(tmp_path):
    solver, folder = make(), tmp_path / 'folder'
    folder.mkdir()
    with (
        pytest.warns(UserWarning, match=r'--report: cannot write .*r\.html: there is no folder'),
        TrainingReport(solver, folder / 'r.html', 1, ['goodinit'], 'fillers') as watch,
    ):
        solver.request = watch.advance
        shutil.rmtree(folder)
        solver.step(2)
    assert isinstance(solver, Solver) and solver.iter == 2


# -- in words


def of_losses(*losses):
    iterations = [10 * i for i in range(len(losses))]
    rates = {'a': [0.01] * len(losses), 'b': [0.001] * len(losses)}
    return {'iterations': iterations, 'losses': list(losses), 'rates': rates, 'tests': []}


@pytest.mark.parametrize(
    ('losses', 'good', 'text'),
    [
        ((2, 1), True, 'the loss has fallen from iteration 0 to 10, from 2 to 1'),
        ((2, 3), False, 'the loss has risen from iteration 0 to 10, from 2 to 3'),
        (
            (2, 2.01),
            False,
            'the loss has stayed where it was from iteration 0 to 10, from 2 to 2.01',
        ),
        ((2, None), False, 'the loss is no longer a finite number at 10'),
    ],
)
def test_sentences_on_the_loss(losses, good, text):
    [found] = curves.about_loss(of_losses(*losses))
    assert found.good == good and found.text.startswith(text)


def test_nothing_is_said_of_one_loss():
    assert curves.about_loss(of_losses(2)) == []


@pytest.mark.parametrize(('rate', 'good'), [(0.002, True), (0.0001, False)])
def test_a_sentence_on_updates(rate, good):
    found = of_losses(2, 1)
    found['rates']['b'][-1] = rate
    [said] = curves.about_updates(found)
    assert said.good == good and said.text.startswith(
        "relative to its weights, 'a' now changes by 0.01 in an iteration, and 'b' by "
    )


def test_outputs_of_several_test_nets():
    found = of_losses(2, 1)
    for net in (0, 1):
        found['tests'].append({'iteration': 0, 'net': net, 'output': 'accuracy', 'value': 0.5})
    said = [each.text for each in curves.about_tests(found)]
    assert said == [
        'accuracy, test net 0 in the last of 1 tests: 0.5; in the best: 0.5',
        'accuracy, test net 1 in the last of 1 tests: 0.5; in the best: 0.5',
    ]


def test_many_points_are_thinned():
    points = [(i, 1.0) for i in range(1001)]
    found = curves.thinned(points)
    assert len(found) <= curves.MOST and found[-1] == points[-1]
    assert curves.thinned([]) == []


STUCK = """
layer { name: "data" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 16 dim: 8 } shape { dim: 16 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "ip1" inner_product_param {
  num_output: 16 weight_filler { type: "gaussian" std: 1e-6 } } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param {
  num_output: 4 bias_term: false weight_filler { type: "gaussian" std: 1e-6 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "y" top: "loss" }
"""


def test_the_command_that_a_stuck_training_advises_mends(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'net.prototxt').write_text(STUCK)
    (tmp_path / 'solver.prototxt').write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 21 display: 5 random_seed: 1'
    )
    assert main(['--solver', 'solver.prototxt', '--report', 'r.html']) == 0
    [stuck] = [each for each in read_numbers('r.html')['findings'] if each['command']]
    assert stuck['text'].startswith('The loss has stayed')
    _, _, *arguments = shlex.split(stuck['command'])
    assert main(arguments) == 0, capsys.readouterr().err
    said = [each['text'] for each in read_numbers('r.html')['findings']]
    assert any(text.startswith('The loss has fallen') for text in said)


def test_a_report_that_could_not_be_written(folder, capsys):
    message = fails(main, ['--solver', 'solver.prototxt', '--report', 'no/r.html'], capsys)
    assert message.startswith('no/r.html: there is no folder no')


def test_a_page_before_the_first_iteration(tmp_path):
    watch = TrainingReport(make(), tmp_path / 'r.html', 1, ['goodinit', 'train'], 'fillers')
    text = page_of(watch.page_numbers())
    assert 'Numbers of each layer' in text and 'class="plot"' not in text
