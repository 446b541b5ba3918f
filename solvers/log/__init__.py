"""Writing and reading the log of BVLC Caffe's `caffe train`."""
