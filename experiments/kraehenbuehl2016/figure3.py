"""Figure 3: the loss of CaffeNet on ImageNet from five initializations.

Claimed: Gaussian and k-means weights, scaled, are ahead of the reference and of MSRA's over the
first 100,000 of 350,000 iterations, and so is k-means without LRN; the others catch up later.
Reduced: 40 iterations of 32 on photographs at hand. It took 3 minutes on two cores.
"""

from goodinit.experiments.imagenet_training import experiment
from goodinit.experiments.runner import Cell

NETS = {
    'reference': ('caffenet', 'reference'),
    'msra': ('caffenet', 'msra'),
    'random': ('caffenet', 'random'),
    'kmeans': ('caffenet', 'kmeans'),
    'kmeans_no_lrn': ('caffenet/no_lrn', 'kmeans'),
}
EXPERIMENT = experiment(
    'ImageNet: loss of CaffeNet from five initializations',
    'Krähenbühl et al. 2016, Figure 3: CaffeNet on ImageNet',
    [
        Cell(name, {'model': model, 'weights': weights, 'seed': 1})
        for name, (model, weights) in NETS.items()
    ],
    {'iterations': 350_000, 'batch_size': 256, 'every': 20, 'snapshot': 2_000},
    {'iterations': 40, 'batch_size': 32, 'snapshot': 20},
)
