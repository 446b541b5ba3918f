"""Data for a net: images, databases and arrays, read and fitted to the net's input.

There are two pipelines:

    readers     serve data layers (with transform, windows, hdf5, and prefetch to read ahead). They
                follow the prototxt and Caffe: endless, in file order or shuffled for each epoch,
                cropped and mirrored by transform_param, resumable at any item.
    samples     serve `--data` (with sources, stores, classic, embedded), without a prototxt. They
                give each item once, in a seeded random order, resized and cropped to the net's
                input, and skip unreadable images.

Both read through images, databases (LMDB and LevelDB), list_files and array_files. This package
does not depend on layers; it imports errors, shapes and proto.
"""
