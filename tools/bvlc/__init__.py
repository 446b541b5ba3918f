"""The actions of `goodinit caffe`, each in a file, with the log that BVLC Caffe writes of it."""
