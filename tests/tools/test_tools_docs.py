"""What the documentation says of commands is so: each is there, with its options."""

import re

import places
import pytest
from goodinit.tools.cli.main import COMMANDS, main

ROOT = places.ROOT
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
EXAMPLES = sorted(
    {
        (page.name, found[1], found[2])
        for page in PAGES
        for found in re.finditer(
            r'goodinit (\w+)((?: [^`|#\n:]+)?)', page.read_text(encoding='utf-8')
        )
        if '-' in found[2] and found[1] != 'COMMAND'
    }
)


def test_every_command_is_documented():
    text = (ROOT / 'docs' / 'tools.md').read_text(encoding='utf-8')
    assert [name for name in COMMANDS if f'| `{name}` |' not in text] == []
    assert set(re.findall(r'^\| `(\w+)` \|', text, re.M)) == set(COMMANDS)


@pytest.mark.parametrize(('page', 'command', 'rest'), EXAMPLES)
def test_examples(page, command, rest, capsys):
    with pytest.raises(SystemExit):
        main([command, '--help'])
    text = capsys.readouterr().out
    for option in re.findall(r'(?<=\s)--?[a-z][\w-]*', rest):
        assert re.search(rf'(?<![\w-]){option}(?![\w-])', text), (
            f'{page}: goodinit {command} has no {option}'
        )


@pytest.mark.parametrize('command', COMMANDS)
def test_help(command, capsys):
    """It begins with what to type, and no line is wider than a terminal."""
    with pytest.raises(SystemExit) as ended:
        main([command, '--help'])
    text = capsys.readouterr().out
    assert (
        ended.value.code == 0
        and text.startswith(f'usage: goodinit {command}')
        and f'goodinit {command} ' in text
    )
    assert max(map(len, text.splitlines())) <= 100
