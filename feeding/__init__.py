"""Opening a net by name or path, and data by path, shaped for the net.

Programs call opening.py (`goodinit.open_net` and `goodinit.open_data`), initializing.py
(`goodinit.initialize` and `goodinit.measure`, with data in any form: any_data) and filled_net.py
(`goodinit.Net`); the tools use fed_net.py. advice says what could be better about the data.
All read a net's file (net_file, bundled), find the blobs to fill
(net_inputs, with image_shape and data_layers), draw samples for them (sampling, into a feed), and
build the net (input_layers, filled_net, weights_file). digits and digit_training replace the data
of bundled models.
"""
