"""goodinit imagenet: databases of tar files within tar files, or of folders; what is wrong with
either; and that nothing is left half-written."""

import io
import shutil
import tarfile

import numpy as np
import pytest
from goodinit.netlib.data.databases import open_database, read_datum
from goodinit.netlib.data.images import cover, decode_image, resize
from goodinit.proto.caffe_pb2 import Datum
from goodinit.tools import imagenet
from goodinit.tools.imagenet import main
from mini_devkit import YEAR
from scipy.io import savemat
from toolkit import fails

pytest.importorskip('lmdb')
IMAGES = sorted((YEAR / 'JPEGImages').iterdir())
CLASSES = ['n01440764', 'n02119789', 'n09999999']
NUMBERS = {'n02119789': 1, 'n09999999': 2, 'n01440764': 3}  # of the devkit, in its own order
TRAIN = {name: IMAGES[3 * i : 3 * i + 3] for i, name in enumerate(CLASSES)}
VALIDATION = [CLASSES[i] for i in (2, 0, 1)]  # of the last three images


@pytest.fixture
def folders(tmp_path):
    """An ImageFolder."""
    for name, paths in TRAIN.items():
        copy(paths, tmp_path / 'train' / name)
    for name, path in zip(VALIDATION, IMAGES[9:], strict=True):
        copy([path], tmp_path / 'val' / name)
    return tmp_path


