"""Small nets for the tests of the drop-in for pycaffe."""

import numpy as np

from goodinit import caffe

DATA = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }'
IP = """layer { name: "ip" type: "InnerProduct" bottom: "data" top: "out"
  inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 1 }
                        bias_filler { type: "constant" value: 3 } } }"""
LINEAR = f'force_backward: true {DATA} {IP}'


def written(text, path='net.prototxt'):
    """The name of a file with this text."""
    with open(path, 'w') as file:
        file.write(text)
    return path


def net(text=LINEAR, phase=caffe.TEST, **options):
    return caffe.Net(written(text), phase, **options)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
