"""What feeds a net: images, databases, arrays, and the transformations before they enter it.

images decodes and resizes, transform is Caffe's transform_param, databases reads and writes LMDB
and LevelDB. readers, windows and hdf5 keep a place in what data layers read, prefetch reads ahead.
samples and sources fit what a user points at to a net's input, classic reads MNIST's and CIFAR-10's
own files, embedded is the default that needs no file. Knows no layer; imports errors and proto.
"""
