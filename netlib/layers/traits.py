"""Promises of a layer type that the net, its plan and the initializers rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PASSES = ('forward', 'backward')


@dataclass(frozen=True)
class Traits:
    """Facts about a layer, each False by default.

    A class declares them. If they depend on fields, a layer replaces its own in `setup`
    (`self.traits = replace(self.traits, ...)`). They do not change after that.
    """

    # What backward needs, and which memory it may use.
    in_place: bool = False  # a top may be its bottom
    reads_top: bool = False  # backward reads the tops, which an in-place layer would overwrite
    keeps_input: bool = False  # in place, it keeps a copy of its input for backward
    keeps_output: bool = False  # backward reads what forward wrote, if the workspace kept it
    passes_diff: int | None = None  # this bottom's diff may be written over that of top 0

    # Of PASSES, those that ask for the same ops on the same tensors each time, if shapes stay.
    repeats: tuple[str, ...] = ()

    # What one pass over memory can do together.
    can_rectify: bool = False  # forward(..., rectify=True) ends with y = max(y, 0)
    can_rectify_back: bool = False  # backward(..., rectify=True) begins with dy = 0 where y = 0
    is_rectifier: bool = False  # y = max(x, 0), and nothing else
    can_apply: bool = False  # forward and backward (..., affine) also compute such a layer above
    is_affine: bool = False  # y = s x + b per channel (axis 1), with its params s and, if any, b
    can_scale: bool = False  # forward(..., scale, shift) computes scale x (its y without b) + shift
    by_channel: bool = False  # y = s x + t per channel (axis 1); `compose` applies s and t

    # For the initializers, and for what feeds them.
    indices: tuple[int, ...] = ()  # bottoms of indices or flags, which no weight multiplies
    starts: tuple[int, ...] = ()  # of these, the flags that are 0 where a sequence starts
    regions: tuple[int, ...] = ()  # of these, the regions of images: index, x1, y1, x2, y2
    moves: bool = False  # its tops hold the numbers of its bottoms, only moved
    per_unit: bool = False  # each unit of the top depends on the same unit of the bottom
    by_sample: bool = False  # each sample (axis 0) of the tops depends on that of the bottoms alone
    answers: bool = False  # turns scores into an answer, as a loss does
    linear_in: tuple[int, ...] = ()  # y is linear in these params together: s and b of s x + b
    shift: int | None = None  # this param is added: without it, f(c x) = c f(x)
    draws: bool = False  # draws random numbers, so each pass gives a different result
    bounds: tuple[float, float] | None = None  # y lies between these, and is flat near them


Kind = Literal['fixed', 'equal', 'product', 'free', 'affine']
Channels = Literal['mixed', 'kept', 'blocks']


@dataclass(frozen=True)
class Scaling:
    """How the scale of a layer's tops follows that of its bottoms.

    This says which scales between-layer initialization may change without changing the net.

    kind      'fixed'     all blobs keep their scale
              'equal'     f(c x) = c f(x)
              'product'   the scale of the top is the product of the bottoms', to the power `degree`
              'free'      f(c x) = f(x)
              'affine'    the parameters can compensate for any change
    nearly    the rule holds only approximately, because of a small constant
    channels  whether the rule holds for parts of the channels (axis 1), each with its own c
              'mixed'     no: a channel of a top may depend on all channels of the bottoms
              'kept'      yes: it depends on the same share of their channels, which stay in order
              'blocks'    yes: the bottoms are put side by side, then cut into the tops
    ignores   bottoms of which the tops do not depend on the scale (only on a shape, or on indices)
    """

    kind: Kind = 'fixed'
    degree: float = 1.0
    nearly: bool = False
    channels: Channels = 'mixed'
    ignores: tuple[int, ...] = ()


FIXED, EQUAL, PRODUCT, FREE, AFFINE = (
    Scaling('fixed'),
    Scaling('equal'),
    Scaling('product'),
    Scaling('free'),
    Scaling('affine'),
)
EQUAL_BY_CHANNEL = Scaling('equal', channels='kept')
PRODUCT_BY_CHANNEL = Scaling('product', channels='kept')
