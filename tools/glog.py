"""goodinit.caffe.glog, where the tools look for it."""
from goodinit.caffe.glog import log, number

__all__ = ['log', 'number']
