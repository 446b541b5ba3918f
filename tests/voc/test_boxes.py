"""Boxes of pixels beside counting pixels, and beside loops over single boxes."""

import math

import numpy as np
import pytest
from goodinit.netlib.layers.host.shared.boxes import extents
from goodinit.voc.boxes import clip, corners, decode, encode, mirrored, overlaps, suppress
from goodinit.voc.devkit import Box

RNG = np.random.default_rng(0)
WIDTH, HEIGHT = 20, 15


def random_boxes(count):
    x = np.sort(RNG.integers(0, WIDTH, (count, 2)), axis=1)
    y = np.sort(RNG.integers(0, HEIGHT, (count, 2)), axis=1)
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1).astype(np.float32)


def pixels(box):
    x1, y1, x2, y2 = map(int, box)
    return {(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)}


def counted_overlap(one, other):
    ours, theirs = pixels(one), pixels(other)
    return len(ours & theirs) / len(ours | theirs)


def test_overlap_counts_pixels():
    regions, boxes = random_boxes(30), random_boxes(5)
    shared = overlaps(regions, boxes)
    for i, region in enumerate(regions):
        for j, box in enumerate(boxes):
            assert shared[i, j] == pytest.approx(counted_overlap(region, box))


def test_without_boxes_there_is_no_overlap():
    assert overlaps(random_boxes(3), np.zeros((0, 4))).shape == (3, 0)


def test_codes_are_those_of_the_paper():
    """R-CNN's equations 6 to 9, written out for one region."""
    region = np.array([[10, 20, 29, 59]], np.float32)  # 20 x 40 around (20, 40)
    box = np.array([[15, 20, 24, 99]], np.float32)  # 10 x 80 around (20, 60)
    wanted = [0, 20 / 40, math.log(10 / 20), math.log(80 / 40)]
    assert encode(box, region)[0] == pytest.approx(wanted)


def test_decode_undoes_encode():
    regions, boxes = random_boxes(50), random_boxes(50)
    assert decode(encode(boxes, regions), regions) == pytest.approx(boxes, abs=1e-4)


def test_a_mirrored_box_covers_the_mirrored_pixels():
    for box in random_boxes(10):
        flipped = mirrored(box, WIDTH)
        assert pixels(flipped) == {(WIDTH - 1 - x, y) for x, y in pixels(box)}
        assert (mirrored(flipped, WIDTH) == box).all()


def test_boxes_are_clipped_to_the_last_pixel():
    box = np.array([-3, 2, 50, 50])
    assert clip(box, WIDTH, HEIGHT).tolist() == [0, 2, WIDTH - 1, HEIGHT - 1]
    thin = np.array([3.5, 2, 3.2, 5])
    assert clip(thin, WIDTH, HEIGHT).tolist() == [3.5, 2, 3.5, 5]


def test_corners_and_extents():
    found = corners([Box(3, 1, 2, 3, 4, False, False)])
    assert found.tolist() == [[1, 2, 3, 4]]
    assert extents(found).tolist() == [[1, 2, 4, 5]]
    assert corners([]).shape == (0, 4)


def test_suppression_keeps_what_no_better_box_overlaps():
    boxes, scores = random_boxes(40), RNG.permutation(40)
    kept = []
    for i in sorted(range(40), key=lambda each: -scores[each]):
        if all(counted_overlap(boxes[i], boxes[j]) <= 0.3 for j in kept):
            kept.append(i)
    assert suppress(boxes, scores, 0.3).tolist() == kept
