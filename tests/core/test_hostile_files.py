"""Files that lead elsewhere, or declare what they do not have."""

import h5py
import numpy as np
import pytest
from fuzz_hdf5 import _external, _link, _virtual, declared
from goodinit.netlib.checked_npy import ArrayFileError, Npz, read_npy
from goodinit.netlib.data.array_files import read_samples
from goodinit.netlib.data.hdf5 import LargeRows, read_datasets
from goodinit.netlib.errors import DataError, GoodinitError, ProtoError
from goodinit.netlib.weights.hdf5 import read_hdf5
from goodinit.solvers.hdf5_state import read_hdf5_state

ELSEWHERE = [
    (_link(h5py.SoftLink('/other')), r"'.*' is a link; needed: the dataset itself, in this file"),
    (_link(h5py.ExternalLink('/etc/passwd', '/')), "'.*' is a link; needed: the dataset itself"),
    (_external, r"dataset '/.*' is stored in another file; needed: its numbers in this one"),
    (_virtual, r"dataset '/.*' is stored in another file"),
]


def file_with(folder, name, put, others=()):
    path = folder / 'f.h5'
    with h5py.File(path, 'w') as file:
        for other in others:
            file[other] = [1]
        put(file, name)
    return str(path)


@pytest.mark.parametrize('put, message', ELSEWHERE)
def test_hdf5_leads_to_no_other_file(put, message, tmp_path):
    with pytest.raises(ProtoError, match=message):
        read_hdf5(file_with(tmp_path, 'data/a/0', put))
    with pytest.raises(DataError, match=message):
        read_datasets(file_with(tmp_path, 'data', put), ['data'])
    with pytest.raises(ProtoError, match=message):
        read_hdf5_state(file_with(tmp_path, 'iter', put))


def test_a_linked_group_is_refused(tmp_path):
    path = file_with(tmp_path, 'data', _link(h5py.ExternalLink('/etc/passwd', '/')))
    with pytest.raises(ProtoError, match="'data' is a link"):
        read_hdf5(path)


@pytest.mark.parametrize(
    'values, message',
    [
        ([2**40], "'iter' is 1099511627776, needed: 0 to 2147483647"),
        ([-1], "'iter' is -1, needed: 0 to"),
    ],
)
def test_states_of_impossible_iterations(values, message, tmp_path):
    def put(file, name):
        file[name] = values

    with pytest.raises(ProtoError, match=message):
        read_hdf5_state(file_with(tmp_path, 'iter', put))


def test_states_without_their_parts(tmp_path):
    with pytest.raises(ProtoError, match="it has no dataset 'iter'"):
        read_hdf5_state(file_with(tmp_path, 'x', declared))
    with pytest.raises(ProtoError, match="it has no string 'learned_net'"):
        read_hdf5_state(file_with(tmp_path, 'x', declared, ('iter', 'current_step')))


def test_weights_that_are_only_declared(tmp_path):
    path = file_with(tmp_path, 'data/a/0', declared)
    with pytest.raises(ProtoError, match='declares 4398046511104 bytes, but stores 0'):
        read_hdf5(path)


def test_rows_of_a_large_dataset_are_read_as_they_are_needed(tmp_path):
    """8 GB in 3 kB."""
    path = file_with(tmp_path, 'data', declared)
    (rows,) = read_datasets(path, ['data'])
    assert isinstance(rows, LargeRows) and len(rows) == 1 << 40
    np.testing.assert_array_equal(rows[np.array([7, 3, 7])], [0, 0, 0])
    assert rows[np.arange(100)].shape == (100,)


# -- NumPy's files


def npz_of(folder, **arrays):
    np.savez(folder / 'a.npz', **arrays)
    return folder / 'a.npz'


def test_arrays_are_read(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(read_npy(tmp_path / 'a.npy'), [[0, 1, 2], [3, 4, 5]])
    found = Npz(npz_of(tmp_path, a=[1], b=[2.5]))
    assert dict(found) == {'a': [1], 'b': [2.5]} and len(found) == 2


def test_a_header_that_declares_too_much(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((7, 7)))
    data = (tmp_path / 'a.npy').read_bytes()
    (tmp_path / 'a.npy').write_bytes(data.replace(b'(7, 7), ', b'(7, 7777777777777), ')[:500])
    with pytest.raises(ArrayFileError, match=r'its header says .*, but it has \d+ bytes|header'):
        read_npy(tmp_path / 'a.npy')


def test_objects_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([{}]), allow_pickle=True)
    with pytest.raises(ArrayFileError, match='it holds Python objects; needed: numbers'):
        read_npy(tmp_path / 'a.npy')


def test_members_that_are_no_arrays(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as file:
        file.writestr('data.npy', b'nonsense')
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as NumPy arrays \('data': "):
        read_samples(tmp_path / 'a.npz')


def test_labels_that_are_no_numbers(tmp_path):
    path = npz_of(tmp_path, data=np.zeros((2, 3)), label=['a', 'b'])
    with pytest.raises(GoodinitError, match='it holds <U1; needed: numbers'):
        read_samples(path)
