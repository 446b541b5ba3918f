"""`--report` of `goodinit init` and `goodinit stats`: what the page says and carries, and that it
needs nothing but itself."""

import json
import re
import sys
from html.parser import HTMLParser

import pytest
from goodinit.netlib.errors import DataError
from goodinit.tools.init_net import main as init
from goodinit.tools.report_page import colors
from goodinit.tools.report_page.charts import SPECIFICATIONS, chart
from goodinit.tools.report_page.page import read_numbers
from goodinit.tools.stats import main as stats
from toolkit import DEPLOY, fails, samples, written

from goodinit import __version__

for name in ('jinja2', 'vl_convert', 'fast_sugiyama', 'matplotlib'):
    pytest.importorskip(name)
NAME = 'a<b>&"c"'
TEXT = DEPLOY.replace('name: "Small"', 'name: \'a<b>&"c"\'')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Where a net of two layers was initialized and measured, each with a report."""
    folder = tmp_path_factory.mktemp('report')
    net = written(folder, TEXT)
    arguments = ['--proto', net, '--data', samples(folder), '--batch-size', '8', '--quiet']
    out = str(folder / 'out.caffemodel')
    assert init([*arguments, '--out', out, '--report', str(folder / 'init.html')]) == 0
    assert stats([*arguments, '--weights', out, '--report', str(folder / 'stats.html')]) == 0
    return folder


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts and styles."""

    def __init__(self, path):
        super().__init__()
        self.elements = []
        self.text = []
        self.open = []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {'script', 'style'} & set(self.open):
            self.text.append(data)

    @property
    def words(self):
        return ' '.join(' '.join(self.text).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=['init.html', 'stats.html'])
def page(request, folder):
    return Page(folder / request.param)


def test_it_says_what_was_run(folder):
    numbers = read_numbers(folder / 'init.html')
    about = dict(numbers['about'])
    assert about['version'] == f'goodinit {__version__}' and about['seed'] == '0'
    assert about['command'].startswith('goodinit init ')
    assert about['method'] == 'orthonormal, lsuv, none'
    assert re.fullmatch('[0-9a-f]{12}', about['fingerprint of the data'])
    other = dict(read_numbers(folder / 'stats.html')['about'])
    assert other['weights'].endswith('out.caffemodel')
    assert other['fingerprint of the data'] == about['fingerprint of the data']
    words = Page(folder / 'init.html').words
    assert all(text in words for text in about.values())


def test_it_says_the_findings(folder):
    numbers = read_numbers(folder / 'init.html')
    words = Page(folder / 'init.html').words
    assert numbers['findings']
    for finding in numbers['findings']:
        assert finding['text'] in words and finding['command'] in words


def test_its_numbers_are_those_of_json(folder, capsys):
    arguments = ['--proto', str(folder / 'net.prototxt'), '--data', str(folder / 'x.npy')]
    assert init([*arguments, '--batch-size', '8', '--dry-run', '--json']) == 0
    printed = json.loads(capsys.readouterr().out)['layers']
    for expected, layer in zip(printed, read_numbers(folder / 'init.html')['layers'], strict=True):
        for state in ('before', 'after'):
            assert expected[state].items() <= layer[state].items()


def test_it_is_the_same_each_time(folder):
    again = folder / 'again.html'
    arguments = read_numbers(folder / 'init.html')['command'].split()[2:]
    arguments[-1] = str(again)
    assert init([*arguments, '--force']) == 0
    first = (folder / 'init.html').read_text().replace('init.html', 'again.html')
    assert again.read_text().replace(' --force', '') == first


def test_it_loads_nothing(page):
    assert not page.all('link') and not page.all('iframe')
    for tag, attributes in page.elements:
        for name in ('src', 'href', 'xlink:href', 'action', 'srcset'):
            assert attributes.get(name, 'data:').startswith('data:'), (tag, attributes)
    [policy] = [m['content'] for m in page.all('meta') if 'Security' in m.get('http-equiv', '')]
    assert policy.startswith("default-src 'none'")


def test_names_are_escaped(page):
    assert f'{NAME}:' in page.words and not page.all('b')


def test_every_plot_and_picture_has_words(page):
    count = len(page.all('figure'))
    assert count >= 6 and len(page.all('figcaption')) == count
    assert all(image['alt'] for image in page.all('img')) and page.all('img')
    assert all(
        region['aria-label'].startswith('Plot')
        for region in page.all('div')
        if region.get('class') == 'plot'
    )
    marks = [each for each in page.all('path') if each.get('role') == 'graphics-symbol']
    assert any(mark.get('aria-label', '').startswith('conv, ') for mark in marks)


def test_headings_of_the_table_are_buttons(page):
    [count] = [len(page.all('th')) - 2]  # the two layers' names are headings too
    assert len(page.all('button')) == count
    assert [th['aria-sort'] for th in page.all('th') if 'aria-sort' in th] == ['none'] * count


def test_colors_have_contrast():
    """Of text 4.5, of marks 3, on the page and on cards (WCAG 2.2, 1.4.3 and 1.4.11)."""
    for dark in (False, True):
        for behind in ('paper', 'card'):
            for name in colors.COLORS:
                if name in ('paper', 'card', 'rule'):
                    continue
                least = 4.5 if name in ('ink', 'soft', 'link', 'good', 'bad') else 3
                assert contrast(name, behind, dark) >= least, (name, behind, dark)


def contrast(name, other, dark):
    high, low = sorted(luminance(colors.COLORS[each][dark]) for each in (name, other))[::-1]
    return (high + 0.05) / (low + 0.05)


def luminance(color):
    """Relative luminance as WCAG defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_charts_name_only_known_colors():
    for path in SPECIFICATIONS.glob('*.json'):
        for name in colors.NAME.findall(path.read_text()):
            assert name in colors.COLORS, path
    assert colors.on_white('var(--ink) 1') == '#1b1f24 1'


def test_a_value_that_a_template_lacks():
    with pytest.raises(KeyError, match='title'):
        chart('depth', {'rows': []}, states=[])


# -- mistakes


def test_mistakes(folder, tmp_path, capsys):
    arguments = ['--proto', str(folder / 'net.prototxt'), '--dry-run', '--report', 'no/r.html']
    for main in (init, stats):
        given = [each for each in arguments if main is init or each != '--dry-run']
        assert 'no/r.html: there is no folder no' in fails(main, given, capsys)
    other = tmp_path / 'other.html'
    other.write_text('<html></html>')
    with pytest.raises(DataError, match='found no numbers in it; needed: a page that --report'):
        read_numbers(other)


@pytest.mark.parametrize('package', ['jinja2', 'vl_convert', 'fast_sugiyama'])
def test_without_its_packages(package, folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    arguments = ['--proto', str(folder / 'net.prototxt'), '--report', str(folder / 'x.html')]
    message = fails(init, [*arguments, '--dry-run'], capsys)
    assert f"this needs the package '{package}'" in message
    assert message.endswith("pip install 'goodinit[report]'\n")
