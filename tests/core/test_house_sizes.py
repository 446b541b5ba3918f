"""The rules of the house on sizes: files, functions, lines, and how much a line says.

`python tests/helpers/sizes.py` prints the numbers of each folder.
"""

import ast
import re

import pytest
from places import ROOT
from sizes import COLUMNS, Sizes, code_lines, functions, long_lines, nodes
from sources import CODE, SOURCES, Source, report

FILE_LINES = 300
FUNCTION_LINES = 50
CPP = (
    'netlib/engines/fast/kernels/*.?pp',
    'netlib/engines/cuda/kernels/*.cu*',
    'tests/helpers/emulated_device/*.?pp',
)
OF_THE_PLANNER = re.compile(
    r'\b(plan|planner|fus\w+|follower|fed|done_below|take_up|forward_only|heir)\b',
    re.IGNORECASE,
)


# -- files, lines and functions


def long_files(sources):
    return [
        f'{source.name}: {len(source.lines)} lines; at most {FILE_LINES}'
        for source in sources
        if len(source.lines) > FILE_LINES
    ]


def test_files_are_short():
    report(long_files(CODE.values()))


def test_files_of_tests_are_short():
    report(long_files(source for source in SOURCES.values() if source.folder == 'tests'))


def test_lines_of_python_are_short():
    report(overlong(CODE.values()))


@pytest.mark.parametrize('pattern', CPP)
def test_lines_of_cpp_and_cuda_are_short(pattern):
    sources = []
    for path in ROOT.glob(pattern):
        name = path.relative_to(ROOT).as_posix()
        sources.append(Source(name, path.read_text(encoding='utf-8')))
    assert sources
    report(overlong(sources) + long_files(sources))


def overlong(sources):
    return [
        f'{source.name}:{number}: {len(source.lines[number - 1])} columns; at most {COLUMNS}'
        for source in sources
        for number in long_lines(source)
    ]


def test_functions_are_short():
    broken = []
    for source in SOURCES.values():
        for each in functions(source):
            if each.lines > FUNCTION_LINES:
                broken.append(
                    f'{each.place}: {each.name} has {each.lines} lines; at most {FUNCTION_LINES}'
                )
    report(broken)


# -- all code together


@pytest.fixture(scope='module')
def sizes():
    return Sizes(CODE.values())


def test_the_median_file_is_one_to_two_screens(sizes):
    assert 50 <= sizes.median_file <= 100


def test_nine_of_ten_functions_are_at_most_15_lines(sizes):
    assert sizes.ninth_tenth_function <= 15


def test_a_line_is_short(sizes):
    assert sizes.mean_line <= 42


def test_a_line_says_one_thing(sizes):
    assert sizes.nodes_per_line <= 4.8


def test_conditional_expressions_are_rare(sizes):
    assert sizes.conditionals_per_100_lines <= 2


# -- what a newcomer reads on day one


def layer_class():
    tree = SOURCES['netlib/layers/base.py'].tree
    [found] = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == 'Layer'
    ]
    return found


def test_a_layer_has_few_attributes():
    attributes = sum(isinstance(node, ast.Assign | ast.AnnAssign) for node in layer_class().body)
    assert attributes <= 8


def test_a_layer_has_few_methods():
    methods = sum(isinstance(node, ast.FunctionDef) for node in layer_class().body)
    assert methods <= 14


@pytest.mark.parametrize('name', ['batch_norm', 'convolution'])
def test_a_layer_knows_nothing_of_the_planner(name):
    source = SOURCES[f'netlib/layers/{name}.py']
    report(
        [
            f'{source.name}:{number}: {match[0]}'
            for number, line in enumerate(source.lines, 1)
            for match in OF_THE_PLANNER.finditer(line)
        ]
    )


def test_net_is_two_screens():
    lines = len(SOURCES['netlib/net.py'].lines)
    assert lines <= 200


# -- the rules themselves

SNIPPET = '''"""A module.

Of two paragraphs.
"""

# A comment.
def f(x):
    """What f does."""

    def g(y):
        return y

    return x if x else g


class C:
    """What C is."""

    text = 'a # b'
'''


def test_code_is_told_from_docstrings_and_comments():
    assert code_lines(Source('m.py', SNIPPET)) == [
        'def f(x):',
        '    def g(y):',
        '        return y',
        '    return x if x else g',
        'class C:',
        "    text = 'a # b'",
    ]


def test_functions_are_measured_with_and_without_their_docstring():
    found = [(each.place, each.lines, each.body) for each in functions(Source('m.py', SNIPPET))]
    assert found == [('m.py:7', 7, 4), ('m.py:10', 2, 1)]


def test_sizes_of_a_snippet():
    sizes = Sizes([Source('m.py', SNIPPET), Source('n.py', 'x = ' + '1 + ' * 24 + '1\n')])
    assert sizes.files == 2
    assert sizes.longest_file == 19
    assert sizes.longest_function == sizes.ninth_tenth_function == 4
    assert sizes.long_lines == 1
    assert sizes.conditionals_per_100_lines == pytest.approx(100 / 7)


def test_nodes_are_counted():
    source = Source('m.py', 'x = [a if b else c for c in d]')
    assert nodes(source, ast.IfExp) == nodes(source, ast.ListComp) == 1


def test_long_files_and_lines_are_found():
    source = Source('m.py', 'x = 1\n' * 300 + '#' * 101)
    assert long_files([source]) == ['m.py: 301 lines; at most 300']
    assert overlong([source]) == ['m.py:301: 101 columns; at most 100']


@pytest.mark.parametrize('line', ['if self.follower:', '# fused with ReLU', 'self.plan.drop()'])
def test_the_planner_is_recognized(line):
    assert OF_THE_PLANNER.search(line)


def test_no_planner_in_an_explanation():
    assert not OF_THE_PLANNER.search('shared weights, explained: diffused, a refusal')
