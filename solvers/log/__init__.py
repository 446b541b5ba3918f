"""The log of BVLC Caffe's `caffe train`: its lines written, and read again."""
