"""Nets and solvers that ask for more time or memory than there is, each with a command that reads
it."""

import fuzz_seeds as seeds

BOMBS = {}


def bomb(function):
    """A function (folder) -> the arguments of goodinit, which are also given the folder's name."""
    BOMBS[function.__name__] = function
    return function


def written(folder, data, name):
    if isinstance(data, str):
        data = data.encode()
    (folder / name).write_bytes(data)
    return name


# -- nets

INPUT = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {} }} }} }}\n'


def net(layers, *shape):
    """The text of a net on an input of a shape."""
    dims = ' '.join(f'dim: {n}' for n in shape or (1, 3, 16, 16))
    return INPUT.format(dims) + layers


def layer(kind, fields='', bottom='data', top='top'):
    return f'layer {{ name: "{top}" type: "{kind}" bottom: "{bottom}" top: "{top}" {fields} }}\n'


def conv(fields):
    return layer('Convolution', f'convolution_param {{ {fields} }}')


def chain(count):
    """So many layers, one on the other."""
    return ''.join(layer('ReLU', bottom=f't{i}', top=f't{i + 1}') for i in range(count))


def solver(fields):
    return f'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" snapshot_prefix: "s" {fields}'


DUMMY = 'layer { name: "data" type: "DummyData" top: "data" dummy_data_param { shape { %s } } }'
IP = layer('InnerProduct', 'inner_product_param { num_output: 4000000000 }')
RECURRENT = """layer { name: "cont" type: "Input" top: "cont"
  input_param { shape { dim: 1000000 dim: 1 } } }
layer { name: "lstm" type: "LSTM" bottom: "data" bottom: "cont" top: "lstm"
  recurrent_param { num_output: 4 } }"""
READERS = ''.join(layer('ReLU', top=f'r{i}') for i in range(5000))
TOPS = ' '.join(f'top: "s{i}"' for i in range(20000))
NOPES = ''.join(layer('Nope', top=f'n{i}') for i in range(1000))
# What a net asks for, and the command that reads it.
NETS = {
    'batch_of_2_31': ('stats', net(conv('num_output: 2 kernel_size: 3'), 2**31 - 1, 3, 16, 16)),
    'extent_of_2_40': ('show', net(conv('num_output: 2 kernel_size: 3'), 1, 3, 2**40, 16)),
    'extents_beyond_2_64': ('stats', net(layer('ReLU'), *[2**31] * 4)),
    'extent_of_2_64': ('show', net(layer('ReLU'), 2**64)),
    'kernel_of_2_31': ('show', net(conv('num_output: 2 kernel_size: 2147483648'))),
    'kernel_in_pad': ('stats', net(conv('num_output: 2 kernel_size: 100000 pad: 100000'))),
    'pad_of_2_20': ('stats', net(conv('num_output: 2 kernel_size: 3 pad: 1048576'))),
    'pad_of_2_32': ('show', net(conv('num_output: 2 kernel_size: 3 pad: 4294967295'))),
    'dilation': ('stats', net(conv('num_output: 2 kernel_size: 3 dilation: 1000000 pad: 1000000'))),
    'group': ('show', net(conv('num_output: 4000000000 kernel_size: 3 group: 4000000000'))),
    'num_output': ('stats', net(IP)),
    'num_output_shown': ('lint', net(IP)),
    'deconvolution': (
        'stats',
        net(
            layer(
                'Deconvolution',
                'convolution_param { num_output: 9 kernel_size: 3 stride: 1000000 }',
            )
        ),
    ),
    'im2col': ('stats', net(layer('Im2col', 'convolution_param { kernel_size: 999 pad: 9999 }'))),
    'tile': ('stats', net(layer('Tile', 'tile_param { tiles: 2147483647 }'))),
    'upsample': ('stats', net(layer('Interp', 'interp_param { height: 99999 width: 99999 }'))),
    'spp': ('show', net(layer('SPP', 'spp_param { pyramid_height: 1000 }'))),
    'embed': (
        'stats',
        net(layer('Embed', 'embed_param { input_dim: 2000000000 num_output: 2000000000 }'), 4),
    ),
    'dummy_data': ('show', DUMMY % 'dim: 4000000000 dim: 3 dim: 60000 dim: 60000'),
    'recurrent': ('show', net(RECURRENT, 10**6, 1, 4)),
    'slice': ('show', net(layer('Slice', 'top: "u" slice_param { slice_point: 4294967295 }'))),
    'readers': ('lint', net(READERS)),
    'tops': ('show', net(layer('Split', TOPS))),
    'bottoms': ('show', net(layer('Concat', 'bottom: "data" ' * 20000))),
    'million_tops': ('show', net(layer('Split', 'top: "s" ' * 10**6))),
    'million_layers': ('show', net(layer('ReLU') * 10**6)),
    'layers': ('show', net(chain(5000)).replace('"data"', '"t0"')),
    'unknown_types': ('lint', net(NOPES)),
    'unknown_fields': ('lint', net('layer { name: "a" nope: 3 }\n' * 2000)),
    'nesting': ('lint', 'layer {' * 20000),
    'closed_nesting': ('show', 'layer {' * 100000 + '}' * 100000),
    'line': ('lint', net(layer('ReLU', f'name: "{"x" * 10**8}"'))),
    'string': ('show', net(layer('ReLU', top='x' * (5 * 10**7)))),
    'digits': ('show', net(conv(f'num_output: {"9" * 10**6} kernel_size: 3'))),
}
# The fields of a solver.
SOLVERS = {
    'iter_size': solver('max_iter: 2147483648'),
    'average_loss': solver('max_iter: 1 average_loss: 2147483647'),
}


def of_net(command, text):
    def write(folder):
        name = written(folder, text, 'net.prototxt')
        if command == 'stats':
            return [command, '--proto', name]
        return [command, name]

    return write


def of_solver(text):
    def write(folder):
        written(folder, seeds.NET, 'net.prototxt')
        return ['lint', written(folder, text, 'solver.prototxt')]

    return write


BOMBS.update({name: of_net(*net) for name, net in NETS.items()})
BOMBS.update({f'solver_{name}': of_solver(text) for name, text in SOLVERS.items()})