def copy(paths, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(path, folder / f'{path.stem}.JPEG')


@pytest.fixture
def tars(tmp_path):
    """The published files."""
    members = {}
    for name, paths in TRAIN.items():
        inner = {f'{name}_{path.stem}.JPEG': path.read_bytes() for path in paths}
        members[f'{name}.tar'] = tar_of(inner)
    (tmp_path / 'ILSVRC2012_img_train.tar').write_bytes(tar_of(members))
    images = {validation_name(i): path.read_bytes() for i, path in enumerate(IMAGES[9:], 1)}
    (tmp_path / 'ILSVRC2012_img_val.tar').write_bytes(tar_of(images))
    return tmp_path


def validation_name(number):
    return f'ILSVRC2012_val_{number:08}.JPEG'


def tar_of(members, mode='w'):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def write_devkit(folder, truth=None, names=NUMBERS):
    synsets = np.zeros(len(names) + 1, [('ILSVRC2012_ID', 'O'), ('WNID', 'O')])
    pairs = [*((number, name) for name, number in names.items()), (1001, 'n00000001')]
    for row, (number, name) in zip(synsets, pairs, strict=True):
        row['ILSVRC2012_ID'], row['WNID'] = float(number), name
    meta = io.BytesIO()
    savemat(meta, {'synsets': synsets})
    numbers = truth or [NUMBERS[name] for name in VALIDATION]
    text = ''.join(f'{number}\n' for number in numbers)
    members = {
        'devkit/data/meta.mat': meta.getvalue(),
        'devkit/data/ILSVRC2012_validation_ground_truth.txt': text.encode(),
    }
    (folder / 'ILSVRC2012_devkit_t12.tar.gz').write_bytes(tar_of(members, 'w:gz'))


def contents(path):
    """By the end of each key, after the running number: pixels and label."""
    found = {}
    for key, value in open_database(path):
        name = key.decode()[9:].rpartition('_')[2].rpartition('/')[2]
        found[name] = read_datum(value, True, name)
    return found


def check_databases(folder, prepared=lambda pixels: resize(pixels, 256, 256)):
    """Both databases hold all images with their labels."""
    assert (folder / 'synsets.txt').read_text().split() == CLASSES
    training = contents(folder / 'ilsvrc12_train_lmdb')
    assert len(training) == 9
    for label, name in enumerate(CLASSES):
        for path in TRAIN[name]:
            pixels, found = training[f'{path.stem}.JPEG']
            assert found == label
            np.testing.assert_array_equal(pixels, prepared(decode_image(path)))
    validation = contents(folder / 'ilsvrc12_val_lmdb')
    labels = [CLASSES.index(name) for name in VALIDATION]
    by_name = [label for _, (_, label) in sorted(validation.items())]
    assert by_name == labels


def test_folders(folders, capsys):
    assert main([str(folders)]) == 0
    check_databases(folders)
    assert f'{folders}/ilsvrc12_train_lmdb: 9 images' in capsys.readouterr().err


@pytest.mark.parametrize('source', ['devkit', 'list'])
def test_tar_files_as_they_are_published(tars, source):
    if source == 'devkit':
        write_devkit(tars)
    else:
        labels = [f'{validation_name(i)} {CLASSES.index(n)}\n' for i, n in enumerate(VALIDATION, 1)]
        (tars / 'val.txt').write_text(''.join(labels))
    out = tars / 'out'
    out.mkdir()
    assert main([str(tars), '--out', str(out)]) == 0
    check_databases(out)


def test_the_order_is_random_and_the_seed_s(folders):
    orders = []
    for seed in (0, 0, 1):
        out = folders / f'out{len(orders)}'
        out.mkdir()
        assert main([str(folders), '--out', str(out), '--seed', str(seed)]) == 0
        orders.append(open_database(out / 'ilsvrc12_train_lmdb').keys())
    assert orders[0] == orders[1] != orders[2]
    classes = []
    for i, key in enumerate(orders[0]):
        number, _, name = key.decode().partition('_')
        assert int(number) == i
        classes.append(name[:9])
    assert classes != sorted(classes)


def test_images_may_be_cut_and_encoded(folders):
    assert main([str(folders), '--side', '64', '--keep-aspect']) == 0
    check_databases(folders, lambda pixels: cover(pixels, 64, 64))
    out = folders / 'encoded'
    out.mkdir()
    assert main([str(folders), '--side', '64', '--encoded', '--out', str(out)]) == 0
    for _, value in open_database(out / 'ilsvrc12_train_lmdb'):
        datum = Datum.FromString(value)
        assert datum.encoded and datum.data[:2] == b'\xff\xd8'


def test_what_is_there_is_kept(folders, capsys):
    assert main([str(folders)]) == 0
    shutil.rmtree(folders / 'ilsvrc12_val_lmdb')
    before = (folders / 'ilsvrc12_train_lmdb' / 'data.mdb').stat().st_mtime_ns
    capsys.readouterr()
    assert main([str(folders)]) == 0
    assert 'ilsvrc12_train_lmdb: is there already; remove it to make it' in capsys.readouterr().err
    assert (folders / 'ilsvrc12_train_lmdb' / 'data.mdb').stat().st_mtime_ns == before
    check_databases(folders)


def test_an_interruption_leaves_nothing_half_written(folders, monkeypatch):
    made = []

    def make_datum(picture, args):
        made.append(picture)
        if len(made) == 5:
            raise KeyboardInterrupt
        return b''

    monkeypatch.setattr(imagenet, 'make_datum', make_datum)
    assert main([str(folders)]) == 130
    assert sorted(path.name for path in folders.iterdir()) == ['synsets.txt', 'train', 'val']


def test_an_image_that_cannot_be_read_is_left_out(folders, capsys):
    (folders / 'train' / CLASSES[1] / '000005.JPEG').write_bytes(b'no image')
    assert main([str(folders)]) == 0
    assert len(contents(folders / 'ilsvrc12_train_lmdb')) == 8
    err = capsys.readouterr().err
    assert 'note: 1 of 9 images cannot be read and are left out; the first: n02119789/000005' in err


# -- what is wrong


def test_what_is_missing_is_named(tmp_path, capsys):
    (tmp_path / 'a').mkdir()
    assert 'found neither ILSVRC2012_img_train.tar nor train/' in fails(
        main, [tmp_path / 'a'], capsys
    )
    assert '--out: nowhere: no such folder' in fails(main, [tmp_path, '--out', 'nowhere'], capsys)
    away = tmp_path / 'away'
    assert fails(main, [away], capsys).startswith(f'{away}: no such folder')
    (tmp_path / 'train').mkdir()
    assert 'train: found no images of any class' in fails(main, [tmp_path], capsys)
    copy(IMAGES[:1], tmp_path / 'train' / CLASSES[0])
    assert 'found neither ILSVRC2012_img_val.tar nor val/' in fails(main, [tmp_path], capsys)
    (tmp_path / 'val').mkdir()
    assert 'val: found no images in folders of classes' in fails(main, [tmp_path], capsys)
    copy(IMAGES[:1], tmp_path / 'val' / 'n7')
    said = fails(main, [tmp_path], capsys)
    assert 'val: n7 is a class that the training images do not have' in said


def test_labels_that_make_no_sense_are_refused(tars, capsys):
    assert 'the validation images have no labels; needed: ILSVRC2012' in fails(main, [tars], capsys)
    write_devkit(tars, truth=[1, 2, 7])
    assert 'class 7 is one that the training images do not have' in fails(main, [tars], capsys)
    (tars / 'ILSVRC2012_devkit_t12.tar.gz').write_bytes(tar_of({'meta.mat': b''}, 'w:gz'))
    said = fails(main, [tars], capsys)
    assert 'has no ILSVRC2012_validation_ground_truth.txt; is it the devkit' in said
    members = {'meta.mat': b'x' * 200, 'ILSVRC2012_validation_ground_truth.txt': b'1'}
    (tars / 'ILSVRC2012_devkit_t12.tar.gz').write_bytes(tar_of(members, 'w:gz'))
    assert 'meta.mat cannot be read' in fails(main, [tars], capsys)
    listed = tars / 'val.txt'
    listed.write_text(f'{validation_name(1)} 3\n')
    assert "_00000001.JPEG' has the label 3, needed: one from 0 to 2" in fails(main, [tars], capsys)
    listed.write_text(f'{validation_name(1)} 2\n')
    assert '_00000002.JPEG has no label in val.txt or ILSVRC2012_d' in fails(main, [tars], capsys)


def test_a_damaged_tar_file_is_refused(tars, capsys):
    (tars / 'ILSVRC2012_img_train.tar').write_bytes(b'no tar file at all' * 100)
    assert 'img_train.tar: cannot be read as a tar file' in fails(main, [tars], capsys)


def test_without_a_readable_image_there_is_no_database(folders, capsys):
    for path in (folders / 'train').glob('*/*'):
        path.write_bytes(b'no image')
    assert 'none of the 9 images can be read; n0' in fails(main, [folders], capsys)
    assert not (folders / 'ilsvrc12_train_lmdb').exists()
