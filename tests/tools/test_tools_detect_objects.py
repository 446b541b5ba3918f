"""goodinit detect --draw and --json: objects in images by a Fast R-CNN."""

import shutil

import numpy as np
import pytest
from goodinit.feeding.filled_net import Net
from goodinit.tools import detect
from goodinit.voc.classes import CLASSES
from goodinit.voc.devkit import open_devkit
from goodinit.voc.finder import open_finder
from mini_devkit import MINI
from PIL import Image
from small_fast_rcnn import deploy, known_regions, need_search, train_val, written
from toolkit import fails, json_of

TEST = open_devkit(MINI).photographs('test')


@pytest.fixture
def given(tmp_path):
    """The arguments of every run, except the images."""
    regions = known_regions(tmp_path)
    net = Net(train_val(regions), 'train', seed=3)
    net.save(tmp_path / 'w.caffemodel')
    return [
        *('--model_def', written(tmp_path, deploy(), 'deploy.prototxt')),
        *('--pretrained_model', str(tmp_path / 'w.caffemodel')),
        *('--regions', str(regions), '--scale', '48', '--least', '0.06'),
    ]


def test_json_is_what_the_finder_finds(tmp_path, given, capsys):
    paths = [str(each.path) for each in TEST[:2]]
    said = json_of(detect.main, ['--json', *paths, *given], capsys)
    finder, _ = open_finder(given[1], given[3], scale=48)
    assert [each['image'] for each in said] == paths
    with np.load(tmp_path / 'regions.npz') as regions:
        for photograph, each in zip(TEST, said, strict=False):
            found = finder.find(photograph.pixels(), regions[photograph.name], 0.06)
            assert len(found) == len(each['objects']) > 0
            for ours, told in zip(found, each['objects'], strict=True):
                assert told['name'] == CLASSES[ours.label]
                assert told['score'] == pytest.approx(ours.score, abs=1e-4)
                assert told['box'] == pytest.approx(ours.box, abs=0.06)


def test_pictures_of_a_folder(tmp_path, given, capsys):
    (tmp_path / 'in').mkdir()
    for each in TEST:
        shutil.copy(each.path, tmp_path / 'in')
    arguments = [f'--draw={tmp_path / "out"}', str(tmp_path / 'in'), *given]
    assert detect.main(arguments) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(TEST) and told[0].endswith(f'drawn in {tmp_path}/out/000009.png')
    for each in TEST:
        picture = Image.open(tmp_path / 'out' / f'{each.name}.png')
        assert picture.size == (each.width, each.height)
        assert (np.asarray(picture) != np.asarray(Image.open(each.path))).any()
    message = fails(detect.main, arguments, capsys)
    assert 'out/000009.png: already exists (use --force to overwrite' in message
    assert detect.main([*arguments, '--force']) == 0


def test_selective_search_is_the_default(given, capsys):
    need_search()
    rest = [*given[:4], *given[6:], '--least', '0', '--scale', '48']
    said = json_of(detect.main, ['--json', str(TEST[0].path), *rest], capsys)
    assert len(said[0]['objects']) >= 20


def test_names_of_other_classes(tmp_path, given, capsys):
    names = tmp_path / 'names.txt'
    names.write_text('\n'.join(f'thing {i}' for i in range(20)))
    arguments = ['--json', str(TEST[0].path), *given, '--names', str(names)]
    said = json_of(detect.main, arguments, capsys)
    assert said[0]['objects'][0]['name'].startswith('thing ')
    names.write_text('one\ntwo\n')
    message = fails(detect.main, arguments, capsys)
    assert 'found 2 names of classes, needed: 20, as many as the net has' in message
    arguments[-1] = str(tmp_path / 'none.txt')
    assert 'none.txt: cannot be read' in fails(detect.main, arguments, capsys)


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (['--mean', '1,2'], "found '1,2', needed: three numbers, such as 104,117,123"),
        (['--regions', 'none.npz'], 'none.npz'),
        (['--pretrained_model', 'none.caffemodel'], 'none.caffemodel'),
        (['--model_def', 'lenet/deploy'], 'needed: a Fast R-CNN with the blobs'),
    ],
)
def test_mistakes(given, changed, message, capsys):
    assert message in fails(detect.main, ['--json', str(TEST[0].path), *given, *changed], capsys)


def test_folders_and_files_that_do_not_do(tmp_path, given, capsys):
    (tmp_path / 'empty').mkdir()
    message = fails(detect.main, ['--json', str(tmp_path / 'empty'), *given], capsys)
    assert 'empty: found no images in it' in message
    image = str(TEST[0].path)
    message = fails(detect.main, ['--draw', image, image, *given], capsys)
    assert 'found a file, needed: a folder' in message
    message = fails(detect.main, ['--json', 'none.jpg', *given], capsys)
    assert 'none.jpg: no such file' in message
    message = fails(detect.main, ['--draw', str(tmp_path), image, image, *given], capsys)
    assert 'another image is drawn in' in message


def test_the_help_of_both(capsys):
    for flag in ([], ['--json']):
        with pytest.raises(SystemExit):
            detect.main([*flag, '--help'])
    text = capsys.readouterr().out
    assert 'INPUT OUTPUT' in text and 'IMAGE [IMAGE ...]' in text
    assert '--draw FOLDER' in text
