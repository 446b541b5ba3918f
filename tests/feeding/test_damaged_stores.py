"""Damaged databases and images: what their libraries raise becomes an error that names the file."""

import pytest
from goodinit.netlib.data import images, leveldb
from goodinit.netlib.errors import DataError
from PIL import Image

import goodinit

plyvel = pytest.importorskip('plyvel')


class Damaged:
    """A LevelDB with a key that is listed, but not found, and a table that cannot be read."""

    def get(self, key):
        if key == b'lost':
            return None
        raise plyvel.CorruptionError(b'Corruption: bad entry in block')

    def iterator(self, **options):
        raise plyvel.CorruptionError(b'Corruption: bad entry in block')


@pytest.fixture
def damaged(tmp_path):
    plyvel.DB(str(tmp_path / 'db'), create_if_missing=True).close()
    database = leveldb.LevelDB(tmp_path / 'db')
    database._database = Damaged()
    return database


@pytest.mark.parametrize(
    'read',
    [lambda db: db[b'torn'], lambda db: db.keys(), lambda db: list(db)],
    ids=['value', 'keys', 'pairs'],
)
def test_a_table_that_leveldb_finds_damaged(damaged, read):
    with pytest.raises(DataError, match=r'database .*db: damaged \(Corruption: bad entry in bl'):
        read(damaged)


def test_a_key_without_a_value(damaged):
    with pytest.raises(DataError, match=r"database .*db: damaged \(key b'lost' is not found\)"):
        damaged[b'lost']


@pytest.mark.parametrize(
    'error, reason',
    [
        (TypeError("'str' object is no integer"), r"damaged: 'str' object is no integer"),
        (MemoryError(), r'its 4 x 5 pixels do not fit in memory'),
    ],
    ids=['type', 'memory'],
)
def test_an_image_at_which_pillow_fails_in_its_own_way(error, reason, tmp_path, monkeypatch):
    path = tmp_path / 'i.png'
    Image.new('RGB', (4, 5)).save(path)

    def load(image):
        raise error

    monkeypatch.setattr('PIL.ImageFile.ImageFile.load', load)
    with pytest.raises(DataError, match=rf'i\.png: cannot be read as an image \({reason}\)'):
        images.decode_image(path)


def test_images_without_pixels(tmp_path):
    path = tmp_path / 'x-images-idx3-ubyte'
    path.write_bytes(b'\0\0\x08\x03' + b''.join(n.to_bytes(4, 'big') for n in (2, 5, 0)))
    with pytest.raises(DataError, match=r'sample 0: is 1 x 5 x 0: it has no pixels'):
        next(iter(goodinit.open_data(str(path), goodinit.open_net('lenet'))))
