"""What logs of training look like: BVLC Caffe's, ours, and the reading of both."""
