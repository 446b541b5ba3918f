"""A small net and its weights to convert."""

import pytest
from goodinit.tools.init_net import main as init
from toolkit import DEPLOY, train_val, written

TRANSFORM = 'scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3'


@pytest.fixture
def small(folder, capsys):
    """The current folder with a deploy and a train_val net and the weights of both."""
    written(folder, DEPLOY, 'deploy.prototxt')
    both = train_val(transform=TRANSFORM).replace('include { phase: TRAIN }', '')
    written(folder, both, 'train_val.prototxt')
    assert init(['--proto', 'deploy.prototxt', '--out', 'w.caffemodel', '--quiet']) == 0
    capsys.readouterr()
    return folder
