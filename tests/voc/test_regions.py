"""Regions by selective search, kept in a folder, and from files; what is wrong with either."""

import sys
from types import ModuleType

import numpy as np
import pytest
from goodinit.netlib.errors import GoodinitError
from goodinit.voc import regions as module
from goodinit.voc.devkit import open_devkit
from goodinit.voc.regions import SelectiveSearch, open_regions, search
from goodinit.voc.search_all import regions_of_all
from mini_devkit import MINI
from scipy.io import savemat
from small_fast_rcnn import need_search

PHOTOGRAPHS = open_devkit(MINI).photographs('trainval')
FIRST = PHOTOGRAPHS[0]
BOXES = np.array([[0, 1, 30, 40], [5, 6, 7, 8]], np.float32)


@pytest.fixture
def searches(monkeypatch):
    """Selective search that only counts its runs."""
    runs = []

    def found(pixels, mode):
        runs.append(mode)
        return BOXES.astype(np.int32)

    monkeypatch.setattr(module, 'search', found)
    return runs


def refused(where, words, photograph=FIRST):
    with pytest.raises(GoodinitError, match=words):
        open_regions(str(where))(photograph)


# -- selective search


def test_a_search_finds_the_car():
    need_search()
    found = search(FIRST.pixels())
    assert found.dtype == np.int32 and (found[:, :2] <= found[:, 2:]).all()
    assert (found >= 0).all() and (found < [112, 96, 112, 96]).all()
    car = np.array([19, 49, 89, 84])
    assert (abs(found - car) <= 8).all(1).any()


def test_a_search_gives_the_same_each_time():
    need_search()
    pixels = FIRST.pixels()
    assert (search(pixels) == search(pixels)).all()


def test_wide_images_are_searched_smaller():
    need_search()
    pixels = FIRST.pixels().repeat(8, axis=1).repeat(8, axis=2)
    found = search(pixels)
    assert found.max() > 800 and (found < [896, 768, 896, 768]).all()


def test_a_line_of_pixels_is_an_image():
    need_search()
    found = search(np.zeros((3, 1, 2000), np.uint8))
    assert found.tolist() == [[0, 0, 1999, 0]]


def test_what_is_found_is_kept(tmp_path, searches):
    for _ in range(2):
        assert (SelectiveSearch(cache=tmp_path)(FIRST) == BOXES).all()
    assert searches == ['fast']
    assert (tmp_path / 'fast' / '000001.npy').is_file()
    assert (open_regions(str(tmp_path))(FIRST) == BOXES).all()
    SelectiveSearch('quality', cache=tmp_path)(FIRST)
    SelectiveSearch()(FIRST)
    assert searches == ['fast', 'quality', 'fast']


def test_many_are_searched_and_kept_in_order(tmp_path, searches):
    found = regions_of_all(PHOTOGRAPHS, SelectiveSearch(cache=tmp_path))
    assert len(found) == len(PHOTOGRAPHS) == len(searches)
    kept = {path.stem for path in (tmp_path / 'fast').iterdir()}
    assert kept == {each.name for each in PHOTOGRAPHS}


def test_a_damaged_kept_file_says_how_to_go_on(tmp_path, searches):
    SelectiveSearch(cache=tmp_path)(FIRST)
    (tmp_path / 'fast' / '000001.npy').write_bytes(b'no array')
    refused(tmp_path, r'000001\.npy: .*: remove it to search again')


def test_an_unknown_mode_is_refused():
    with pytest.raises(GoodinitError, match="mode: found 'slow', needed: fast or quality"):
        SelectiveSearch('slow')


def test_opencv_without_extra_modules(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv2.ximgproc', None)
    with pytest.raises(GoodinitError, match=r"needs the package 'cv2'.*'goodinit\[regions\]'"):
        search(FIRST.pixels())
    # What is left of the folder after another package of OpenCV was installed over it.
    monkeypatch.setitem(sys.modules, 'cv2.ximgproc', ModuleType('cv2.ximgproc'))
    with pytest.raises(GoodinitError, match=r'has lost its extra modules.*--force-reinstall'):
        search(FIRST.pixels())


# -- files


def test_npz(tmp_path):
    np.savez(tmp_path / 'r.npz', **{'000001': BOXES})
    found = open_regions(str(tmp_path / 'r.npz'))
    assert (found(FIRST) == BOXES).all()
    with pytest.raises(GoodinitError, match=r"has no '000002' among its 1 photographs"):
        found(PHOTOGRAPHS[1])


def cells(values):
    """A cell array."""
    out = np.empty((1, len(values)), object)
    for i, value in enumerate(values):
        out[0, i] = value
    return out


def test_mat_counts_from_one_and_rows_come_first(tmp_path):
    matlab = BOXES[:, [1, 0, 3, 2]] + 1
    content = {'images': cells(['000003', '000001']), 'boxes': cells([BOXES[:0], matlab])}
    savemat(tmp_path / 'r.mat', content)
    assert (open_regions(str(tmp_path / 'r.mat'))(FIRST) == BOXES).all()


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({'images': cells(['a'])}, "has no 'boxes'; needed: images and boxes"),
        (
            {'images': cells(['a', 'b']), 'boxes': cells([BOXES])},
            'found 2 images and 1 boxes, needed: as many',
        ),
        ({'images': cells(['000001']), 'boxes': cells(['x'])}, r'needed: numbers \(R, 4\)'),
    ],
)
def test_a_mat_of_other_content(tmp_path, content, words):
    savemat(tmp_path / 'r.mat', content)
    refused(tmp_path / 'r.mat', words)


def test_a_mat_that_is_none(tmp_path):
    (tmp_path / 'r.mat').write_bytes(b'nothing' * 40)
    refused(tmp_path / 'r.mat', r'r\.mat: cannot be read')
    (tmp_path / 'new.mat').write_bytes(
        b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM' + b'x' * 99
    )
    refused(tmp_path / 'new.mat', r"is of version 7\.3; save it in MATLAB with '-v7'")
    refused(tmp_path / 'none.mat', r'none\.mat')


@pytest.mark.parametrize(
    ('boxes', 'words'),
    [
        (np.zeros((2, 5)), r'found float64 \(2, 5\), needed: numbers \(R, 4\)'),
        (np.array(['a']), r'found <U1 .*, needed: numbers \(R, 4\)'),
        (
            [[0, 0, 5, 5], [0, 0, 128, 5]],
            r'region 1 is \[0\.0, 0\.0, 128\.0, 5\.0\], needed: x1 y1',
        ),
        ([[9, 0, 5, 5]], r'region 0 is .* in an image of 112 x 96 pixels'),
        ([[np.nan, 0, 5, 5]], 'region 0 is'),
    ],
)
def test_boxes_that_are_no_regions(tmp_path, boxes, words):
    np.savez(tmp_path / 'r.npz', **{'000001': boxes})
    refused(tmp_path / 'r.npz', f"'000001': {words}")


def test_other_files(tmp_path):
    (tmp_path / 'r.npz').write_bytes(b'nothing')
    refused(tmp_path / 'r.npz', r'r\.npz: cannot be read')
    (tmp_path / 'r.txt').write_text('')
    refused(tmp_path / 'r.txt', r'found a file, needed: \.mat, \.npz, or a folder')
    objects = np.array([{}], object)
    np.savez(tmp_path / 'o.npz', **{'000001': objects})
    refused(tmp_path / 'o.npz', 'Python objects')
