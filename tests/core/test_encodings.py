"""Text files in UTF-16, as tools of Windows write them: named as such wherever text is read."""

import pytest
from goodinit.netlib.data.hdf5 import read_file_list
from goodinit.netlib.data.list_files import read_list
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.proto import ProtoError, read_net, read_solver
from goodinit.proto.files import read_utf8
from goodinit.tools.classify import read_labels
from goodinit.tools.detect import read_windows


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be'])
@pytest.mark.parametrize(
    'read',
    [read_net, read_solver, read_list, read_file_list, read_labels, read_windows, read_utf8],
)
def test_it_is_named(read, encoding, tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('layer { name: "a" }\n', encoding=encoding)
    with pytest.raises(GoodinitError, match=r'a\.txt.* it is text in UTF-16, needed: UTF-8'):
        read(str(path))


def test_other_bytes(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'caf\xe9')
    with pytest.raises(ProtoError, match=r'a\.txt: it is not text in UTF-8'):
        read_utf8(path)
    with pytest.raises(DataError, match=r'cannot be read as a list of images .*not text in UTF-8'):
        read_list(path)
    path.write_bytes(b'\xef\xbb\xbfcaf')
    assert read_utf8(path) == 'caf'
