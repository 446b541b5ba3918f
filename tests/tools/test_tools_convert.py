"""convert_imageset beside the databases that BVLC Caffe's made of the same images."""

import os
import re
import shutil

import golden
import numpy as np
import pytest
from goodinit.netlib.data import images
from goodinit.netlib.data.databases import (
    LEVELDB,
    LMDB,
    datum_to_array,
    open_database,
    parse_datum,
)
from goodinit.tools import convert_imageset
from goodinit.tools.convert_imageset import main
from toolkit import fails

IO = golden.HERE / 'io'
COLOR = [('c0.png', 3), ('c1.png', 0), ('c2.png', 7), ('c3.png', 1), ('c4.png', 2)]
MIXED = [
    (f'{name}.png', label)
    for name, label in [
        ('v0', 10),
        ('v1', 11),
        ('v2', 12),
        ('v3', 13),
        ('c0', 20),
        ('g0', 21),
        ('rgba', 22),
        ('palette', 23),
    ]
]
RESIZED = ['--resize_height=8', '--resize_width=11']
MANY = [(f'c{i % 5}.png', i) for i in range(300)]
SMALL = ['-resize_height', '4', '-resize_width', '4']
CASES = {
    'lmdb_raw': (COLOR, []),
    'lmdb_encoded': ([('c0.png', 1), ('g0.png', 2), ('c1.png', 3), ('g1.png', 4)], ['--encoded']),
    'lmdb_gray': ([('g0.png', 4), ('g1.png', 5), ('g2.png', 6)], ['-gray']),
    'lmdb_flat': ([(f'flat{i}.png', 30 + i) for i in range(4)], ['--check_size']),
    'lmdb_resized': (MIXED, RESIZED),
    'lmdb_sizes_encoded': (MIXED, ['--encoded=true']),
    'lmdb_many': (MANY, SMALL),
    'leveldb_raw': (COLOR, ['--backend=leveldb', '--noshuffle']),
    'leveldb_encoded_png': (COLOR, ['-backend', 'leveldb', '-encoded', '-encode_type=png']),
    'leveldb_flat': ([(f'flat{i}.png', 30 + i) for i in range(4)], ['--backend', 'leveldb']),
    'leveldb_many': (MANY, ['--backend=leveldb', *SMALL]),
}
FOLDER = golden.FOLDERS[0] / 'io'  # a fresh clone has no flat images
PIXELS = FOLDER / 'img'


def listed(images, name='list.txt'):
    with open(name, 'w') as file:
        file.writelines(f'{image} {label}\n' for image, label in images)
    return name


def pairs(path):
    backend = LEVELDB if 'leveldb' in os.path.basename(path) else LMDB
    return [(key, parse_datum(value)) for key, value in open_database(path, backend)]


def messages(err):
    return [re.sub(r'^\w{5} \S+ +\d+ \S+\] ', '', line) for line in err.splitlines()]


@pytest.mark.parametrize(
    'name',
    [
        name
        for name, (images, _) in CASES.items()
        if (FOLDER / name).is_dir() and (PIXELS / images[0][0]).exists()
    ],
)
def test_as_caffe(name, folder, tmp_path_factory, capsys):
    images, flags = CASES[name]
    assert main([*flags, f'{PIXELS}/', listed(images), name]) == 0
    with np.load(IO / 'images_and_mean.npz') as recorded:
        assert messages(capsys.readouterr().err) == str(recorded[f'log/{name}']).splitlines()
    theirs = tmp_path_factory.mktemp('recorded') / name  # opening a LevelDB changes its files
    shutil.copytree(FOLDER / name, theirs)
    ours, expected = pairs(folder / name), pairs(theirs)
    assert [key for key, _ in ours] == [key for key, _ in expected]
    for (_, datum), (_, other) in zip(ours, expected, strict=True):
        if 'resize_height' in ' '.join(flags):
            apart = np.abs(datum_to_array(datum).astype(int) - datum_to_array(other))
            assert apart.max() <= 1
            other.data = datum.data
        assert datum == other


def test_encoded_anew(folder):
    assert (
        main(['--encode_type=png', *RESIZED, f'{PIXELS}/', listed(COLOR[:1]), 'encoded_lmdb']) == 0
    )
    assert main([*RESIZED, f'{PIXELS}/', listed(COLOR[:1]), 'raw_lmdb']) == 0
    ((_, encoded),) = pairs(folder / 'encoded_lmdb')
    ((_, raw),) = pairs(folder / 'raw_lmdb')
    assert encoded.encoded and encoded.data[:4] == b'\x89PNG'
    np.testing.assert_array_equal(datum_to_array(encoded), datum_to_array(raw))


def test_shuffled_by_its_seed(folder):
    keys = []
    for seed, name in ((1, 'a_lmdb'), (1, 'b_lmdb'), (2, 'c_lmdb')):
        assert main(['--shuffle', f'--seed={seed}', f'{PIXELS}/', listed(COLOR), name]) == 0
        keys.append([key for key, _ in pairs(folder / name)])
    assert keys[0] == keys[1] != keys[2]
    assert sorted(key[9:] for key in keys[2]) == [name.encode() for name, _ in COLOR]


