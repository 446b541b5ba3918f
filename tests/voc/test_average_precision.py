"""Average precision, beside an implementation that walks through the answers one by one."""

import numpy as np
import pytest
from goodinit.voc.average_precision import MEASURES, area, average_precision, eleven_point, step


def answers_in_order(scores, labels):
    """Right or wrong by decreasing score, in the order given where scores are equal."""
    answers = [(-score, i) for i, score in enumerate(scores) if labels[i] != -1]
    return [labels[i] == 1 for _, i in sorted(answers)]


def points(answers):
    """(recall, precision) after each answer."""
    total = sum(answers)
    found = []
    right = 0
    for count, answer in enumerate(answers, 1):
        right += answer
        found.append((right / total, right / count))
    return found


def slow_eleven_point(scores, labels):
    curve = points(answers_in_order(scores, labels))
    total = 0
    for tenth in range(11):
        total += max([p for r, p in curve if r >= tenth / 10], default=0)
    return total / 11


def slow_area(scores, labels):
    """Each right answer adds 1 / positives times the best precision from there on."""
    answers = answers_in_order(scores, labels)
    curve = points(answers)
    total = 0
    for i, answer in enumerate(answers):
        if answer:
            total += max(p for _, p in curve[i:])
    return total / sum(answers)


def slow_step(scores, labels):
    """Each right answer adds 1 / positives times the precision among scores as high as its own."""
    counted = [(score, label) for score, label in zip(scores, labels, strict=True) if label != -1]
    positives = [score for score, label in counted if label == 1]
    total = 0
    for threshold in positives:
        above = [label == 1 for score, label in counted if score >= threshold]
        total += sum(above) / len(above)
    return total / len(positives)


SLOW = {'eleven_point': slow_eleven_point, 'area': slow_area, 'step': slow_step}


@pytest.mark.parametrize('measure', MEASURES)
@pytest.mark.parametrize('ties', [False, True])
def test_measures_agree_with_walking_through_the_answers(measure, ties):
    rng = np.random.default_rng(3)
    for _ in range(50):
        scores = rng.integers(0, 6, 30) / 4.0 if ties else rng.standard_normal(30)
        labels = rng.choice([-1, 0, 1], 30)
        labels[0] = 1
        expected = SLOW[measure](scores.tolist(), labels.tolist())
        assert MEASURES[measure](scores, labels) == pytest.approx(expected)


# Right, wrong, right by decreasing score; by hand: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
SCORES = np.array([0.9, 0.8, 0.7])
LABELS = np.array([1, 0, 1])


def test_a_case_by_hand():
    assert eleven_point(SCORES, LABELS) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert area(SCORES, LABELS) == pytest.approx((1 + 2 / 3) / 2)
    assert step(SCORES, LABELS) == pytest.approx((1 + 2 / 3) / 2)


def test_raising_precision_tells_area_from_step():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    labels = np.array([0, 1, 1, 1])
    assert area(scores, labels) == pytest.approx(3 / 4)
    assert step(scores, labels) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3)


def test_equal_scores_keep_their_order_in_voc_s_measures_and_count_as_one_in_the_other():
    scores = np.zeros(2)
    right_first, wrong_first = np.array([1, 0]), np.array([0, 1])
    for measure in (eleven_point, area):
        assert measure(scores, right_first) == pytest.approx(1)
        assert measure(scores, wrong_first) == pytest.approx(1 / 2)
    assert step(scores, right_first) == step(scores, wrong_first) == pytest.approx(1 / 2)


@pytest.mark.parametrize('measure', MEASURES)
@pytest.mark.parametrize('label', [0, -1])
def test_without_a_right_answer_there_is_no_number(measure, label):
    assert np.isnan(MEASURES[measure](SCORES, np.full(3, label)))


@pytest.mark.parametrize('measure', MEASURES)
def test_what_is_left_out_is_neither_right_nor_wrong(measure):
    scores = np.concatenate([SCORES, [2, 0.75]])
    labels = np.concatenate([LABELS, [-1, -1]])
    assert MEASURES[measure](scores, labels) == MEASURES[measure](SCORES, LABELS)


def test_each_class_is_measured_by_itself():
    scores = np.stack([SCORES, -SCORES, SCORES], 1)
    labels = np.stack([LABELS, LABELS, [0, 0, 0]], 1)
    found = average_precision(scores, labels, 'area')
    np.testing.assert_allclose(found, [5 / 6, 5 / 6, np.nan])
