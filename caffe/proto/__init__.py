"""caffe.proto, whose caffe_pb2 is the very module goodinit.proto.caffe_pb2."""

import sys

from ...proto import caffe_pb2

sys.modules[f'{__name__}.caffe_pb2'] = caffe_pb2
__all__ = ['caffe_pb2']
