"""Figure 4: CaffeNet on ImageNet from LSUV's and from its published weights.

Claimed: from LSUV's weights the flat start ends after 0.05 epochs instead of 0.5, and the net
learns faster, but from the 30th epoch on it is behind; its final accuracy is 1.3 % lower. Reduced:
100 iterations of 32 on photographs at hand. It took 5 minutes on a core.
"""

from goodinit.experiments.mishkin_imagenet import experiment

EXPERIMENT = experiment(
    'caffenet',
    'Figure 4: CaffeNet from LSUV and from its published weights',
    'The paper: the flat start takes 0.05 epochs from LSUV (250 iterations of 256 images), 0.5 '
    'from the published weights (2,500).',
    {
        'iterations': 350_000,
        'batch_size': 256,
        'every': 20,
        'snapshot': 2_000,
        'test_every': 1_000,
        'tested': 50_000,
    },
    {'iterations': 100, 'batch_size': 32, 'snapshot': 20},
)
