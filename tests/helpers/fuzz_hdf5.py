"""HDF5 files that are whole, but hold what no reader of Caffe's files expects."""

import io

import h5py
import numpy as np
from mutations import choose


def odd_hdf5(rng, names):
    """The bytes of a file in which one of the datasets is odd, or missing."""
    out = io.BytesIO()
    odd = choose(rng, names)
    with h5py.File(out, 'w') as file:
        for name in names:
            if name == odd:
                choose(rng, ODDITIES)(file, name)
            else:
                file[name] = np.ones((4, 3), 'f4')
    return out.getvalue()


def _put(value):
    def put(file, name):
        file[name] = value

    return put


def _link(link):
    def put(file, name):
        file.require_group('/' + '/'.join(name.split('/')[:-1]))
        file[name] = link

    return put


def _varying(file, name):
    made = file.create_dataset(name, (3,), h5py.vlen_dtype(np.float32))
    made[0] = [1, 2, 3]


def _external(file, name):
    file.create_dataset(name, (4,), 'u1', external=[('/etc/passwd', 0, 4)])


def _virtual(file, name):
    layout = h5py.VirtualLayout((4, 3), 'f4')
    layout[...] = h5py.VirtualSource('/tmp/other.h5', 'data', (4, 3))
    file.create_virtual_dataset(name, layout)


def declared(file, name):
    """Terabytes, of which none is stored."""
    file.create_dataset(name, (1 << 40,), 'f4', chunks=(1 << 20,), compression='gzip')


def _loop(file, name):
    file.require_group(name)['self'] = h5py.SoftLink('/')
    file[name]['hard'] = file['/']


ODDITIES = (
    lambda file, name: None,
    lambda file, name: file.create_group(name),
    _put('text'),
    _put(b'\xff\xfe'),
    _put([b'a', b'bc']),
    _put(np.zeros(3, 'c8')),
    _put(np.zeros(3, 'i4,f4')),
    _put(np.zeros((4, 3), 'f8')),
    _put(np.zeros((4, 3), 'u1')),
    _put(np.full((4, 3), np.nan, 'f4')),
    _put(np.float32(1)),
    _put(h5py.Empty('f4')),
    _put(np.zeros((0, 3), 'f4')),
    _put(np.zeros((1,) * 32, 'f4')),
    _put(np.array([True])),
    _put(-1),
    _put([2**63 - 1]),
    _link(h5py.SoftLink('/etc')),
    _link(h5py.SoftLink('/nothing')),
    _link(h5py.ExternalLink('/etc/passwd', '/')),
    _varying,
    _external,
    _virtual,
    declared,
    _loop,
)
