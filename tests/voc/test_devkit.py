"""The reader of VOC's devkit: photographs, boxes, and what is wrong with either."""

import re
import shutil

import numpy as np
import pytest
from goodinit.netlib.errors import DataError
from goodinit.voc.annotation import LARGEST_FILE
from goodinit.voc.classes import CLASSES
from goodinit.voc.devkit import Box, open_devkit
from mini_devkit import MINI, PICTURES, SPLITS, YEAR
from places import DATA

OBJECT = (
    '<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{xmin}</xmin>'
    '<ymin>20</ymin><xmax>{xmax}</xmax><ymax>40</ymax></bndbox></object>'
)
GOOD = {'name': 'car', 'difficult': 0, 'xmin': 10, 'xmax': 30}
SIZE = '<size><width>112</width><height>96</height></size>'


@pytest.fixture
def copy(tmp_path):
    """A devkit to be damaged."""
    shutil.copytree(YEAR, tmp_path / 'VOC2007')
    return tmp_path


def annotate(copy, text):
    (copy / 'VOC2007' / 'Annotations' / '000001.xml').write_text(text)


def refused(copy, words, split='train'):
    with pytest.raises(DataError, match=words):
        open_devkit(copy).photographs(split)


@pytest.mark.parametrize('folder', [MINI.parent, MINI, YEAR])
def test_a_devkit_is_found_from_any_of_its_folders(folder):
    assert open_devkit(folder).folder == YEAR


@pytest.mark.parametrize('split', SPLITS)
def test_photographs_are_those_of_the_split_with_boxes_from_zero(split):
    found = open_devkit(MINI).photographs(split)
    for photograph, number in zip(found, SPLITS[split], strict=True):
        assert photograph.name == f'{number:06}'
        expected = []
        for name, edges, difficult, truncated in PICTURES[number - 1]:
            corners = (edge - 1 for edge in edges)
            expected.append(Box(CLASSES.index(name), *corners, difficult, truncated))
        assert list(photograph.boxes) == expected


def test_pixels_are_blue_green_red_in_the_size_of_the_annotation():
    photograph = open_devkit(MINI).photographs('trainval')[0]
    pixels = photograph.pixels()
    assert pixels.shape == (3, photograph.height, photograph.width)
    car = pixels[:, 60, 50]
    np.testing.assert_allclose(car, [0x30, 0x30, 0xB0], atol=12)


def test_pixels_of_another_size_are_refused(copy):
    annotate(copy, f'<annotation>{SIZE}</annotation>'.replace('112', '200'))
    photograph = open_devkit(copy).photographs('train')[0]
    with pytest.raises(DataError, match='is 112 x 96, its annotation says 200 x 96'):
        photograph.pixels()


def test_flags_may_be_missing_and_edges_have_fractions_as_in_later_years(copy):
    one = OBJECT.format(**GOOD | {'xmin': 10.5})
    one = one.replace('<difficult>0</difficult>', '<part><name>head</name></part>')
    annotate(copy, f'<annotation>{SIZE}{one}</annotation>')
    [box] = open_devkit(copy).photographs('train')[0].boxes
    assert box == Box(CLASSES.index('car'), 9.5, 19, 29, 39, difficult=False, truncated=False)


@pytest.mark.parametrize(
    'change, words',
    [
        ({'name': 'carr'}, "object 1: unknown class 'carr'; did you mean 'car'"),
        ({'difficult': 'no'}, "difficult: found 'no', needed: 0 or 1"),
        ({'xmin': 'left'}, "bndbox/xmin: found 'left', needed: a number"),
        ({'xmin': 'nan'}, "bndbox/xmin: found 'nan', needed: a number"),
        ({'xmin': 0}, r'\(car\): found the box 0, 20, 30, 40, needed: 1 <= xmin <= xmax <= 112'),
        ({'xmax': 113}, 'found the box 10, 20, 113, 40'),
        ({'xmax': 9}, 'found the box 10, 20, 9, 40'),
    ],
)
def test_an_object_that_makes_no_sense_is_refused(copy, change, words):
    one = OBJECT.format(**GOOD | change)
    annotate(copy, f'<annotation>{SIZE}{one}</annotation>')
    refused(copy, r'000001\.xml: object 1.*' + words.removeprefix('object 1'))


@pytest.mark.parametrize(
    'text, words',
    [
        ('<annotation>', 'cannot be read as XML'),
        ('<annotation></annotation>', 'has no size/width'),
        (f'<annotation>{SIZE}</annotation>'.replace('112', '0'), 'found 0, needed: pixels'),
        (f'<annotation>{SIZE}<object></object></annotation>', 'object 1: has no name'),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'declares a document type'),
        (' ' * (LARGEST_FILE + 1), f'is larger than {LARGEST_FILE} bytes'),
    ],
)
def test_an_annotation_that_is_none_is_refused(copy, text, words):
    annotate(copy, text)
    refused(copy, words)


def test_what_is_missing_is_named(copy):
    year = copy / 'VOC2007'
    lists = year / 'ImageSets' / 'Main'
    (year / 'Annotations' / '000002.xml').unlink()
    refused(copy, r'000002\.xml: no such annotation')
    (year / 'JPEGImages' / '000001.jpg').unlink()
    refused(copy, r'000001\.jpg: no such image; .*train\.txt:1 names it')
    (lists / 'val.txt').unlink()
    refused(copy, r'val\.txt: no such list; the folder has test, train, trainval', 'val')
    refused(copy, "split: found 'tset', needed: one of train, val, trainval, test", 'tset')


def test_an_annotation_that_is_a_folder_is_refused(copy):
    path = copy / 'VOC2007' / 'Annotations' / '000001.xml'
    path.unlink()
    path.mkdir()
    refused(copy, r'000001\.xml: cannot be read')


@pytest.mark.parametrize(
    'lines, words',
    [
        ('', r'train\.txt: is empty'),
        ('000001\n000001\n', r"train\.txt:2: '000001' again, first in .*train\.txt:1"),
        ('000001 1\n', r"train\.txt:1: found '000001 1', needed: the name of an image"),
        ('../000001\n', r"found '\.\./000001', needed"),
        ('\udcff\n', r'train\.txt: cannot be read'),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(copy, lines, words):
    path = copy / 'VOC2007' / 'ImageSets' / 'Main' / 'train.txt'
    path.write_text(lines, encoding='utf-8', errors='surrogateescape')
    refused(copy, words)


def test_a_folder_without_a_devkit_says_what_to_fetch(tmp_path):
    with pytest.raises(DataError, match='no such folder; needed: a VOCdevkit'):
        open_devkit(tmp_path / 'none')
    with pytest.raises(DataError, match=re.escape('has no VOC2007/ImageSets/Main (host.robots')):
        open_devkit(tmp_path)
    with pytest.raises(DataError, match='has no VOC2012/ImageSets/Main; it has the years 2007'):
        open_devkit(MINI, 2012)


@pytest.mark.skipif(not (DATA / 'VOCdevkit').is_dir(), reason='no VOCdevkit')
def test_presence_is_that_of_the_devkit_s_own_lists():
    from goodinit.voc.labels import labels_of

    devkit = open_devkit(DATA)
    photographs = devkit.photographs('test')
    labels = labels_of(photographs)
    meaning = {'1': 1, '-1': 0, '0': -1}
    for column, name in enumerate(CLASSES):
        path = devkit.folder / 'ImageSets' / 'Main' / f'{name}_test.txt'
        pairs = dict(line.split() for line in path.read_text().splitlines())
        expected = [meaning[pairs[each.name]] for each in photographs]
        assert labels[:, column].tolist() == expected
