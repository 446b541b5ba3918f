"""Gradients of every layer type by central differences, over random valid configurations of it."""

import dense_configurations  # noqa: F401 - registers its layers
import detection_configurations  # noqa: F401 - registers its layers
import numpy as np
import pooling_configurations  # noqa: F401 - registers its layers
import pytest
import shape_configurations  # noqa: F401 - registers its layers
import weight_configurations  # noqa: F401 - registers its layers
from configurations import configurations
from goodinit.netlib.engines import make_engine
from goodinit.netlib.registry import LAYERS
from gradcheck import TOLERANCE, check_gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_runs import TESTED_ELSEWHERE, run

CONFIGURATIONS = configurations()
# Enough for a mistake in one branch of a layer to show; the same ones in every run.
EXAMPLES = settings(max_examples=40, derandomize=True, deadline=None, database=None)

# Caffe's gradients of these leave out the small constant in a denominator (MVN: eps;
# ContrastiveLoss: 1e-4).
ROUGH = {'MVN': 1e-2, 'ContrastiveLoss': 1e-3}


def test_every_layer_type_has_random_configurations():
    assert LAYERS.keys() - CONFIGURATIONS.keys() == TESTED_ELSEWHERE


@pytest.mark.parametrize('type', CONFIGURATIONS)
@EXAMPLES
@given(data=st.data())
def test_gradients(type, data):
    check_gradients(data.draw(CONFIGURATIONS[type]), ROUGH.get(type, TOLERANCE))


@pytest.mark.parametrize('type', CONFIGURATIONS)
@EXAMPLES
@given(data=st.data())
def test_checked_and_plain_engines_agree(type, data):
    case = data.draw(CONFIGURATIONS[type])
    plain, checked = (
        run(case, case.net(make_engine(name, dtype=np.float64)))
        for name in ('reference', 'checked:reference')
    )
    assert plain.keys() == checked.keys()
    for name, array in plain.items():
        np.testing.assert_array_equal(array, checked[name], err_msg=name)
