"""How the commands that read the files of bombs.py end: with one of these messages, or without an
error."""

NEEDS = r"net '' needs .* of memory to run, but .* are free; its greatest blobs: '"
PIXELS = r'cannot be read as an image \(Image size \(3600000000 pixels\) exceeds limit'
UNPACKS = r'unpacks to more than 1,024 MB; unpack it first'
ENDS = {
    # -- nets
    'extents_beyond_2_64': r'the net needs 2147483648 x 2147483648 x 2147483648: pass your own',
    'extent_of_2_64': r'net\.prototxt:1:\d+: Value out of range: 18446744073709551616',
    'kernel_of_2_31': r"is larger than the padded bottom 'data' of shape 1 3 16 16",
    'kernel_in_pad': NEEDS,
    'pad_of_2_20': NEEDS,
    'dilation': r"kernel 'conv_forward' needs more memory than this machine has left",
    'group': r"group: 4000000000 must divide the 3 channels of bottom 'data'",
    'num_output': NEEDS,
    'deconvolution': NEEDS,
    'im2col': NEEDS,
    'tile': NEEDS,
    'upsample': NEEDS,
    'spp': r'pyramid_height: 32 bins per axis are too many',
    'embed': NEEDS,
    'slice': r'slice_point: \[4294967295\] must increase, between 0 and the 3',
    'million_tops': r'net\.prototxt: 1,000,015 fields are too many; needed: at most 1,000,000',
    'million_layers': r'net\.prototxt: 5,000,010 fields are too many; needed: at most 1,000,000',
    'unknown_types': r'1000 errors, no warnings',
    'unknown_fields': r'100 errors, no warnings',
    'nesting': r'net\.prototxt:1:8: Message type .* has no field named \"layer\"',
    'closed_nesting': r'net\.prototxt:1:8: Message type .* has no field named \"layer\"',
    'line': r'net\.prototxt:2: a string or word of more than 1,048,576 characters',
    'string': r'net\.prototxt:2: a string or word of more than 1,048,576 characters',
    'digits': r"Couldn't parse integer: 9{50,}\.\.\.9+, in layer 'top' > convolution_param",
    # -- solvers
    'solver_iter_size': r'solver\.prototxt:1:\d+: Value out of range: 2147483648',
    # -- data
    'data_mnist_gz': r'x-images-idx3-ubyte\.gz: ' + UNPACKS,
    'data_mnist_gz_declared': r'x-images-idx3-ubyte\.gz: ' + UNPACKS,
    'data_mnist_of_2_96': r'damaged: its header says \(4294967295, 4294967295, 4294967295\)',
    'data_cifar_gz': r'c\.bin\.gz: ' + UNPACKS,
    'data_cifar_xz': r'c\.bin\.xz: ' + UNPACKS,
    'data_npy_of_2_40': r'its header says \(1099511627776, 3, 6, 6\) of uint8, but it has 128',
    'data_npz': r"'x': \d+ bytes unpack to 4\d{9}; unpack it first",
    'data_npz_of_2_40': r"'x': \d+ bytes unpack to 4\d{9}; unpack it first",
    'data_png': PIXELS,
    'data_jpeg': PIXELS,
    'data_tiff': PIXELS,
    'data_list_of_one_line': r'xxx: cannot be read as an image \(.*File name too long',
    # -- weights, means, databases, logs
    'weights_npz': r"'ip\.0': \d+ bytes unpack to 4\d{9}; unpack it first",
    'weights_of_2_40': r'Incompatible number of blobs for layer prob: the file has 1, the net 0',
    'weights_hdf5': r"dataset '/data/conv/0' declares 4398046511104 bytes, but stores 0",
    'mean_of_2_40': r'needs 1099511627776 values, but has 1',
    'lmdb_length': r'db: damaged \(a value of 4294967280 bytes begins in page 3\)',
    'lmdb_datum': r'key 00000000: holds 0 values, but its 2147483647 channels',
    'log_of_one_line': r'train\.log: found no iterations',
}
