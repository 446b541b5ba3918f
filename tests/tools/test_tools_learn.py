"""goodinit learn: the list, templates, and verdicts by a process of its own."""

import os
import signal
import subprocess
import sys

import pytest
from goodinit.learn import EXERCISES
from goodinit.tools.learn import main
from toolkit import fails

RIGHT = 'def pool_extent(size, kernel, stride, pad):\n'
RULE = """    n = -(-(size + 2 * pad - kernel) // stride) + 1
    return n - (pad > 0 and (n - 1) * stride >= size + pad)
"""


def checked(text, capsys, *options):
    """The status of a check of exercise 5.1, and what it prints, without the first words."""
    with open('mine.py', 'w') as file:
        file.write(text)
    status = main(['check', '5.1', 'mine.py', *options])
    out, err = capsys.readouterr()
    assert err == '' and 'Traceback' not in out
    return status, out.removeprefix('exercise 5.1, the positions of a pooling window: ')


def test_the_list(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(EXERCISES)
    assert lines[1].endswith('Blob and shape')


def test_from_start_to_right(folder, capsys):
    assert main(['start', '5.1']) == 0
    name = 'exercise_5_1.py'
    assert capsys.readouterr().out == f'{name}: fill it in, then: goodinit learn check 5.1 {name}\n'
    text = (folder / name).read_text()
    status, out = checked(text, capsys)
    assert (status, out) == (1, 'not yet\n  mine.py:11: still to be written\n')
    status, out = checked(text.replace('    raise NotImplementedError\n', RULE), capsys)
    assert (status, out) == (0, 'right, in all 6 cases. Next: goodinit learn start 5.2\n')


def test_a_file_is_not_replaced_unasked(folder, capsys):
    (folder / 'mine.py').write_text('precious')
    start = ['start', '5.1', '--out', 'mine.py']
    message = 'mine.py: already exists (use --force to overwrite, or --out FILE)\n'
    assert fails(main, start, capsys) == message
    assert (folder / 'mine.py').read_text() == 'precious'
    assert main([*start, '--force']) == 0
    assert (folder / 'mine.py').read_text() == EXERCISES['5.1'].text


def test_a_wrong_solution(folder, capsys):
    status, out = checked(f'{RIGHT}    return (size + 2 * pad - kernel) // stride + 1\n', capsys)
    assert status == 1
    assert out.splitlines() == [
        'not yet',
        '  pool_extent(size=7, kernel=2, stride=2, pad=0)',
        '  the result is 3; needed: 4',
        '  it rounds down, as PyTorch does; Caffe rounds up',
        '  wrong in 3 of 6 cases',
    ]


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        (
            f'{RIGHT}    x = [1]\n    return x[2]\n',
            'mine.py:3: IndexError: list index out of range',
        ),
        (f'{RIGHT}    return (1\n', "mine.py:2: SyntaxError: '(' was never closed"),
        (
            'import no_such_thing\n',
            "mine.py:1: ModuleNotFoundError: No module named 'no_such_thing'",
        ),
        ('def pool(x):\n    return x\n', 'it does not define `pool_extent`'),
        ('import sys\nsys.exit(3)\n', 'it ended the process, with status 3, before it returned'),
        (f'{RIGHT}    pass\n', 'it returned None: is there a `return`?'),
        (f'{RIGHT}    return "4"\n', 'the result is str; needed: numbers'),
        (f'{RIGHT}    return [[1], [2, 3]]\n', 'its rows have different lengths'),
        (f'{RIGHT}    return [4]\n', 'the result has the shape 1; needed: of a single number'),
        (
            'def pool_extent():\n    return 1\n',
            'mine.py: TypeError: pool_extent() got an unexpected',
        ),
        (f'{RIGHT}    return int(input())\n', 'mine.py:2: EOFError: EOF when reading a line'),
    ],
)
def test_what_goes_wrong_in_a_file(folder, capsys, text, line):
    status, out = checked(text, capsys)
    assert status == 1
    assert line in out


def test_what_a_solution_prints_is_shown(folder, capfd):
    (folder / 'mine.py').write_text(f'print("my own words")\n{RIGHT}{RULE}')
    assert main(['check', '5.1', 'mine.py']) == 0
    out, err = capfd.readouterr()
    assert out.startswith('my own words\nexercise 5.1') and err == ''


def test_ctrl_c(folder):
    """It ends the solution, too, without a traceback."""
    (folder / 'mine.py').write_text(
        f'{RIGHT}    print("running", flush=True)\n    while True: pass\n'
    )
    command = [sys.executable, '-m', 'goodinit.tools.learn', 'check', '5.1', 'mine.py']
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == 'running\n'
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, '')
    assert err == 'goodinit learn: interrupted; no file was left half written\n'


def test_a_loop_without_end(folder, capsys):
    status, out = checked(f'{RIGHT}    while True: pass\n', capsys, '--seconds', '2')
    assert status == 1
    line = 'it ran longer than 2 seconds: is there a loop without end?'
    assert out == f'not yet\n  {line}\n'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ['check', '12.1', 'x.py'],
            "there is no exercise '12.1'; there are 1.1 to 11.2, two a page",
        ),
        (['start'], 'start: which exercise? (`goodinit learn` lists them)'),
        (['check', '5.1'], 'check: which file? Give the path of your solution'),
        (
            ['check', '5.1', 'no.py'],
            'no.py: there is no such file (`goodinit learn start` makes one)',
        ),
        (['strat'], "did you mean 'start'?"),
    ],
)
def test_mistakes_on_the_command_line(folder, capsys, arguments, message):
    assert message in fails(main, arguments, capsys)


def test_the_last_exercise(folder, capsys):
    assert main(['start', '11.2', '--out', 'mine.py']) == 0
    text = EXERCISES['11.2'].text
    first, second = text.split('        raise NotImplementedError\n')[:2]
    state = '        from copy import deepcopy\n        return deepcopy(self.__dict__)\n'
    restore = '        self.__dict__.update(state)\n'
    (folder / 'mine.py').write_text(first + state + second + restore)
    capsys.readouterr()
    assert main(['check', '11.2', 'mine.py']) == 0
    assert capsys.readouterr().out.endswith('right, in all 3 cases. That was the last one.\n')
