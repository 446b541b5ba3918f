"""Small files that unpack to, or declare, more than there is, each with a command that reads it."""

import gzip
import io
import lzma
import struct
import zlib

import fuzz_seeds as seeds
import h5py
from bomb_nets import BOMBS, bomb, written
from fuzz_hdf5 import declared
from goodinit.proto.caffe_pb2 import BlobProto, Datum
from PIL import Image

ZEROS = bytes(64 << 20)
PARTS = 60  # as many make 3.8 GB
SIDE = 60000  # of an image, in pixels


# -- files that unpack to gigabytes


def deflated(raw=True):
    """A stream of zlib of PARTS times ZEROS, without a right checksum."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15 if raw else 15)
    first = packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    part = packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + part * (PARTS - 1) + packer.flush()


def zipped(member, head=b''):
    """A zip file of one member: `head`, and gigabytes of zeros."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH) + deflated()
    size = len(head) + PARTS * len(ZEROS)
    name = member.encode()
    fields = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 33, 0, len(data), size, len(name), 0)
    directory = b'PK\x01\x02\x14\0' + fields + struct.pack('<HHHII', 0, 0, 0, 0, 0) + name
    local = b'PK\x03\x04' + fields + name + data
    end = struct.pack('<HHHHIIH', 0, 0, 1, 1, len(directory), len(local), 0)
    return local + directory + b'PK\x05\x06' + end


def idx(*shape):
    return b'\0\0\x08' + struct.pack(f'>B{len(shape)}I', len(shape), *shape)


def stats(data):
    return ['stats', '--proto', 'net.prototxt', '--data', data]


def of_data(name, make):
    def write(folder):
        written(folder, seeds.NET, 'net.prototxt')
        return stats(str(folder / written(folder, make(), name)))

    return write


