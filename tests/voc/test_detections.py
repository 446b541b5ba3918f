"""Which detections are kept and which are right, beside loops over single boxes."""

import numpy as np
import pytest
from goodinit.voc.detections import Detections, average_precisions, class_precision
from goodinit.voc.devkit import Box, Photograph
from goodinit.voc.finder import Scored
from plain_boxes import overlap_of

CAR, DOG = 6, 11


def picture(*objects):
    """A photograph of objects: label, box, whether it is difficult."""
    boxes = [Box(label, *box, difficult, False) for label, box, difficult in objects]
    return Photograph('name', None, 200, 200, tuple(boxes))


def plain_precision(rows, photographs, label):
    """VOC 2007's evaluation, written from its definition: one box after another, one recall after
    another."""
    left = {}
    positives = 0
    for image, photograph in enumerate(photographs):
        left[image] = [box for box in photograph.boxes if box.label == label]
        positives += sum(not box.difficult for box in left[image])
    found, right, wrong, curve = set(), 0, 0, []
    for image, _, *box in sorted(rows.tolist(), key=lambda row: -row[1]):
        shared = [overlap_of(box, each[1:5]) for each in left[image]]
        best = max(range(len(shared)), key=shared.__getitem__, default=None)
        if best is not None and shared[best] >= 0.5:
            if left[image][best].difficult:
                continue
            if (image, best) not in found:
                found.add((image, best))
                right += 1
            else:
                wrong += 1
        else:
            wrong += 1
        curve.append((right / positives, right / (right + wrong)))
    total = 0
    for tenth in range(11):
        reached = [precision for recall, precision in curve if recall >= tenth / 10 - 1e-12]
        total += max(reached, default=0)
    return total / 11


def rows_of(*found):
    """image, score, box."""
    return np.array([[image, score, *box] for image, score, box in found], float).reshape(-1, 6)


ONE = (10, 10, 49, 49)
NEAR = (12, 12, 49, 49)
FAR = (100, 100, 149, 149)
CASES = {
    'found': ([picture((CAR, ONE, False))], rows_of((0, 0.9, NEAR)), 1.0),
    'missed': ([picture((CAR, ONE, False))], rows_of((0, 0.9, FAR)), 0.0),
    'nothing said': ([picture((CAR, ONE, False))], rows_of(), 0.0),
    'found twice': (
        [picture((CAR, ONE, False), (CAR, FAR, False))],
        rows_of((0, 0.9, ONE), (0, 0.8, NEAR), (0, 0.7, FAR)),
        (6 + 5 * 2 / 3) / 11,
    ),
    'wrong first': ([picture((CAR, ONE, False))], rows_of((0, 0.9, FAR), (0, 0.8, ONE)), 0.5),
    'difficult is neither': (
        [picture((CAR, ONE, True), (CAR, FAR, False))],
        rows_of((0, 0.9, ONE), (0, 0.8, NEAR), (0, 0.7, FAR)),
        1.0,
    ),
    'of two images': (
        [picture((CAR, ONE, False)), picture((CAR, ONE, False))],
        rows_of((1, 0.9, ONE), (1, 0.8, FAR), (0, 0.3, FAR)),
        6 / 11,
    ),
    'half overlaps are right': (
        [picture((CAR, (0, 0, 19, 9), False))],
        rows_of((0, 0.9, (0, 0, 9, 9))),
        1.0,
    ),
    'less are wrong': (
        [picture((CAR, (0, 0, 20, 9), False))],
        rows_of((0, 0.9, (0, 0, 9, 9))),
        0.0,
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_average_precision_of_cases_made_by_hand(name):
    photographs, rows, wanted = CASES[name]
    assert class_precision(rows, photographs, CAR) == pytest.approx(wanted)
    assert plain_precision(rows, photographs, CAR) == pytest.approx(wanted)


def test_of_a_class_without_objects_there_is_none():
    only = picture((CAR, ONE, True))
    assert np.isnan(class_precision(rows_of((0, 0.9, ONE)), [only], CAR))
    assert np.isnan(class_precision(rows_of(), [only], DOG))


def random_boxes(rng, count):
    corner = rng.integers(0, 100, (count, 2))
    return np.concatenate([corner, corner + rng.integers(5, 60, (count, 2))], 1)


@pytest.mark.parametrize('seed', range(5))
def test_average_precision_of_random_boxes(seed):
    rng = np.random.default_rng(seed)
    photographs, rows = [], []
    for image in range(6):
        objects = [(CAR, tuple(box), bool(rng.random() < 0.2)) for box in random_boxes(rng, 3)]
        photographs.append(picture(*objects))
        near = np.array([box for _, box, _ in objects]) + rng.integers(-4, 5, (3, 4))
        for box in [*near, *random_boxes(rng, 4)]:
            rows.append((image, rng.random(), box))
    found = rows_of(*rows)
    found = found[np.argsort(-found[:, 1])]
    ours = class_precision(found, photographs, CAR)
    assert ours == pytest.approx(plain_precision(found, photographs, CAR))
    assert 0 < ours < 1


# -- what is kept


def scored(rng, regions, classes=2):
    boxes = np.stack([random_boxes(rng, regions) for _ in range(classes)], 1)
    return Scored(rng.permutation(regions * classes).reshape(-1, classes) / 1000, boxes)


def plain_kept(images, label, most, average):
    """The rows of a class, by loops."""
    rows = []
    for image, each in enumerate(images):
        own = zip(each.scores[:, label], each.boxes[:, label].tolist(), strict=True)
        best = sorted(own, key=lambda pair: -pair[0])[:most]
        rows += [(image, score, box) for score, box in best]
    rows = sorted(rows, key=lambda row: -row[1])[: average * len(images)]
    kept = []
    for image, score, box in rows:
        above = [other for at, _, other in kept if at == image]
        if all(overlap_of(box, other) <= 0.3 for other in above):
            kept.append((image, score, box))
    return kept


@pytest.mark.parametrize('seed', range(3))
def test_the_best_are_kept_and_near_ones_suppressed(seed):
    rng = np.random.default_rng(seed)
    images = [scored(rng, 30) for _ in range(4)]
    detections = Detections(most=12, average=7, classes=2)
    for each in images:
        detections.add(each)
    for label in (0, 1):
        wanted = rows_of(*plain_kept(images, label, 12, 7))
        assert detections.of_class(label) == pytest.approx(wanted)


def test_images_without_regions_count():
    detections = Detections()
    detections.add(Scored(np.zeros((0, 20)), np.zeros((0, 20, 4))))
    assert detections.of_class(0).shape == (0, 6)
    precisions = average_precisions(detections, [picture((CAR, ONE, False))])
    assert precisions[CAR] == 0 and np.isnan(np.delete(precisions, CAR)).all()
