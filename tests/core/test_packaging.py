"""What is written about the package agrees with it."""

import re
import tomllib

import places

import goodinit


def text_of(name):
    return (places.ROOT / name).read_text(encoding='utf-8')


def test_the_version_is_the_same_everywhere():
    assert f'\nversion: {goodinit.__version__}\n' in text_of('CITATION.cff')
    newest = re.search(r'^## (\S+?),', text_of('CHANGELOG.md'), re.MULTILINE)
    assert newest[1] == goodinit.__version__


def test_the_license_is_the_same_everywhere():
    project = tomllib.loads(text_of('pyproject.toml'))['project']
    assert f'\nlicense: {project["license"]}\n' in text_of('CITATION.cff')
    assert text_of('LICENSE').startswith('BSD 2-Clause')


def test_every_extra_is_tested():
    """The extra `test` installs all others, except those of a GPU and of the book's site."""
    extras = tomllib.loads(text_of('pyproject.toml'))['project']['optional-dependencies']
    whole = next(name for name in extras['test'] if name.startswith('goodinit['))
    included = set(re.split(r'[\[\],]', whole)[1:-1])
    assert extras.keys() - included == {'test', 'cuda', 'docs'}


def test_setup_names_every_package():
    packages = {path.parent.name for path in places.ROOT.glob('*/__init__.py')}
    not_shipped = {'goodinit', 'benchmarks', 'tests'}
    top_level = re.search(r'TOP_LEVEL = \((.*?)\)', text_of('setup.py'), re.DOTALL)[1]
    assert set(re.findall(r"'(\w+)'", top_level)) == packages - not_shipped