def test_a_list_with_a_byte_order_mark(folder):
    (folder / 'list.txt').write_text('\ufeffc0.png 1\r\nc1.png 2\r\n')
    assert main([f'{PIXELS}/', 'list.txt', 'db']) == 0
    assert [(key, datum.label) for key, datum in pairs(folder / 'db')] == [
        (b'00000000_c0.png', 1),
        (b'00000001_c1.png', 2),
    ]


@pytest.mark.parametrize(
    ('text', 'labels', 'note'),
    [
        ('c0.png\nc1.png\n', [0, 0], "'c0.png' and 1 more have no label: their label is 0"),
        ('c0.png 3\nc1.png\n', [3, 0], "'c1.png' has no label: its label is 0"),
        ('c0.png 3\nc1.png 4\n', [3, 4], ''),
    ],
)
def test_lines_without_a_label(text, labels, note, folder, capsys):
    """As in BVLC's, they have the label 0."""
    (folder / 'few.txt').write_text(text)
    assert main([f'{PIXELS}/', 'few.txt', 'db']) == 0
    assert [datum.label for _, datum in pairs(folder / 'db')] == labels
    said = [line for line in capsys.readouterr().err.splitlines() if 'note' in line]
    assert said == ([f'note: data few.txt: {note}'] if note else [])


def test_an_unreadable_image_is_left_out(folder, capsys):
    (folder / 'broken.png').write_text('no image')
    assert (
        main(
            [
                '',
                listed([(f'{PIXELS}/c0.png', 1), ('broken.png', 2), (f'{PIXELS}/c1.png', 3)]),
                'db',
            ]
        )
        == 0
    )
    err = capsys.readouterr().err
    assert (
        'Could not open or find file broken.png: cannot be read' in err
        and 'Processed 2 files.' in err
    )
    assert [key[:9] for key, _ in pairs(folder / 'db')] == [b'00000000_', b'00000002_']


FAILURES = [
    (['a/', 'list.txt'], 'the following arguments are required: DB_NAME'),
    (
        ['--backend=mdb', 'a/', 'list.txt', 'db'],
        "argument -backend/--backend: unknown 'mdb'; did you mean 'lmdb'?",
    ),
    (
        ['--resize_width=3', 'a/', 'list.txt', 'db'],
        '--resize_width and --resize_height: found 3 and 0, needed: both',
    ),
    (['a/', 'nowhere.txt', 'db'], 'File not found: nowhere.txt'),
    (
        ['a/', 'large.txt', 'db'],
        "data large.txt: 'c0.png' has the label 99999999999, needed: at most 2147483647",
    ),
    (['a/', 'list.txt', 'there'], 'database there: already exists'),
    (
        ['--check_size', f'{PIXELS}/', 'mixed.txt', 'db'],
        f'{PIXELS}/v1.png: Incorrect data field size: found (3, 20, 16), '
        'the first image has (3, 9, 14)',
    ),
    *(
        (
            (
                [f'--encode_type={kind}', f'{PIXELS}/', 'list.txt', 'db'],
                f"--encode_type: unknown '{kind}'",
            )
        )
        for kind in ('xyz', 'psd', 'pdf')
    ),
    (
        ['--encode_type=xbm', f'{PIXELS}/', 'list.txt', 'db'],
        "--encode_type: 'xbm' does not take such pixels (cannot",
    ),
    (['a/', 'empty.txt', 'db'], 'data empty.txt: is empty; needed: a path and a label per line'),
    (
        [f'{PIXELS}', 'list.txt', 'db'],
        f'data list.txt: none of its images can be read; the first was expected at {PIXELS}c0.png',
    ),
]


@pytest.mark.parametrize(('arguments', 'message'), FAILURES)
def test_failures(arguments, message, folder, capsys):
    listed(COLOR)
    listed(MIXED, 'mixed.txt')
    (folder / 'large.txt').write_text('c0.png 99999999999\n')
    (folder / 'empty.txt').touch()
    (folder / 'there').mkdir()
    before = set(os.listdir())
    assert main(arguments) == 1
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith(f'goodinit convert_imageset: {message}')
    )
    assert set(os.listdir()) == before


def test_an_interruption_leaves_nothing(folder, monkeypatch, capsys):
    calls = iter(range(3))

    def decode(*arguments, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return images.decode_image(*arguments, **options)

    monkeypatch.setattr(convert_imageset, 'decode_image', decode)
    monkeypatch.setattr(convert_imageset, 'PROGRESS', 1)
    assert main([f'{PIXELS}/', listed(COLOR), 'db']) == 130
    err = capsys.readouterr().err
    assert 'Processed 2 files.' in err and 'interrupted' in err and os.listdir() == ['list.txt']


def test_usage(capsys):
    assert fails(main, [], capsys).startswith(
        'the following arguments are required: ROOTFOLDER/, LISTFILE, DB_NAME'
    )
