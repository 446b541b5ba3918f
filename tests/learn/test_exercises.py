"""The exercises of the book: right solutions pass, wrong ones are told what is wrong."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from goodinit.learn import EXERCISES, PAGES, page_of
from goodinit.learn.child import judge_file
from goodinit.learn.judging import agrees, made_by
from goodinit.learn.record import record
from goodinit.learn.recorded import FOLDER, encoded, read_cases
from wrong_solutions import WRONG

SOLUTIONS = Path(__file__).with_name('solutions')


def right_file(number):
    return SOLUTIONS / f'e{number.replace(".", "_")}.py'


@pytest.mark.parametrize('number', EXERCISES)
def test_a_right_solution_passes(number):
    verdict = judge_file(EXERCISES[number], right_file(number))
    assert verdict.lines == []
    assert verdict.right and verdict.cases >= 2


@pytest.mark.parametrize(('number', 'old', 'new', 'line'), WRONG)
def test_a_wrong_solution_is_told_what_is_wrong(number, old, new, line, tmp_path):
    text = right_file(number).read_text()
    assert old in text
    file = tmp_path / 'solution.py'
    file.write_text(text.replace(old, new))
    verdict = judge_file(EXERCISES[number], file)
    assert not verdict.right
    assert line in '\n'.join(verdict.lines)


def test_every_exercise_has_three_wrong_solutions():
    counts = Counter(number for number, *_ in WRONG)
    assert {number for number in EXERCISES if counts[number] < 3} == set()


def test_every_page_has_two_exercises():
    pages = Counter(page_of(number) for number in EXERCISES)
    assert pages == dict.fromkeys(PAGES, 2)


@pytest.mark.parametrize('number', EXERCISES)
def test_the_record_is_what_our_solution_gives(number):
    exercise = EXERCISES[number]
    stored = read_cases(exercise)
    fresh = record(exercise)
    assert len(stored) == len(fresh)
    for old, new in zip(stored, fresh, strict=True):
        assert json.dumps(old.case, default=encoded) == json.dumps(new.case, default=encoded)
        for name, values in new.expected.items():
            np.testing.assert_allclose(old.expected[name], values, rtol=1e-6, atol=1e-9)


def test_there_is_a_record_of_nothing_else():
    assert {path.stem for path in FOLDER.glob('*.json')} == set(EXERCISES)


@pytest.mark.parametrize('number', EXERCISES)
def test_mistakes_differ_from_the_solution_and_from_each_other(number):
    exercise = EXERCISES[number]
    cases = read_cases(exercise)
    made = [made_by(exercise, mistake, cases) for mistake in exercise.mistakes]
    assert len(made) >= 2
    right = [each.expected for each in cases]
    for i, results in enumerate(made):
        for others in [right, *made[:i]]:
            assert not all(map(agrees, results, others)), exercise.mistakes[i].sentence


@pytest.mark.parametrize('number', EXERCISES)
def test_a_template_is_still_to_be_written(number, tmp_path):
    file = tmp_path / 'template.py'
    file.write_text(EXERCISES[number].text)
    verdict = judge_file(EXERCISES[number], file)
    assert verdict.lines[0].startswith(f'{file}:')
    assert verdict.lines[0].endswith(': still to be written')


@pytest.mark.parametrize('number', EXERCISES)
def test_a_template_says_its_number_in_short_lines(number):
    text = EXERCISES[number].text
    assert text.startswith(f'"""Exercise {number}: ')
    assert max(map(len, text.splitlines())) <= 100
