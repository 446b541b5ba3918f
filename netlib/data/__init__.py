"""What feeds a net: images, databases and arrays, read and fitted to the net's input.

Two pipelines, each for its own user:

    readers     serve data layers (with transform, windows, hdf5, and prefetch to read ahead), as
                the prototxt and Caffe say: without end, in the order of the file or shuffled for
                each pass, cropped and mirrored by transform_param, resumable at any item.
    samples     serve `--data` (with sources, stores, classic, embedded), where no prototxt says
                how: each item once, in a seeded random order, resized and cut to the net's input,
                unreadable images skipped.

Both read through images, databases (LMDB and LevelDB), list_files and array_files. Knows no layer;
imports errors, shapes and proto.
"""
