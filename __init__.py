"""goodinit: Caffe in Python, with data-dependent weight initialization."""
__version__ = '0.1.0'
