"""Figure 4: the loss of GoogLeNet on ImageNet, by the reference and from k-means weights, with its
auxiliary classifiers and without.

Claimed: from k-means weights it learns much faster, and needs no auxiliary classifiers. Reduced: 40
iterations of 8 on photographs at hand. It took 4 minutes on two cores.
"""

from goodinit.experiments.imagenet_training import experiment
from goodinit.experiments.runner import Cell

NETS = {
    'reference': ('googlenet', 'reference'),
    'kmeans': ('googlenet', 'kmeans'),
    'kmeans_single_loss': ('googlenet/no_aux', 'kmeans'),
}
EXPERIMENT = experiment(
    'ImageNet: loss of GoogLeNet with and without auxiliary classifiers',
    'Krähenbühl et al. 2016, Figure 4: GoogLeNet on ImageNet',
    [
        Cell(name, {'model': model, 'weights': weights, 'seed': 1})
        for name, (model, weights) in NETS.items()
    ],
    {'iterations': 2_400_000, 'batch_size': 32, 'every': 40, 'snapshot': 4_000},
    {'iterations': 40, 'batch_size': 8, 'snapshot': 20},
)