def npy_head(count):
    """The header of an .npy file of so many bytes."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 3, 6, 6), }}".ljust(117)
    return b'\x93NUMPY\x01\0v\0' + text.encode() + b'\n'


def png(stream):
    """A gray PNG of SIDE x SIDE pixels."""
    head = struct.pack('>IIBBBBB', SIDE, SIDE, 8, 0, 0, 0, 0)
    out = b'\x89PNG\r\n\x1a\n'
    for kind, data in ((b'IHDR', head), (b'IDAT', stream), (b'IEND', b'')):
        out += struct.pack('>I', len(data)) + kind + data
        out += struct.pack('>I', zlib.crc32(kind + data))
    return out


def jpeg():
    """A JPEG whose header says SIDE x SIDE pixels."""
    out = io.BytesIO()
    Image.new('RGB', (8, 16)).save(out, 'jpeg')
    return out.getvalue().replace(struct.pack('>HH', 16, 8), struct.pack('>HH', SIDE, SIDE))


def tiff():
    """A TIFF whose header says SIDE x SIDE pixels."""
    out = io.BytesIO()
    Image.new('L', (8, 16)).save(out, 'tiff')
    data = out.getvalue()
    for tag, extent in ((256, 8), (257, 16)):
        for kind, code in ((3, '<HHII'), (4, '<HHII')):
            found = struct.pack(code, tag, kind, 1, extent)
            data = data.replace(found, struct.pack('<HHII', tag, 4, 1, SIDE))
    return data


DATA = {
    'mnist_gz': ('x-images-idx3-ubyte.gz', lambda: gzip.compress(ZEROS, 1) * PARTS),
    'mnist_gz_declared': (
        'x-images-idx3-ubyte.gz',
        lambda: gzip.compress(idx(PARTS << 20, 8, 8)) + gzip.compress(ZEROS, 1) * PARTS,
    ),
    'mnist_of_2_96': ('x-images-idx3-ubyte', lambda: idx(*[2**32 - 1] * 3)),
    'cifar_gz': ('c.bin.gz', lambda: gzip.compress(ZEROS, 1) * PARTS),
    'cifar_xz': ('c.bin.xz', lambda: lzma.compress(ZEROS, preset=0) * PARTS),
    'npy_of_2_40': ('x.npy', lambda: npy_head(2**40)),
    'npz': ('x.npz', lambda: zipped('x.npy', npy_head(PARTS * len(ZEROS) // 108))),
    'npz_of_2_40': ('x.npz', lambda: zipped('x.npy', npy_head(2**40))),
    'png': ('i.png', lambda: png(deflated(raw=False))),
    'jpeg': ('i.jpg', jpeg),
    'tiff': ('i.tiff', tiff),
    'list_of_one_line': ('list.txt', lambda: 'x' * 10**8),
}
BOMBS.update({f'data_{name}': of_data(*data) for name, data in DATA.items()})


@bomb
def weights_npz(folder):
    written(folder, seeds.NET, 'net.prototxt')
    head = npy_head(PARTS * len(ZEROS) // 108)
    weights = written(folder, zipped('ip.0.npy', head), 'w.npz')
    return ['stats', '--proto', 'net.prototxt', '--weights', weights]


@bomb
def weights_of_2_40(folder):
    written(folder, seeds.NET, 'net.prototxt')
    model = seeds.copied(seeds.caffemodel())
    blob = model.layer[-1].blobs.add()
    blob.shape.dim.extend([2**40, 2**40])
    blob.data.append(1)
    weights = written(folder, model.SerializeToString(), 'w.caffemodel')
    return ['stats', '--proto', 'net.prototxt', '--weights', weights]


@bomb
def weights_hdf5(folder):
    written(folder, seeds.NET, 'net.prototxt')
    with h5py.File(folder / 'w.caffemodel.h5', 'w') as file:
        declared(file, 'data/conv/0')
    return ['stats', '--proto', 'net.prototxt', '--weights', 'w.caffemodel.h5']


@bomb
def data_hdf5(folder):
    with h5py.File(folder / 'd.h5', 'w') as file:
        file.create_dataset('data', (2**31, 1), 'f4', chunks=(2**20, 1), compression='gzip')
    written(folder, 'd.h5', 'list.txt')
    fields = 'hdf5_data_param { source: "list.txt" batch_size: 4 }'
    return [
        'show',
        written(
            folder, f'layer {{ name: "d" type: "HDF5Data" top: "data" {fields} }}', 'net.prototxt'
        ),
    ]


@bomb
def mean_of_2_40(folder):
    written(folder, seeds.NET, 'net.prototxt')
    written(
        folder,
        BlobProto(num=1, channels=2**20, height=2**10, width=2**10, data=[1]).SerializeToString(),
        'mean.binaryproto',
    )
    data = written(folder, seeds.npy(seeds.np.zeros((4, 3, 6, 6), 'f4')), 'x.npy')
    return [*stats(data), '--mean', 'mean.binaryproto']


def database(folder, data):
    made = folder / 'db'
    made.mkdir()
    written(made, data, 'data.mdb')
    return ['compute_image_mean', 'db', 'mean.binaryproto']


@bomb
def lmdb_length(folder):
    """A value with pages of its own says that it has 4 GB."""
    pair = seeds.datums()[-1]
    head = struct.pack('<IHH', len(pair[1]), 1, len(pair[0]))
    data = seeds.lmdb_bytes((pair,))
    assert data.count(head) == 1
    return database(folder, data.replace(head, struct.pack('<IHH', 0xFFFFFFF0, 1, len(pair[0]))))


@bomb
def lmdb_datum(folder):
    """An image of a few bytes says that it has 2^62 pixels."""
    _, value = seeds.datums()[0]
    message = Datum(channels=2**31 - 1, height=2**31 - 1, width=1, data=b'')
    head = message.SerializeToString()
    rest = len(value) - len(head)
    filled = head + b'\xa2\x06' + bytes([rest - 3]) + bytes(rest - 3)
    return database(folder, seeds.lmdb_bytes().replace(value, filled))


@bomb
def log_of_one_line(folder):
    return ['parse_log', written(folder, 'Iteration 1 ' * 8 * 10**6, 'train.log'), '.']
