"""Figure 5: GoogLeNet on ImageNet from LSUV's and from its published weights.

Claimed: from LSUV's weights it learns faster, and has the better accuracy all the time: in the end
68.0 % against 67.2. Reduced: 100 iterations of 32 on photographs at hand. It took 7 minutes on a
core.
"""

from goodinit.experiments.mishkin_imagenet import experiment

EXPERIMENT = experiment(
    'googlenet',
    'Figure 5: GoogLeNet from LSUV and from its published weights',
    'The paper: in the end 68.0 % of the validation images are right from LSUV, 67.2 from the '
    'published weights.',
    {
        'iterations': 2_400_000,
        'batch_size': 32,
        'every': 40,
        'snapshot': 4_000,
        'test_every': 4_000,
        'tested': 50_000,
    },
    {'iterations': 100, 'batch_size': 32, 'snapshot': 20},
)
