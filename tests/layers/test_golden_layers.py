"""Every recorded layer case: the same outputs, parameters and gradients as BVLC Caffe."""

import golden
import numpy as np
import pytest
from goodinit.netlib.errors import LayerError

CASES = golden.find('layers/*/*.npz')
# What Caffe does there is a defect; ours is right where it differs.
DIFFERENT = {
    'layers/Clip/inplace_overwritten_input': {
        'bottom_diff/x',
        'blob_diff/x',
    },  # a gradient at the overwritten input
}
# The right answer is infinite or NaN, which the checked engine takes for a mistake.
NOT_FINITE = {
    'layers/Pooling/ave_stride_gt_kernel_empty_window',  # the average of nothing
}


@pytest.mark.filterwarnings('ignore:BatchNorm layers l have no statistics')
@pytest.mark.parametrize('name', CASES)
def test_recorded_layer(name, engine):
    path = CASES[name]
    if name in NOT_FINITE and engine.name.startswith('checked'):
        with pytest.raises(LayerError, match=r'computed .* from finite numbers'):
            list(golden.replay(path, engine))
        return
    limits = {
        gradient: golden.tolerance(golden.net_of(path), gradient) for gradient in (False, True)
    }
    for key, ours, recorded in golden.replay(path, engine):
        if key in DIFFERENT.get(name, ()):
            assert not np.allclose(ours, recorded), (
                f'{key} is as Caffe has it: take it out of DIFFERENT'
            )
        else:
            golden.assert_close(key, ours, recorded, *limits[golden.is_gradient(key)])
