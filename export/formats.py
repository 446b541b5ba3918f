"""ONNX and PyTorch as formats that Net.save and `goodinit init --out` write."""

from ..netlib import Net
from ..netlib.errors import import_extra
from ..netlib.weights import Format, register_format
from ..netlib.weights.formats import LayeredNet, Source
from ..proto import ProtoError
from ..proto.caffe_pb2 import NetParameter
from .convention import Convention, convention_of
from .job import Options, make_job
from .writers import write


def write_net(
    net: LayeredNet, path: Source, diffs: bool = False, layers: NetParameter | None = None
) -> None:
    """Write the net as the path's suffix says, checked. Raises GoodinitError."""
    convention = convention_of(layers) if layers else Convention()
    write(as_net(net), path, Options(convention=convention))


def check_net(net: LayeredNet, path: Source) -> None:
    """Raises GoodinitError for what is missing, and for a net with no output left."""
    if str(path).endswith('.onnx'):
        import_extra('onnx', 'export')
    make_job(as_net(net), Options())


def as_net(net: LayeredNet) -> Net:
    if not isinstance(net, Net):
        raise TypeError(f'a Net is needed to be written, not {type(net).__name__}')
    return net


def cannot_read(path: Source) -> NetParameter:
    raise ProtoError(f'{path}: weights are not read from this kind of file; give a .safetensors')


for _suffix in ('.onnx', '.py'):
    register_format(Format(_suffix, (_suffix,), cannot_read, write_net, check_net))
