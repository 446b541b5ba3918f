"""Examples and their targets beside loops over single regions."""

import numpy as np
import pytest
from goodinit.netlib.errors import DataError
from goodinit.voc.devkit import open_devkit
from goodinit.voc.targets import code_statistics, examples_of
from mini_devkit import MINI
from plain_boxes import code_of, overlap_of
from small_fast_rcnn import known_regions

PHOTOGRAPHS = open_devkit(MINI).photographs('trainval')


@pytest.fixture
def examples(tmp_path):
    with np.load(known_regions(tmp_path)) as known:
        return [examples_of(each, known[each.name]) for each in PHOTOGRAPHS]


def test_each_region_has_the_object_that_it_overlaps_most(examples):
    for photograph, found in zip(PHOTOGRAPHS, examples, strict=True):
        objects = [box for box in photograph.boxes if not box.difficult]
        for region, overlap, label, codes in zip(*found, strict=True):
            shared = [overlap_of(region, box[1:5]) for box in objects]
            best = int(np.argmax(shared))
            assert overlap == pytest.approx(shared[best], abs=1e-6)
            assert label == objects[best].label + 1
            wanted = code_of(region, objects[best][1:5]) if overlap >= 0.5 else [0] * 4
            assert codes == pytest.approx(wanted, abs=1e-5)


def test_the_boxes_of_objects_are_examples_but_not_difficult_ones(examples):
    found = examples[3]  # a bottle, and a difficult monitor
    assert found.boxes[0].tolist() == [49, 19, 65, 79] and found.overlap[0] == 1
    assert set(found.labels.tolist()) == {5}


def test_without_objects_all_is_background():
    photograph = PHOTOGRAPHS[0]._replace(boxes=())
    found = examples_of(photograph, np.array([[0, 0, 9, 9]]))
    assert found.overlap.tolist() == [0] and found.codes.tolist() == [[0] * 4]


def test_statistics_are_those_of_the_set_and_its_mirror_images(examples):
    by_label = {label: [] for label in range(21)}
    for found in examples:
        for codes, overlap, label in zip(found.codes, found.overlap, found.labels, strict=True):
            if overlap >= 0.5:
                by_label[label] += [codes, codes * [-1, 1, 1, 1]]
    means, deviations = code_statistics(examples)
    for label, codes in by_label.items():
        if len(codes) > 2:
            assert means[label] == pytest.approx(np.mean(codes, 0), abs=1e-5)
            assert deviations[label] == pytest.approx(np.std(codes, 0), abs=1e-4)
        elif not codes:
            assert means[label].tolist() == [0] * 4 and deviations[label].tolist() == [1] * 4


def test_without_regions_too_there_is_no_example():
    with pytest.raises(DataError, match=r'000001\.jpg: found no regions and no objects except'):
        examples_of(PHOTOGRAPHS[0]._replace(boxes=()), np.zeros((0, 4)))
