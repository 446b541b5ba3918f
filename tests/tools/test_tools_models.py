"""The bundled models: which there are, and copies that may be changed."""

import pytest
from goodinit.feeding.bundled import MODELS, model_names
from goodinit.feeding.net_file import read_net_file
from goodinit.proto import read_text
from goodinit.tools.models import main
from toolkit import fails


def test_a_copy_has_the_models_files(tmp_path, capsys):
    folder = tmp_path / 'my' / 'net'
    assert main(['fitnet4/relu', '--copy', str(folder)]) == 0
    names = ['deploy.prototxt', 'solver.prototxt', 'train_val.prototxt']
    assert sorted(path.name for path in folder.iterdir()) == names
    said = capsys.readouterr().err
    assert said.startswith(f'copied fitnet4/relu to {folder}: {", ".join(names)}\n')
    assert f'goodinit init {folder}/train_val.prototxt initializes it' in said
    assert f'goodinit train {folder}/solver.prototxt --digits trains it' in said


@pytest.mark.parametrize('name', model_names())
def test_the_solver_of_a_copy_trains_the_copy(name, tmp_path, monkeypatch):
    """From whatever folder, and without a word of the generator, which does not write it again."""
    main([name, '--copy', str(tmp_path / 'copy')])
    monkeypatch.chdir(tmp_path)
    assert read_net_file('copy/solver.prototxt').path.samefile('copy/train_val.prototxt')
    for path in (tmp_path / 'copy').iterdir():
        assert 'goodinit.zoo' not in read_text(path)


def test_a_copy_overwrites_only_if_told_to(tmp_path, capsys):
    (tmp_path / 'deploy.prototxt').write_text('mine')
    said = fails(main, ['lenet', '--copy', tmp_path], capsys)
    assert said.endswith(
        'deploy.prototxt: already exists (use --force to overwrite, or another folder)\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ['deploy.prototxt']
    assert main(['lenet', '--copy', str(tmp_path), '--force']) == 0
    original = (MODELS / 'lenet/deploy.prototxt').read_text()
    assert (tmp_path / 'deploy.prototxt').read_text().splitlines()[1:] == original.splitlines()[2:]


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['lene', '--copy', 'x'], "'lene' is neither a file nor a bundled model; did you mean"),
        (['fitnet4', '--copy', 'x'], "the bundled model 'fitnet4' comes in variants: fitnet4/bn_"),
        (['--copy', 'x'], "'' is neither a file nor a bundled model"),
        (['lenet', '--force'], '--force: found without --copy, which names the folder'),
        (['lenett'], "no bundled model has 'lenett' in its name; did you mean 'lenet'?"),
    ],
)
def test_mistakes(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert message in fails(main, arguments, capsys)
    assert list(tmp_path.iterdir()) == []
