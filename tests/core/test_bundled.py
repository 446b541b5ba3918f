"""Bundled models found by name."""

import re

import pytest
from goodinit.feeding import bundled
from goodinit.feeding.bundled import MODELS, find_model, model_names
from goodinit.netlib.errors import GoodinitError

FOUND = [
    (('lenet',), 'lenet/train_val'),
    (('fitnet4/relu',), 'fitnet4/relu/train_val'),
    (('lenet/deploy',), 'lenet/deploy'),
    (('lenet', 'deploy'), 'lenet/deploy'),
    (('caffenet', 'solver'), 'caffenet/solver'),
    (('caffenet/no_lrn/solver',), 'caffenet/no_lrn/solver'),
    (('lenet/train_val', 'deploy'), 'lenet/train_val'),
    (('models/unet/reflect/train_val.prototxt',), 'unet/reflect/train_val'),
    (('models/vgg16',), 'vgg16/train_val'),
]


@pytest.mark.parametrize(('arguments', 'file'), FOUND)
def test_found_from_any_directory(arguments, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(*arguments) == MODELS / f'{file}.prototxt'


def test_an_existing_file_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lenet').write_text('name: "mine"')
    assert find_model('lenet').read_text() == 'name: "mine"'
    assert find_model(tmp_path / 'lenet', 'solver') == tmp_path / 'lenet'


def test_a_model_without_train_val_gives_its_deploy(tmp_path, monkeypatch):
    (tmp_path / 'small').mkdir()
    (tmp_path / 'small' / 'deploy.prototxt').touch()
    monkeypatch.setattr(bundled, 'MODELS', tmp_path)
    assert find_model('small') == tmp_path / 'small' / 'deploy.prototxt'
    with pytest.raises(
        GoodinitError, match="the bundled model 'small' has no solver; it has deploy"
    ):
        find_model('small', 'solver')


ERRORS = [
    (
        'lenett',
        "'lenett' is neither a file nor a bundled model; did you mean 'lenet'? "
        '(`goodinit models` lists them)',
    ),
    (
        'fitnet4/rely',
        "'fitnet4/rely' is neither a file nor a bundled model; did you mean 'fitnet4/relu'?",
    ),
    ('lenet/solver.prototext', "'lenet/solver.prototext' is neither a file nor a bundled model"),
    ('/no/such.prototxt', "'/no/such.prototxt' is neither a file nor a bundled model ("),
    ('', "'' is neither a file nor a bundled model"),
    ('fitnet_mnist', "'fitnet_mnist' comes in variants: fitnet_mnist/hinge, fitnet_mnist/softmax"),
]


@pytest.mark.parametrize(('name', 'message'), ERRORS)
def test_errors(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GoodinitError, match=re.escape(message)):
        find_model(name)


def test_the_list():
    assert model_names() == sorted(model_names())
    assert {'lenet', 'fitnet4/bn_after_tanh', 'unet/reflect'} <= set(model_names())
