"""goodinit init and stats with what few nets have: residual branches, a loss; and predictions."""

import math

import numpy as np
import pytest
from goodinit.tools import stats
from goodinit.tools.init_net import main
from residual_nets import residual_net
from toolkit import fails, json_of, samples, train_val, written


def of(folder, text, *more):
    """Arguments for a net of this text and images of 3 x 12 x 12 or 3 x 8 x 8."""
    size = 12 if 'Eltwise' in text else 8
    data = samples(folder, (40, 3, size, size))
    return ['--proto', written(folder, text), '--data', data, '--batch-size', '20', *more]


def residual(folder, *more):
    return of(folder, residual_net(), '--dry-run', *more)


def test_residual_branches_are_noted_and_balanced(tmp_path, capsys):
    grown = json_of(main, residual(tmp_path), capsys)
    assert grown['recipe']['residual'] == 'none'
    (note,) = (note for note in grown['notes'] if 'variance of the sums grows' in note)
    assert '--residual balanced' in note
    found = json_of(main, residual(tmp_path, '--residual', 'balanced'), capsys)
    said = 'residual: balanced: variance of the 6 sums between 1 and 1'
    assert any(note.startswith(said) for note in found['notes'])
    assert not any('grows' in note for note in found['notes'])


def test_an_unknown_rule_for_branches(tmp_path, capsys):
    message = fails(main, residual(tmp_path, '--residual', 'fix'), capsys)
    assert "--residual: unknown 'fix'; did you mean 'fixup'?" in message


def test_analytic_cannot_balance(tmp_path, capsys):
    options = ['--method', 'analytic', '--residual', 'zero']
    message = fails(main, residual(tmp_path, *options), capsys)
    assert "residual: 'zero' works on sums of data" in message


def test_gradinit_says_what_it_reached(tmp_path, capsys):
    arguments = of(tmp_path, train_val(), '--dry-run', '--method', 'gradinit', '--iterations', '3')
    notes = json_of(main, arguments, capsys)['notes']
    assert any(
        note.startswith('gradinit: ') and 'after one step of rate 0.1' in note for note in notes
    )
    assert any(
        "input 'label' is 0 for every sample, so the loss says lit" in note for note in notes
    )


def test_gradinit_needs_a_loss(tmp_path, capsys):
    message = fails(main, residual(tmp_path, '--method', 'gradinit'), capsys)
    assert message.startswith("gradinit: net '") and 'has no loss' in message


def test_stats_predicts_deviations(tmp_path, capsys):
    arguments = of(tmp_path, train_val())
    assert stats.main([*arguments, '--quiet']) == 0
    heading = capsys.readouterr().out.splitlines()[0]
    assert heading.endswith('predicted') and 'grad quot' not in heading
    found = json_of(stats.main, arguments, capsys)
    assert found['gradient_quotient'] is None
    for layer in found['layers']:
        assert layer['predicted_std'] == pytest.approx(layer['output_std'], rel=0.3)
        assert layer['gradient_quotient'] is None


def test_stats_measures_the_gradient_quotient(tmp_path, capsys):
    arguments = of(tmp_path, train_val(), '--gradient-quotient')
    found = json_of(stats.main, arguments, capsys)
    quotients = [layer['gradient_quotient'] for layer in found['layers']]
    assert all(math.isfinite(value) and value > 0 for value in quotients)
    assert np.min(quotients) < found['gradient_quotient'] < np.max(quotients)
    assert stats.main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith('grad quot')
    assert 'gradient quotient of all weights together: ' in err
    assert "input 'label' is 0 for every sample" in err


def test_the_gradient_quotient_needs_a_loss(tmp_path, capsys):
    message = fails(stats.main, of(tmp_path, residual_net(), '--gradient-quotient'), capsys)
    assert message.startswith("--gradient-quotient: net '") and 'has no loss' in message
