"""Labels that are no class: void pixels of nets whose layers do not ignore them all."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import parse_net

LAYERS = {
    'Accuracy': 'accuracy_param',
    'SoftmaxWithLoss': 'loss_param',
    'InfogainLoss': 'loss_param',
}


def net_of(kind, fields=''):
    """A net of 3 classes on 4 places of which the last is void, class 3."""
    H = 'bottom: "H"' if kind == 'InfogainLoss' else ''
    net = Net(
        parse_net(f"""
        layer {{ name: "in" type: "Input" top: "score" top: "label" top: "H" input_param {{
          shape {{ dim: 1 dim: 3 dim: 1 dim: 4 }} shape {{ dim: 1 dim: 1 dim: 1 dim: 4 }}
          shape {{ dim: 3 dim: 3 }} }} }}
        layer {{ name: "a" type: "{kind}" bottom: "score" bottom: "label" {H} top: "a" {fields} }}
        """)
    )
    net.blobs['score'].data = np.eye(3, 4).reshape(1, 3, 1, 4)
    net.blobs['label'].data = np.arange(4).reshape(1, 1, 1, 4)
    net.blobs['H'].data = np.eye(3)
    return net


@pytest.mark.parametrize('kind', LAYERS)
def test_the_error_names_the_field_that_leaves_a_label_out(kind):
    message = (
        rf"layer 'a' \({kind}\).*: found the label 3: labels must be in 0 .. 2, since the scores "
        rf'have 3 classes; {LAYERS[kind]} \{{ ignore_label: 3 \}} leaves it out'
    )
    with pytest.raises(NetError, match=message):
        net_of(kind).forward()
    with pytest.raises(NetError, match=r'have 3 classes$'):
        net_of(kind, f'{LAYERS[kind]} {{ ignore_label: 0 }}').forward()


@pytest.mark.parametrize('kind', LAYERS)
def test_followed_once_it_ends(kind):
    net = net_of(kind, f'{LAYERS[kind]} {{ ignore_label: 3 }}')
    net.forward()
    if kind == 'Accuracy':
        assert net.blobs['a'].data == 1
