"""What the tests of shared memory have in common: nets with something in every parameter, inputs,
and random nets."""

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto import parse_net
from small_nets import FILLER, data, fc, layer

# Layers that leave the extents of an image, 5 x 5, as they are.
ALONE = {
    'Convolution': f'convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 {FILLER} }} ',
    'ReLU': 'relu_param { negative_slope: 0.1 } ',
    'Dropout': '',
    'BatchNorm': '',
    'Scale': 'scale_param { bias_term: true } ',
    'Power': 'power_param { power: 2 scale: 0.1 shift: 0.5 } ',
    'Pooling': 'pooling_param { kernel_size: 3 stride: 1 pad: 1 } ',
    'Reshape': 'reshape_param { shape { dim: 0 dim: -1 dim: 5 dim: 5 } } ',
}
IN_PLACE = ('ReLU', 'Dropout', 'BatchNorm', 'Scale', 'Power')
JOINING = {'Eltwise': 'eltwise_param { operation: PROD } ', 'Concat': ''}


def filled(param, phase, engine='fast'):
    """A net of whose parameters none are zero."""
    net, rng = Net(param, phase, seed=0, engine=engine), np.random.default_rng(0)
    fill(net, rng)
    for weight in net.all_params():
        if not weight.data.any():
            weight.data = rng.uniform(0.01, 0.02, weight.shape)
    return net


def put_inputs(net, seed):
    rng = np.random.default_rng(seed)
    for name in net.inputs:
        blob = net.blobs[name]
        blob.data = (
            rng.integers(0, 2, blob.shape) if 'label' in name else rng.standard_normal(blob.shape)
        )


def gradients(net, seed=0):
    """The loss, and the gradients of the parameters and of the inputs."""
    put_inputs(net, seed)
    net.clear_param_diffs()
    found = {'loss': net.forward()}
    net.backward()
    blobs = {
        blob.name: blob for blob in [*net.all_params(), *(net.blobs[name] for name in net.inputs)]
    }
    return found | {name: blob.diff.copy() for name, blob in blobs.items()}


def loss(bottom, weight=1):
    """The sum of the squares of a blob."""
    return layer(
        'Reduction',
        f'loss_{bottom}',
        bottom,
        fields=f'reduction_param {{ operation: SUMSQ }} loss_weight: {weight}',
    )


def random_net(seed):
    """A net of layers drawn at random, each on one of the last blobs: in place and not, with
    several readers and none, with losses in between and bottoms that get no gradient."""
    rng = np.random.default_rng(seed)
    text = 'force_backward: true\n' * int(rng.random() < 0.3)
    draft = Draft(rng, text + data('2 4 5 5') + data('2 4 5 5', 'more'))
    for k in range(rng.integers(5, 18)):
        draft.add_layer(k)
    last = list(draft.channels)[-1]
    return parse_net(draft.text + fc('end', last, 3) + loss('end'))


class Draft:
    """A net that grows: its text, its blobs with their channels, and those that nothing reads."""

    def __init__(self, rng, text):
        self.rng = rng
        self.text = text
        self.channels = {'data': 4, 'more': 4}
        self.unread = set()

    def happens(self, share):
        return self.rng.random() < share

    def add_layer(self, k):
        x = str(self.rng.choice(list(self.channels)[-4:]))
        kind = str(self.rng.choice([*ALONE, *JOINING, 'Slice', 'Silence']))
        channels, bottoms, tops = self.channels[x], [x], [f'b{k}']
        if kind in IN_PLACE and x in self.unread and self.happens(0.7):
            tops = [x]
        elif kind in JOINING:
            bottoms.append(self.partner(channels))
            channels *= 2 if kind == 'Concat' else 1
        elif kind == 'Slice':
            if channels % 2:
                return
            channels, tops = channels // 2, [f'b{k}', f'c{k}']
        elif kind == 'Convolution':
            channels = 4
        elif kind == 'Silence':
            tops = []
        fields = ALONE.get(kind, JOINING.get(kind, '')) + self.propagate_down(bottoms)
        self.text += layer(kind, f'l{k}', ' '.join(bottoms), ' '.join(tops), fields)
        self.channels.update(dict.fromkeys(tops, channels))
        self.unread = self.unread - {*bottoms} | {*tops}
        self.perhaps_add_loss(tops)

    def partner(self, channels):
        """A blob with as many channels."""
        fitting = [name for name, count in self.channels.items() if count == channels]
        return str(self.rng.choice(fitting))

    def propagate_down(self, bottoms):
        value = str(self.happens(0.5)).lower()
        return f'propagate_down: {value} ' * len(bottoms) * int(self.happens(0.1))

    def perhaps_add_loss(self, tops):
        if tops and self.happens(0.1):
            self.text += loss(tops[0], self.rng.random())
            self.unread -= {*tops}
