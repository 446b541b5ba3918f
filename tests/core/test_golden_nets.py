"""Every recorded net: the same outputs, loss and gradients as BVLC Caffe, forward and backward
through many layers."""

import golden
import pytest

CASES = golden.find('nets/*.npz')
# (rtol, atol) of the README's table, for outputs and for gradients.
LIMITS = {False: (5e-5, 1e-6), True: (2e-4, 1e-6)}


@pytest.mark.parametrize('name', CASES)
def test_recorded_net(name, engine):
    for key, ours, recorded in golden.replay(CASES[name], engine):
        golden.assert_close(key, ours, recorded, *LIMITS[golden.is_gradient(key)])
