"""`goodinit.open_net` and `goodinit.open_data`: a net by name or path, and data to fit it."""

import warnings
from pathlib import Path

from ..netlib import Net
from ..netlib.data.samples import Mean
from ..netlib.engines import Engine
from ..netlib.shapes import Shape
from .data_options import DataOptions, Source
from .feed import Feed
from .filled_net import Net as FilledNet
from .filled_net import filled_net, phase_number
from .net_file import read_net_file
from .net_inputs import check_learns, inputs_of_net
from .sampling import sampled
from .shaped import shaped


def open_net(
    name_or_path: str | Path,
    phase: int | str = 'train',
    *,
    input_shape: Shape | None = None,
    weights: str | Path | None = None,
    engine: Engine | str = 'fast',
    seed: int = 0,
) -> FilledNet:
    """A net that is ready for data: Input layers instead of its data layers, parameters filled.

        net = goodinit.open_net('lenet')
        data = goodinit.open_data('images/', net)
        goodinit.initialize(net, data, 'lsuv', seed=0)
        net.save('lenet.caffemodel')

    name_or_path: a train_val, deploy or solver prototxt, or a bundled model ('lenet',
    'fitnet4/relu', 'lenet/deploy'). phase: 'train' or 'test'. input_shape: (C, H, W) of one sample,
    if neither the prototxt nor a deploy.prototxt next to it gives one. weights: a caffemodel or .h5
    whose weights replace those of the fillers; a UserWarning names the layers that only the net or
    only the file has. Without `weights`, BatchNorm normalizes by the batch. seed: for the fillers,
    dropout and the data layers.

    Raises GoodinitError.
    """
    file = read_net_file(name_or_path, phase_number(phase))
    shape = tuple(input_shape) if input_shape else None
    param = shaped(file, DataOptions(input_shape=shape, seed=seed))
    net, notes = filled_net(param, weights=str(weights or ''), engine=engine, seed=seed)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return net


def open_data(
    path_or_arrays: Source,
    net: Net,
    *,
    mean: Mean = None,
    scale: float | None = None,
    crop: int | None = None,
    batch_size: int | None = None,
    batches: int = 1,
    input_shape: Shape | None = None,
    seed: int = 0,
) -> Feed:
    """Data for a net, transformed, in batches of the right shape; like `--data` in the tools.

        data = goodinit.open_data('images/', net, mean=(104, 117, 123), batches=4)
        data = goodinit.open_data((pixels, labels), net, scale=1 / 255)
        print(data)

    path_or_arrays: a folder of images, a glob, a list file, an .npy or .npz file, an LMDB or
    LevelDB, the files of MNIST or CIFAR-10; an array (N, C, H, W), or a pair of arrays: samples and
    labels (N,). None: scikit-learn's digits for one channel, crops of its two photographs for
    three, Gaussian noise for signals (C, L) and volumes (C, D, H, W).

    An input that an Embed layer reads takes integers below its input_dim, by default random ones.
    Where a recurrent layer wants time first, (T, N, ...), each sample is a sequence (T, ...); an
    array with time first is cut into sequences.

    Images are resized to cover the height and width of the net's input, then center-cropped; `crop`
    first takes the central crop x crop pixels. Each value then becomes (value - mean) * scale.
    mean: a number, one per channel, or a mean file. By default, mean and scale are those of the
    layer's transform_param. `batches` batches of `batch_size` samples (default: 32), chosen by
    `seed`. input_shape: (C, H, W), to give the net samples of a different shape.

    The result has `batches` ({blob: values} each), `describe`, `notes`, `labels` and `statistics`.
    Raises GoodinitError.
    """
    options = DataOptions(path_or_arrays, mean, scale, crop, batch_size, batches, input_shape, seed)
    inputs = inputs_of_net(net, options)
    check_learns(inputs, f"net '{net.name}'")
    found = sampled(inputs, options.open(), options, net.ranks)
    found.clip_labels(net)
    return found
