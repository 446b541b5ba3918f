"""Makes caffe_pb2.py and its type stub from caffe.proto: `python -m goodinit.proto.compile`.

Needs grpcio-tools 1.62: the module from its protoc 4.25 runs on protobuf 4.25 and newer. The
messages get their own descriptor pool, so another program's `caffe.proto` can be imported in the
same process.
"""

import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = 'goodinit/proto/caffe'


def compiled() -> dict[str, str]:
    """The generated files: the name and the text of the module and of its type stub."""
    with tempfile.TemporaryDirectory() as folder:
        _run_protoc(Path(folder))
        module = Path(folder, f'{NAME}_pb2.py').read_text()
        stub = Path(folder, f'{NAME}_pb2.pyi').read_text()
    module = module.replace('_descriptor_pool.Default()', '_descriptor_pool.DescriptorPool()')
    return {'caffe_pb2.py': module, 'caffe_pb2.pyi': '# ruff: noqa\n' + stub}


def _run_protoc(folder: Path) -> None:
    """Compile a copy of the schema in `folder`, under its name in the package."""
    from grpc_tools import protoc

    source = folder / f'{NAME}.proto'
    source.parent.mkdir(parents=True)
    source.write_bytes((HERE / 'caffe.proto').read_bytes())
    outputs = [f'--python_out={folder}', f'--pyi_out={folder}']
    if protoc.main(['protoc', f'-I{folder}', *outputs, str(source)]):
        raise RuntimeError('protoc failed on caffe.proto')


if __name__ == '__main__':
    for name, text in compiled().items():
        (HERE / name).write_text(text)
