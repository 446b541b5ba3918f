"""What BVLC Caffe refuses, as recorded, and the words that our message must contain; for most,
words of Caffe's own."""

import golden

RECORDED = golden.read_json('upgrade/invalid.json')
CASES = {case['name']: case for case in RECORDED}
NETS = {name: case for name, case in CASES.items() if case['kind'] == 'net'}
SOLVERS = {name: case for name, case in CASES.items() if case['kind'] == 'solver'}

NET_PHRASES = {
    'unknown_bottom': "Unknown bottom blob 'nosuch' (layer 'bad', bottom index 0)",
    'duplicate_top': "Top blob 'y' produced by multiple sources.",
    'too_few_bottoms_eltwise': 'Eltwise Layer takes at least 2 bottom blob(s) as input.',
    'too_many_bottoms_relu': 'ReLU Layer takes 1 bottom blob(s) as input.',
    'too_many_tops_relu': 'ReLU Layer produces 1 top blob(s) as output.',
    'no_top_conv': 'Convolution Layer produces at least 1 top blob(s) as output.',
    'loss_one_bottom': 'SoftmaxWithLoss Layer takes 2 bottom blob(s) as input.',
    'unknown_layer_type': (
        "Unknown layer type: Convolutoin; did you mean 'Convolution'? (known types: AbsVal, "
        'Accuracy'
    ),
    'unknown_field': 'Message type "caffe.ReLUParameter" has no field named "slope"',
    'bad_enum': 'no value named MEDIAN',
    'negative_pad': 'must not be negative',
    'required_field_missing_clip': 'Message missing required fields: layer[1].clip_param.max',
    'conv_no_num_output': 'num_output: must be positive',
    'conv_no_kernel': (
        'kernel_size must be specified once, or once per spatial dimension (kernel_size '
        'specified 0 times; 2 spatial dims)'
    ),
    'conv_kernel_twice': 'Either kernel_size or kernel_h/w should be specified; not both',
    'conv_group_channels': "group: 3 must divide the 4 channels of bottom 'x'",
    'conv_kernel_larger_than_image': (
        'kernel (9, 9) with dilation (1, 1) is larger than the padded bottom'
    ),
    'conv_two_bottoms_different_shape': (
        "shape mismatch - bottom[0] 'x': 2 4 6 6 (288) vs. 'z': 2 4 5 5 (200)"
    ),
    'pool_no_kernel': 'Filter size is kernel_size OR kernel_h and kernel_w; not both',
    'pool_only_kernel_h': 'Filter size is kernel_size OR kernel_h and kernel_w; not both',
    'pool_global_with_kernel': 'With Global_pooling: true Filter size cannot specified',
    'pool_pad_ge_kernel': 'pad_h_ < kernel_h_',
    'pool_3d_input': 'Input must have 4 axes, corresponding to (num, channels, height, width)',
    'pool_stochastic_cpu': 'Not Implemented Yet',
    'lrn_even_size': 'LRN only supports odd values for local_size',
    'concat_shape_mismatch': 'All inputs must have the same shape, except at concat_axis',
    'concat_axis_and_dim': 'Either axis or concat_dim should be specified; not both.',
    'eltwise_shape_mismatch': 'bottom[0]: 2 4 6 6 (288), bottom[1]: 2 4 6 5 (240)',
    'eltwise_coeff_count': 'Eltwise Layer takes one coefficient per bottom blob.',
    'slice_point_count': 'slice_point: found 1, needed one fewer than the 3 tops',
    'slice_not_divisible': 'Number of top blobs (3) should evenly divide input slice axis (4)',
    'reshape_count_mismatch': 'output count must match input count',
    'reshape_two_inferred': (
        'new shape contains multiple -1 dims; at most a single (1) value of -1 may be specified'
    ),
    'reshape_in_place': 'Reshape Layer does not allow in-place computation.',
    'absval_in_place': 'AbsVal Layer does not allow in-place computation.',
    'ip_axis_out_of_range': 'axis 5 out of range for 4-D Blob with shape 2 4 6 6 (288)',
    'softmaxloss_label_count': (
        'Number of labels must match number of predictions; e.g., if softmax axis == 1 and '
        'prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W'
    ),
    'loss_batch_mismatch': 'The data and label should have the same first dimension',
    'softmaxloss_two_tops': 'SoftmaxWithLoss Layer produces 1 top blob(s) as output.',
    'softmaxloss_two_tops_with_weights': 'SoftmaxWithLoss Layer produces 1 top blob(s) as output.',
    'loss_weight_count': 'loss_weight must be unspecified or specified once per top blob',
    'contrastive_spatial': 'bottom[0]->height() == 1',
    'label_gradient_requested': 'SoftmaxWithLoss Layer cannot backpropagate to label inputs.',
    'accuracy_top_k': 'top_k must be less than or equal to the number of classes',
    'accuracy_force_backward': 'Not Implemented Yet',
    'infogain_3_bottoms_force_backward': (
        'InfogainLoss Layer cannot backpropagate to infogain inputs.'
    ),
    'filter_force_backward': 'FilterLayer cannot backpropagate to filter index inputs',
    'batchreindex_out_of_range': 'batch',
    'too_many_params': 'Too many params specified for layer bad',
    'batchnorm_lr_mult_not_zero_4th': (
        'Cannot configure batch normalization statistics as layer parameters'
    ),
    'shared_param_shape_mismatch': (
        'shape mismatch. Owner layer param shape is 2 4 (8); sharing layer expects shape 3 4 (12)'
    ),
    'shared_param_lr_mismatch': "Shared param 'w' has mismatched lr_mult",
    'exp_bad_base': 'base must be strictly positive',
    'tile_no_tiles': 'Number of tiles must be specified',
    'crop_too_big': 'the crop for dimension 2 is out-of-bounds with size 5 and offset 3',
    'crop_offset_count': (
        'number of offset values specified must be equal to the number of dimensions following axis'
    ),
    'filter_batch_mismatch': 'Each bottom should have the same 0th dimension as the selector blob',
    'embed_no_input_dim': 'EmbedLayer input_dim must be positive',
    'scale_shape_mismatch': 'dimension mismatch between bottom[0]->shape(1) and scale->shape(0)',
    'reduction_axis': 'axis 7 out of range for 4-D Blob with shape 2 4 6 6 (288)',
    'input_shape_count': (
        "Must specify 'shape' once, once per top blob, or not at all: 3 tops vs. 2 shapes."
    ),
    'include_and_exclude': 'Specify either include rules or exclude rules; not both.',
    'propagate_down_count': 'propagate_down param must be specified either 0 or bottom_size times',
    'dummydata_filler_count': (
        'Number of data fillers must be 0, 1 or equal to the number of tops: 3; you specified 2'
    ),
    'unknown_filler': 'Unknown filler name: glorot',
    'sparse_uniform_ignored_gauss_p_gt_1': 'p <= 1',
    'bilinear_filler_2d': 'Blob must be 4 dim.',
    'lmdb_missing': 'no such file or folder',
    'imagedata_list_missing': 'nosuch.txt',
    'imagedata_one_new_dim': 'requires new_height and new_width to be set at the same time',
    'batchnorm_one_axis': 'axis 1 out of range for 1-D Blob with shape 4 (4)',
    'imagedata_crop_larger_than_image': 'a.ppm is 2 x 2, smaller than crop_size 5',
    'mean_file_and_mean_value': 'Cannot specify mean_file and mean_value at the same time',
    'hdf5_list_missing': 'Failed to open source file: nosuch.txt',
    'hdf5_file_missing': 'Failed opening HDF5 file: nosuch.h5',
    'hdf5_with_transform': 'HDF5Data does not transform data.',
    'memorydata_no_size': (
        'batch_size, channels, height, and width must be specified and positive in '
        'memory_data_param'
    ),
    'save_hdf5_layer_name_with_slash': 'Error saving weights to o.h5',
    'lstm_num_output': 'num_output must be positive',
    'lstm_cont_shape': "bottom 'c': found 3 3 (9), needed 3 2, for 3 steps of 2 streams",
}
# The layer at fault where it is not called 'bad'.
LAYER_AT_FAULT = {
    'duplicate_top': 'b',
    'input_shape_count': 'i',
    'shared_param_shape_mismatch': 'b',
    'shared_param_lr_mismatch': 'b',
    'dummydata_filler_count': 'd',
    'lmdb_missing': 'd',
    'imagedata_list_missing': 'd',
    'imagedata_one_new_dim': 'd',
    'imagedata_crop_larger_than_image': 'd',
    'mean_file_and_mean_value': 'd',
    'hdf5_list_missing': 'd',
    'hdf5_file_missing': 'd',
    'hdf5_with_transform': 'd',
    'memorydata_no_size': 'd',
    'save_hdf5_layer_name_with_slash': 'a/ip',
}

