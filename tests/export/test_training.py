"""A net is initialized here and trained in PyTorch: the same losses, and the weights come home.

In float32 two trainings of a deep net part by themselves: a change of FitNet-4's weights by 1e-7
moves its losses by 1e-2 within ten steps. So that net is trained in float64, where every difference
would be a mistake, and a shallower one in float32.
"""

import numpy as np
import pytest
from exported import load_module
from goodinit.feeding.bundled import find_model
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.weights.state_dict import state_entries
from goodinit.proto import parse_solver, read_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter
from goodinit.solvers import Solver

from goodinit import export

torch = pytest.importorskip('torch', reason='needs PyTorch: pip install torch')

STEPS, MOMENTUM, DECAY = 10, 0.9, 0.0005


def fed(param, images):
    """The net with Input layers, and nothing that draws: no two generators drop alike."""
    out = NetParameter(name=param.name)
    for name, shape in (('data', (images, 3, 32, 32)), ('label', (images,))):
        layer = LayerParameter(name=name, type='Input', top=[name])
        layer.input_param.shape.add(dim=shape)
        out.layer.add().CopyFrom(layer)
    for layer in param.layer:
        if layer.type in ('Data', 'Accuracy'):
            continue
        new = out.layer.add()
        new.CopyFrom(layer)
        if layer.type == 'Dropout':
            new.dropout_param.dropout_ratio = 0
    return out


def batches(images, dtype):
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        labels = rng.integers(10, size=images)
        pixels = rng.standard_normal((images, 3, 32, 32)) + labels[:, None, None, None] / 5
        yield {'data': pixels.astype(dtype), 'label': labels.astype(dtype)}


def solver_for(param, rate, dtype):
    solver = parse_solver(
        f'base_lr: {rate} momentum: {MOMENTUM} weight_decay: {DECAY} lr_policy: "fixed" '
        f'max_iter: {STEPS} display: 0 snapshot: 0'
    )
    solver.train_net_param.CopyFrom(param)
    return Solver(solver, engine=make_engine('fast', dtype=dtype))


def losses_here(solver, data):
    """The loss before each of the steps."""
    out = []
    for batch in data:
        for name, values in batch.items():
            solver.net.blobs[name].data = values
        solver.step(1)
        out.append(float(solver.net.blobs['loss'].data))
    return out


def losses_there(net, entries, rate, data):
    """The same in PyTorch, each weight with the rate and decay that the prototxt gives it."""
    weights = dict(net.named_parameters())
    groups = []
    for entry in entries:
        if entry.key in weights:
            rates = {
                'lr': rate * entry.param.lr_mult,
                'weight_decay': DECAY * entry.param.decay_mult,
            }
            groups.append({'params': [weights[entry.key]], **rates})
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM)
    out = []
    for batch in data:
        optimizer.zero_grad()
        loss = net.loss(*map(torch.from_numpy, batch.values()))
        loss.backward()
        optimizer.step()
        out.append(loss.item())
    return out


@pytest.mark.parametrize(
    'model, images, rate, dtype, tolerance',
    [
        ('cifar10_quick', 8, 0.001, np.float32, 1e-4),
        pytest.param('fitnet4/relu', 2, 0.01, np.float64, 1e-6, marks=pytest.mark.slow),
    ],
)
def test_nets_train_alike(model, images, rate, dtype, tolerance, tmp_path):
    param = fed(read_net(find_model(model)), images)
    data = list(batches(images, dtype))
    solver = solver_for(param, rate, dtype)
    rng = np.random.default_rng(0)
    fill(solver.net, rng)
    initialize(solver.net, data[:1], PRESETS['lsuv'], rng)
    entries = state_entries(solver.net)
    for entry in entries:
        entry.write(entry.read().copy())  # rounded to float32, as in the file
    export.write(solver.net, tmp_path / 'net.py', export.Options(train=True, check=False))
    net = load_module(tmp_path / 'net.py').load().train()
    net = net.double() if dtype is np.float64 else net

    there, here = losses_there(net, entries, rate, data), losses_here(solver, data)
    assert abs(here[-1] - here[0]) > 0.01
    np.testing.assert_allclose(there, here, rtol=tolerance)

    weights = {key: tensor.float().numpy() for key, tensor in net.state_dict().items()}
    home = Net(param, TRAIN)
    assert home.load_state_dict(weights) == []
    home.save(tmp_path / 'home.caffemodel')
    solver.net.save(tmp_path / 'here.caffemodel')
    assert answers(param, tmp_path / 'home.caffemodel', data) == answers(
        param, tmp_path / 'here.caffemodel', data
    )


def answers(param, path, data):
    """The class that each image gets."""
    net = Net(param, TEST, load=path)
    found = []
    for batch in data:
        for blob, values in batch.items():
            net.blobs[blob].data = values
        net.forward()
        found += net.bottoms[-1][0].data.argmax(1).tolist()
    return found
