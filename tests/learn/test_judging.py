"""What a verdict says of results that differ, and the numbers that count."""

import numpy as np
import pytest
from goodinit.learn import EXERCISES, Wrong, find_exercise
from goodinit.learn.counted import Counter, Number, Readings
from goodinit.learn.judging import call_text, difference, parts_of, relation, wrong_lines
from goodinit.learn.recorded import encoded, read_cases
from goodinit.netlib.errors import GoodinitError

MATRIX = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ('found', 'expected', 'text'),
    [
        (MATRIX, MATRIX, ''),
        (MATRIX.astype(np.float32) * (1 + 1e-6), MATRIX, ''),
        (MATRIX[:, :2], MATRIX, 'y has the shape 2 x 2; needed: 2 x 3'),
        (MATRIX + np.eye(2, 3), MATRIX, 'y at [0, 0] is 1; needed: 0 (2 of 6 numbers differ)'),
        (np.array(np.nan), np.array(2.0), 'y is nan; needed: 2'),
        (np.array(3), np.array(2), 'y is 3; needed: 2'),
    ],
)
def test_differences(found, expected, text):
    assert difference('y', found, expected) == text


@pytest.mark.parametrize(
    ('found', 'text'),
    [
        (MATRIX.T, 'y is the transpose of what is needed'),
        (-MATRIX, 'every number of y is -1 times what is needed'),
        (MATRIX / 4, 'every number of y is 0.25 times what is needed'),
        (MATRIX + 1, ''),
        (MATRIX * np.nan, ''),
        (MATRIX, ''),
    ],
)
def test_relations(found, text):
    assert relation({'y': found}, {'y': MATRIX}) == text


def test_a_wrong_result_has_no_relation():
    assert relation(Wrong('why'), {'y': MATRIX}) == ''


@pytest.mark.parametrize(
    ('result', 'names', 'text'),
    [
        (None, ['y'], r'it returned None: is there a `return`\?'),
        ('4', ['y'], 'y is str; needed: numbers'),
        ([[1], [2, 3]], ['y'], 'y is no array: its rows have different lengths'),
        ((1, 2), ['a', 'b', 'c'], r'it returned a tuple of 2; needed: a tuple of 3, \(a, b, c\)'),
        (1.5, ['a', 'b'], r'it returned one float; needed: a tuple of 2, \(a, b\)'),
    ],
)
def test_results_that_are_none(result, names, text):
    with pytest.raises(Wrong, match=text):
        parts_of(result, names)


def test_calls_show_small_arrays_alone():
    case = {'x': np.arange(3), 'W': np.zeros((4, 5)), 'f': 0.5, 'text': 'long ' * 40}
    text = call_text(EXERCISES['5.1'], case)
    assert text.startswith("pool_extent(x=[0, 1, 2], W=<4 x 5>, f=0.5, text='long long")
    assert text.endswith('...)')


def test_arguments_are_copies():
    """A solution that writes into its arguments harms no later case."""

    def within(x, W, beta):
        x[...] = 0
        return W, W[:, 0]

    exercise = EXERCISES['9.2']
    cases = read_cases(exercise)
    before = [each.case['x'].copy() for each in cases]
    with np.errstate(all='ignore'):
        assert wrong_lines(exercise, within, cases)
    for old, each in zip(before, cases, strict=True):
        np.testing.assert_array_equal(old, each.case['x'])


def test_unknown_exercises():
    with pytest.raises(GoodinitError, match=r"there is no exercise '5'; there are 1.1 to 11.2"):
        find_exercise('5')


def test_numbers_of_numpy_are_encoded():
    assert encoded(np.float64(1.5)) == 1.5
    assert encoded(np.zeros(2)) == {'array': [0, 0], 'dtype': 'float64', 'shape': [2]}


def test_numbers_count_products_alone():
    counter = Counter()
    d, g = Number(3.0, counter, 'data'), Number(4.0, counter, 'weight')
    half = 0.5 * g + g / 2 - 1 + (-g) + (1 - g)
    assert (half.value, half.made_of, counter.products) == (-4.0, 'weight', 0)
    y = d * g + 1
    assert (y.value, y.made_of, counter.products) == (13.0, 'both', 1)
    assert (d - g).made_of == 'both'


def test_readings_are_counted():
    readings = Readings()
    matrix = readings.of(MATRIX)
    assert matrix[1, 2] + matrix[0, 1] == 6 and readings.count == 2
    with pytest.raises(Wrong, match='read one number at a time'):
        matrix[0]