SOLVER_PHRASES = {
    'solver_no_net': (
        'SolverParameter must specify a train net using one of these fields: net, net_param, '
        'train_net, train_net_param'
    ),
    'solver_two_nets': (
        'SolverParameter must not contain more than one of these fields specifying a train_net: '
        'net, net_param, train_net, train_net_param. Found net and train_net'
    ),
    'solver_net_missing': 'File not found: nosuch.prototxt',
    'solver_unknown_lr_policy': (
        'Unknown learning rate policy: cosine (known policies: fixed, step, exp, inv, multistep, '
        'poly, sigmoid)'
    ),
    'solver_step_without_stepsize': "lr_policy 'step' needs stepsize > 0, found 0",
    'solver_unknown_solver_type': (
        "Unknown solver type: AdamW; did you mean 'Adam'? (known types: AdaDelta, AdaGrad, Adam, "
        'Nesterov, RMSProp, SGD)'
    ),
    'solver_adagrad_momentum': (
        'Momentum cannot be used with AdaGrad. Found momentum: 0.9; remove it'
    ),
    'solver_rmsprop_momentum': 'Momentum cannot be used with RMSProp.',
    'solver_test_iter_without_interval': (
        'test_interval must be > 0 if there is a test_iter, found 0'
    ),
    'solver_test_nets_without_iter': 'test_iter must be specified for each test network.',
    'solver_unknown_regularization': 'Unknown regularization type: L3',
    'solver_solver_parse_error': 'solver.prototxt:4:10: ',
}
