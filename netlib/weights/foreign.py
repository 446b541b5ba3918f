"""Files of weights that other frameworks write: what they are, by their content, and the way in.

Nothing is unpickled: a pickle runs code.
"""

import json
import mmap
import zipfile
from itertools import islice
from pathlib import Path

from ...proto import ProtoError, existing_file
from ...proto.wire import LENGTH, VARINT, split
from ..errors import import_extra

MANY = 100  # fields, enough to tell a message by
KEEPS = 'net.load_state_dict(arrays, strict=False), or net.params[layer][0].data = array'
NPZ = 'an .npz file of NumPy'
SAFETENSORS = 'a safetensors file'
PYTORCH = 'a PyTorch file'
TORCHSCRIPT = 'a TorchScript file of PyTorch'
KERAS = 'a Keras model'
TENSORFLOW = 'a TensorFlow model'
ONNX = 'an ONNX model'
FROM_TORCH = (
    'net.load_state_dict({name: w.numpy() for name, w in weights.items()}, strict=False), '
    'or net.params[layer][0].data = array'
)
KERNELS = "net.params[layer][0].data = kernel.transpose(3, 2, 0, 1), for Keras's (h, w, in, out)"

# The way in, from Python.
WAYS = {
    NPZ: 'give it a name that ends in .npz',
    SAFETENSORS: 'give it a name that ends in .safetensors',
    PYTORCH: f"weights = torch.load(file, map_location='cpu', weights_only=True); {FROM_TORCH}",
    TORCHSCRIPT: f"weights = torch.jit.load(file, 'cpu').state_dict(); {FROM_TORCH}",
    KERAS: f'open it in Keras, then {KERNELS}',
    TENSORFLOW: f'open it in TensorFlow, then {KERNELS}',
    ONNX: (
        'arrays = {w.name: onnx.numpy_helper.to_array(w) '
        f'for w in onnx.load(file).graph.initializer}}; {KEEPS}'
    ),
    'an .npy file of NumPy': 'array = numpy.load(file); net.params[layer][0].data = array',
    'a MATLAB file': f'arrays = scipy.io.loadmat(file); {KEEPS}',
    'a Python pickle': f'open it with the program that wrote it; {KEEPS}',
    'an archive': 'unpack it first',
    'a web page': 'download the file itself',
    'a pointer of Git LFS': '`git lfs pull` fetches the file itself',
    'a solverstate': 'give the .caffemodel beside it, or resume with --snapshot',
}
CHECKPOINT = b'\x57\xfb\x80\x8b\x24\x75\x47\xdb'  # the end of the index of TensorFlow's
# What the formats of `formats.py` expect to find.
EXPECTED = {'.npz': NPZ, '.safetensors': SAFETENSORS}
BEGINNINGS = {
    b'\x93NUMPY': 'an .npy file of NumPy',
    b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.': PYTORCH,  # before version 1.6
    b'MATLAB 5.0 MAT-file': 'a MATLAB file',
    b'\x1f\x8b': 'an archive',
    b'BZh': 'an archive',
    b'\xfd7zXZ': 'an archive',
    b'7z\xbc\xaf': 'an archive',
    b'version https://git-lfs': 'a pointer of Git LFS',
}


def refuse_foreign(path: str | Path, format: str) -> None:
    """Raises ProtoError for a file of another framework, which says what it is and the way in; not
    for a file as the format of this name writes it, and not for one that cannot be told."""
    name = existing_file(path)
    kind = kind_of(name)
    if kind and kind != EXPECTED.get(format):
        raise ProtoError(f'{name}: is {kind}, no weights of Caffe; the way in: {WAYS[kind]}')


def kind_of(name: str) -> str:
    """One of WAYS, by the content of a file; '' for a caffemodel, Caffe's HDF5, or none of them."""
    try:
        with open(name, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            first = data[:512]
            if first.startswith(b'PK'):
                return _in_zip(name)
            if first.startswith(b'\x89HDF'):
                return _in_hdf5(name)
            if data[-8:] == CHECKPOINT:
                return TENSORFLOW
            return _by_beginning(first) or _in_message(data) or _safetensors(data)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):  # empty, or damaged
        return ''


def _by_beginning(first: bytes) -> str:
    for beginning, kind in BEGINNINGS.items():
        if first.startswith(beginning):
            return kind
    text = first.lstrip().lower()
    if text.startswith((b'<!doctype', b'<html')):
        return 'a web page'
    if first[4:8] == b'TFL3':  # TensorFlow Lite
        return TENSORFLOW
    if first[:1] == b'\x80' and first[1:2] in b'\x02\x03\x04\x05':
        return 'a Python pickle'
    return ''


def _in_zip(name: str) -> str:
    """By the names in an archive: NumPy and PyTorch write such, and Keras 3."""
    try:
        with zipfile.ZipFile(name) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return ''
    if any(entry.endswith('.npy') for entry in names):
        return NPZ
    if any(entry.endswith('data.pkl') for entry in names):
        is_script = any(entry.endswith('constants.pkl') for entry in names)
        return TORCHSCRIPT if is_script else PYTORCH
    return KERAS if 'model.weights.h5' in names else 'an archive'


def _in_hdf5(name: str) -> str:
    """Keras keeps the names of layers as an attribute, or everything below `layers`."""
    h5py = import_extra('h5py', 'data')
    with h5py.File(name, 'r') as file:
        if 'data' in file:
            return ''
        marks = {'layer_names', 'keras_version', 'model_config'}
        groups = {'model_weights', 'layers', '_layer_checkpoint_dependencies'}
        return KERAS if marks & set(file.attrs) or groups & set(file) else ''


def _safetensors(data: mmap.mmap) -> str:
    """The length of a header in JSON, and the header."""
    length = int.from_bytes(data[:8], 'little')
    if data[8:9] != b'{' or length > len(data) - 8:
        return ''
    try:
        return SAFETENSORS if isinstance(json.loads(data[8 : 8 + length]), dict) else ''
    except ValueError:
        return ''


def _in_message(data: mmap.mmap) -> str:
    """By the first fields of a protobuf message. A caffemodel begins with its name, or with layers;
    ONNX, a solverstate and TensorFlow's SavedModel with a number, its GraphDef with a message."""
    found = _first_fields(data)
    wire_type, value = found.get(1, (None, b''))
    if wire_type == VARINT:
        if 7 in found:
            return ONNX
        _, second = found.get(2, (LENGTH, b''))
        if second.startswith(b'\n') and set(found) == {1, 2}:
            return TENSORFLOW
        return 'a solverstate' if set(found) <= {1, 2, 3, 4} else ''
    is_node = wire_type == LENGTH and value.startswith(b'\n') and b'\x12' in value
    return TENSORFLOW if is_node else ''


def _first_fields(data: mmap.mmap) -> dict[int, tuple[int, bytes]]:
    """{number: (wire type, the first bytes)} of the first fields; empty if there are none."""
    found: dict[int, tuple[int, bytes]] = {}
    with memoryview(data) as view:
        try:
            for field in islice(split(view), MANY):
                end = min(field.end, field.payload + 64)
                value = bytes(view[field.payload : end])
                found.setdefault(field.number, (field.wire_type, value))
        except (ProtoError, IndexError):
            return {}
    return found
