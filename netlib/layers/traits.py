"""What a layer type promises beyond what it computes: the net, its plan and the initializers rely
on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Traits:
    """Facts about a layer, each False unless the layer says otherwise.

    A class declares them; a layer whose fields decide replaces its own in `setup`
    (`self.traits = replace(self.traits, ...)`), and they do not change after that.
    """

    # What backward needs, and which memory it may use.
    in_place: bool = False  # a top may be its bottom
    reads_top: bool = False  # backward reads the tops, which a layer in place would overwrite
    keeps_input: bool = False  # in place, it keeps a copy of its input for backward
    keeps_output: bool = False  # backward reads what forward wrote, if the workspace kept it
    passes_diff: int | None = None  # the bottom whose diff may be written over that of top 0

    # What one pass over memory can do together.
    can_rectify: bool = False  # forward(..., rectify=True) ends with y = max(y, 0)
    is_rectifier: bool = False  # y = max(x, 0), and nothing else
    can_scale: bool = False  # forward(..., scale, shift) computes scale x (its y without b) + shift
    by_channel: bool = False  # y = s x + t per channel (axis 1); `compose` applies s and t

    # What the initializers ask.
    per_unit: bool = False  # what a unit of the top tells is about the same unit of the bottom
    answers: bool = False  # turns scores into an answer, as a loss does
    draws: bool = False  # computes something else each time


Kind = Literal['fixed', 'equal', 'product', 'free', 'affine']


@dataclass(frozen=True)
class Scaling:
    """How the scale of a layer's tops follows that of its bottoms.

    It says what between-layer initialization may change without changing the net's function.

    kind    'fixed'     all blobs keep their scale
            'equal'     f(c x) = c f(x)
            'product'   the scale of the top is the product of the bottoms', to the power `degree`
            'free'      f(c x) = f(x)
            'affine'    the parameters can take up any change
    nearly  it holds only nearly: a small constant is in the way
    """

    kind: Kind = 'fixed'
    degree: float = 1.0
    nearly: bool = False


FIXED, EQUAL, PRODUCT, FREE, AFFINE = (
    Scaling('fixed'),
    Scaling('equal'),
    Scaling('product'),
    Scaling('free'),
    Scaling('affine'),
)
