"""What measures say in words, and that the commands which reports advise mend what they say."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
from goodinit.initializers import Recipe, Row
from goodinit.tools.cli import findings
from goodinit.tools.init_net import main as init
from goodinit.tools.report_page.mending import mending_command, mending_training
from goodinit.tools.report_page.page import read_numbers
from goodinit.tools.stats import main as stats
from small_nets import data
from toolkit import samples, written

PLAIN = Row('a', 'Convolution', 0.0, 1.0, 0.1, 0.0, 0.1, 1.0, 0.5, 1.0, 0.1)
NONE = Recipe('filler', 'none', 'none')


def rows(**values):
    """Rows a, b, ... that differ from PLAIN in these measures."""
    count = len(next(iter(values.values())))
    made = []
    for i in range(count):
        own = {name: each[i] for name, each in values.items()}
        made.append(replace(PLAIN, layer='abc'[i], **own))
    return made


SENTENCES = [
    (
        {'change_rate': [1, 1.5]},
        True,
        'change rates agree within a factor of 1.5: all layers learn',
    ),
    (
        {'change_rate': [1, 30]},
        False,
        "change rates differ by a factor of 30: relative to its weights, 'b' learns that much "
        "faster than 'a'",
    ),
    (
        {'output_std': [1, 2, 5]},
        True,
        'signals keep their size: the outputs of the 3 layers have standard deviations from 1 to 5',
    ),
    (
        {'output_std': [0.01, 20], 'change_rate': [1, 3]},
        False,
        'signals differ in size by a factor of 2000: outputs have a standard deviation of 20 in '
        "'b' and of 0.01 in 'a'",
    ),
    (
        {'output_std': [0.01, 20]},
        True,
        'signals differ in size by a factor of 2000: outputs have a standard deviation of 20 in '
        "'b' and of 0.01 in 'a'; layers learn at one pace all the same",
    ),
    (
        {'output_std': [1, 1]},
        True,
        'signals keep their size: the outputs of the 2 layers have standard deviations of 1',
    ),
    ({'output_std': [0.5]}, True, "the outputs of 'a' have a standard deviation of 0.5"),
    (
        {'mean_to_std': [0.1, 4]},
        False,
        'outputs hardly depend on the input; their means are larger than their deviations by these '
        'factors: b 4',
    ),
    ({'dead': [0.3, 0.1]}, False, 'units that are zero after ReLU for every sample: a 30%'),
    ({'dead': [0.02, np.nan]}, True, "few units are dead: at most 2% of a layer's, in 'a'"),
    ({'dead': [0, 0]}, True, 'no unit is dead: each is above zero after ReLU for some sample'),
    (
        {'saturated': [0.7, 0.2]},
        False,
        'outputs at the ends of their sigmoid or tanh, where gradients vanish: a 70%',
    ),
    (
        {'saturated': [0.1, 0.2]},
        True,
        "sigmoid and tanh are not saturated: at most 20% of a layer's outputs, in 'b', are at",
    ),
]


@pytest.mark.parametrize(('measures', 'good', 'text'), SENTENCES)
def test_sentences(measures, good, text):
    said = [(each.good, each.text) for each in findings.find_all(rows(**measures), [NONE])]
    assert any(each == good and found.startswith(text) for each, found in said), said


def test_what_is_not_good_comes_first():
    found = findings.find_all(rows(change_rate=[1, 30], dead=[0, 0]))
    order = [each.good for each in found]
    assert order == sorted(order) and len(set(order)) == 2


def test_nothing_is_said_of_what_was_not_measured():
    unknown = rows(output_std=[0], change_rate=[np.nan], dead=[np.nan], mean_to_std=[np.nan])
    assert findings.find_all(unknown) == []


def test_what_was_tried_is_not_advised_again():
    apart = rows(change_rate=[1, 30], dead=[0.5, 0])
    tried = Recipe('filler', 'within', 'exact')
    assert [each.flags for each in findings.find_all(apart) if each.flags] == [
        ('--between', 'exact'),
        ('--normalize', 'within'),
    ]
    assert not any(each.flags for each in findings.find_all(apart, [tried]))


def test_what_has_come_down():
    [found] = findings.progress(rows(change_rate=[1, 30]), rows(change_rate=[1, 1.2]))
    assert found.text == ('change rates differed by a factor of 30 before, and differ by 1.2 now')
    assert findings.progress(rows(change_rate=[1, 30]), rows(change_rate=[1, 29])) == []


# -- mending


def net(weights, bias='', act='ReLU'):
    """A net of three layers whose fillers are wrong in some way; weights: the deviations."""
    text = data('2 12')
    bottom = 'data'
    for i, std in enumerate(weights):
        text += (
            f'layer {{ name: "ip{i}" type: "InnerProduct" bottom: "{bottom}" top: "ip{i}" '
            'inner_product_param { num_output: 16 '
            f'weight_filler {{ type: "gaussian" std: {std} }} {bias} }} }}\n'
        )
        if i + 1 < len(weights):
            text += f'layer {{ name: "act{i}" type: "{act}" bottom: "ip{i}" top: "ip{i}" }}\n'
        bottom = f'ip{i}'
    return text


BIAS = 'bias_filler {{ type: "constant" value: {} }}'
FLAWS = {
    'change rates differ': net([0.3, 0.01, 3]),
    'signals differ in size': net([0.01, 0.01, 5]),
    'units that are zero': net([0.3, 0.3, 0.3], BIAS.format(-5)),
    'outputs hardly depend': net([0.1, 0.1, 0.1], BIAS.format(40)),
    'outputs at the ends': net([5, 5, 5], act='TanH'),
}


def bad_of(page):
    """What a report says is not good: {text: command}."""
    found = read_numbers(page)['findings']
    return {each['text']: each['command'] for each in found if not each['good']}


@pytest.mark.parametrize('flaw', FLAWS)
@pytest.mark.parametrize('tool', [init, stats])
def test_the_command_that_a_report_advises_mends(tool, flaw, tmp_path, monkeypatch, capsys):
    for name in ('jinja2', 'vl_convert', 'fast_sugiyama'):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    written(tmp_path, FLAWS[flaw])
    numbers = samples(tmp_path, (64, 12))
    arguments = ['--proto', 'net.prototxt', '--data', numbers, '--batch-size', '32']
    if tool is init:
        arguments += ['--method', 'filler', '--weights-from', 'filler', '--layers', 'ip']
    assert tool([*arguments, '--report', 'r.html']) == 0, capsys.readouterr().err
    flaws = {text: command for text, command in bad_of('r.html').items() if flaw in text.lower()}
    [command] = flaws.values()
    program, name, *rest = shlex.split(command)
    assert (program, name) == ('goodinit', 'init')
    assert init([*rest, '--report', 'mended.html']) == 0, capsys.readouterr().err
    assert not any(flaw in text.lower() for text in bad_of('mended.html'))


def test_without_biases_there_is_no_advice_that_needs_them(tmp_path, monkeypatch):
    for name in ('jinja2', 'vl_convert', 'fast_sugiyama'):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    written(tmp_path, net([0.3, 0.3, 0.3], 'bias_term: false'))
    numbers = np.abs(np.random.default_rng(0).normal(50, 1, (64, 12))).astype(np.float32)
    np.save('x.npy', numbers)
    assert stats(['--proto', 'net.prototxt', '--data', 'x.npy', '--report', 'r.html']) == 0
    found = {text[:12]: command for text, command in bad_of('r.html').items()}
    assert found['Outputs hard'] == '' and found['Units that a'] == ''


def test_commands_that_mend():
    ran = shlex.split('goodinit init n --normalize=none --report r.html --quiet --seed 3')
    assert mending_command(ran, '--normalize', 'lsuv') == (
        'goodinit init n --seed 3 --normalize lsuv --force'
    )
    ran.append('--dry-run')  # it wrote nothing that may be replaced
    assert mending_command(ran, '--normalize', 'lsuv') == (
        'goodinit init n --seed 3 --normalize lsuv'
    )
    ran = shlex.split('goodinit stats n --weights "my w.caffemodel" --gradient-quotient')
    assert mending_command(ran, '--between', 'exact') == (
        "goodinit init n --weights 'my w.caffemodel' --between exact --out mended.caffemodel"
    )
    ran = shlex.split('goodinit train s --snapshot auto --report r.html')
    assert mending_training(ran, '--init', 'lsuv') == (
        'goodinit train s --report r.html --init lsuv'
    )
