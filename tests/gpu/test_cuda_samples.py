"""What an initialization copies: the images go to the device once, and their patches stay there."""

import numpy as np
import pytest
from device_counts import Counts, counted
from goodinit.initializers import fill, initialize, of_kind
from goodinit.initializers.from_samples.host_rows import BLOCK
from goodinit.initializers.recipe import Recipe
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.proto import parse_net
from small_nets import conv, data, relu

pytestmark = pytest.mark.cuda

IMAGES = (12, 3, 32, 32)
# Two groups, whose patches come in one tensor.
NET = data('12 3 32 32') + conv('c1', 'data', 16) + relu('c1') + conv('c2', 'c1', 8, 3, 'group: 2')
# Of each layer: patches in a group, groups, dimensions, outputs of a group.
LAYERS = [(12 * 30 * 30, 1, 27, 16), (12 * 28 * 28, 2, 8 * 9, 4)]
ITEM = 4
# What is as long as a patch or as there are outputs, in each iteration of k-means too.
FEW = 4000
MOST = 1e-3  # of the largest weight: by rounding, which docs/gpu.md describes


@pytest.fixture(autouse=True)
def emulated(cuda_device):
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")


def initialized(method: str, engine: str, batches: int = 1) -> tuple[Net, Counts]:
    """The net, initialized from so many batches of images; and what was copied."""
    net = Net(parse_net(NET), engine=make_engine(engine), seed=0)
    fill(net, np.random.default_rng(0))
    draw = np.random.default_rng(1)
    images = [{'data': smooth_images(draw)} for _ in range(batches)]
    recipe = Recipe(weights_from=method, normalize='within', between='none')
    if engine == 'cuda':
        counted()
    initialize(net, images, recipe, np.random.default_rng(0))
    return net, counted() if engine == 'cuda' else Counts()


def smooth_images(draw: np.random.Generator) -> np.ndarray:
    """Their patches vary far more in some directions than in others, as those of photographs."""
    coarse = draw.normal(size=(*IMAGES[:2], 8, 8))
    fine = draw.normal(size=IMAGES)
    return (3 * np.kron(coarse, np.ones((4, 4))) + fine).astype(np.float32)


def weights_of(net: Net) -> list[np.ndarray]:
    return [layer.weight.data for layer in net.layers if hasattr(layer, 'weight')]


@pytest.mark.parametrize('method', of_kind('samples'))
def test_patches_stay_on_the_device(method):
    """Up: the images, the numbers of the patches drawn, and matrices of weights and of coordinates.
    Down: of each patch, two magnitudes and a length; covariances with what their sums round off,
    and matrices of coordinates and of weights."""
    _, found = initialized(method, 'cuda')
    numbers = sum(rows for rows, *_ in LAYERS)
    patches = sum(rows * groups for rows, groups, *_ in LAYERS)
    coordinates = sum(groups * size**2 for _, groups, size, _ in LAYERS)
    weights = sum(groups * size * outputs for _, groups, size, outputs in LAYERS)
    images = int(np.prod(IMAGES))
    up = ITEM * (images + numbers + 4 * coordinates + 6 * weights + FEW)
    down = ITEM * (3 * patches + 3 * coordinates + 3 * weights + FEW)
    assert found['copy to_device, bytes'] <= up
    assert found['copy to_host, bytes'] <= down
    for rows, groups, size, _ in LAYERS:
        assert rows > BLOCK
        assert ITEM * rows * groups * size > max(up, down)


@pytest.mark.parametrize('batches', [2, 3])
def test_batches_stay_on_the_device(batches):
    """Images go there once for all layers that read them, and what layers make of them stays."""
    one, several = (initialized('zca', 'cuda', count)[1] for count in (1, batches))
    up, down = ('copy to_device, bytes', 'copy to_host, bytes')
    patches = sum(rows for rows, *_ in LAYERS)
    more = ITEM * (batches - 1)
    assert several[up] - one[up] <= more * (int(np.prod(IMAGES)) + patches + FEW)
    assert several[down] - one[down] <= more * (FEW + 4 * patches)


@pytest.mark.parametrize('room', [0, 4 * 12 * 3 * 32 * 32])
def test_without_room_they_wait_on_the_host(room, monkeypatch):
    """All of them, or only what a layer makes of the images."""
    expected = weights_of(initialized('zca', 'cuda', 2)[0])
    monkeypatch.setattr(Cuda, 'room', lambda engine: room)
    net, found = initialized('zca', 'cuda', 2)
    for W, wanted in zip(weights_of(net), expected, strict=True):
        np.testing.assert_array_equal(W, wanted)
    assert found['copy to_host, bytes'] > 2 * net.blobs['c1'].values.size * ITEM


@pytest.mark.parametrize('method, batches', [('pca', 1), ('rand', 2), ('kmeans', 1)])
def test_weights_are_those_of_the_cpu(method, batches):
    """Also from the patches of several batches, which are put together on the device."""
    ours, expected = (
        weights_of(initialized(method, name, batches)[0]) for name in ('cuda', 'fast')
    )
    assert len(ours) == 2
    for W, wanted in zip(ours, expected, strict=True):
        np.testing.assert_allclose(W, wanted, rtol=0, atol=MOST * np.abs(wanted).max())


def test_few_patches_come_down_once():
    """Up to BLOCK, whose covariance is of float64, on the host; k-means has them on the device."""
    net = Net(parse_net(data('4 3 32 32') + conv('c', 'data', 16)), engine='cuda', seed=0)
    fill(net, np.random.default_rng(0))
    images = np.random.default_rng(1).normal(size=(4, 3, 32, 32)).astype(np.float32)
    counted()
    recipe = Recipe(weights_from='kmeans', normalize='within', between='none')
    initialize(net, [{'data': images}], recipe, np.random.default_rng(0))
    found = counted()
    patches = 4 * 30 * 30
    assert patches <= BLOCK
    assert found['copy to_host, bytes'] <= ITEM * (patches * (27 + 3) + FEW)
    assert found['copy to_device, bytes'] <= ITEM * (images.size + patches + 4 * 27**2 + FEW)
