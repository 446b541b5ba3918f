"""The tops of Caffe's Data and ImageData layers, put together from the pieces of netlib/data."""
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.data.images import decode_image, resize
from goodinit.netlib.data.sources import read_list
from goodinit.netlib.data.transform import Transformer
from goodinit.proto import caffe_pb2
from google.protobuf import text_format

GOLDEN = Path(__file__).parent / 'golden' / 'io'


def database_rows(layer, transform):
    for _, value in open_database(layer.data_param.source, layer.data_param.backend).cycle():
        datum = parse_datum(value)
        yield datum_to_array(datum, transform.color), datum.label


def image_rows(layer, _):
    param = layer.image_data_param
    for name, label in cycle(zip(*read_list(param.source), strict=True)):
        pixels = decode_image(param.root_folder + name, param.is_color)
        if param.new_height:
            pixels = resize(pixels, param.new_height, param.new_width)
        yield pixels, label


PATHS = sorted(GOLDEN.glob('Data_*.npz')) + sorted(GOLDEN.glob('ImageData_*.npz'))


@pytest.mark.parametrize('path', PATHS, ids=lambda path: path.stem)
def test_tops_are_those_recorded(path, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    with np.load(path) as golden:
        layer = text_format.Parse(str(golden['prototxt']), caffe_pb2.NetParameter()).layer[0]
        phase = caffe_pb2.Phase.Value(str(golden['phase']))
        transform = Transformer(layer.transform_param, phase, np.random.default_rng(0))
        rows = (image_rows if layer.type == 'ImageData' else database_rows)(layer, transform)
        for step in range(golden['steps']):
            expected = golden[f's{step}/top/data']
            batch = [next(rows) for _ in expected]
            np.testing.assert_array_equal(np.stack([transform(pixels) for pixels, _ in batch]), expected)
            if f's{step}/top/label' in golden:
                assert [label for _, label in batch] == golden[f's{step}/top/label'].tolist()
