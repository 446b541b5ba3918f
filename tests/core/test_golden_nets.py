"""Every recorded net: the same outputs, loss and gradients as BVLC Caffe, forward and backward
through many layers."""

import golden
import pytest
from goodinit.netlib.engines.fast import native

CASES = golden.find('nets/*.npz')
# (rtol, atol) of the README's table, for outputs and for gradients.
LIMITS = {False: (5e-5, 1e-6), True: (2e-4, 1e-6)}
# Two numbers under a maximum of this net differ by less than the products of a matrix unit err. If
# the other one wins, its gradient goes elsewhere.
TIED = {'nets/cifar10_full_sigmoid_bn'}


@pytest.mark.parametrize('name', CASES)
def test_recorded_net(name, engine):
    kernels = getattr(getattr(engine, 'inner', engine), 'kernels', None)
    if name in TIED and getattr(kernels, 'isa', None) in native.EXTENDED:
        pytest.skip('a maximum over numbers that a matrix unit does not tell apart')
    for key, ours, recorded in golden.replay(CASES[name], engine):
        golden.assert_close(key, ours, recorded, *LIMITS[golden.is_gradient(key)])
