"""A net by name or path, data by path, and the one shaped for the other.

opening.py has what a program calls: `goodinit.open_net` and `goodinit.open_data`. fed_net.py is the
way that the tools take. Both read a net's file (net_file, bundled), find the blobs to fill
(net_inputs, with image_shape and data_layers), draw samples for them (sampling, into a feed), and
build the net (input_layers, filled_net, weights_file). digits and digit_training replace the data
of bundled models.
"""
